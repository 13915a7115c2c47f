//! Attributes as they stand in their list, before anything is known of their content.

use super::code::{self, EXTENDED_LENGTH, OPTIONAL, TRANSITIVE};
use super::error::AttributeErrorKind;

/// One attribute as it stands in the list.
#[derive(Clone, Copy)]
pub(super) struct Raw<'a> {
    pub(super) flags: u8,
    pub(super) code: u8,
    pub(super) value: &'a [u8],
}

impl<'a> Raw<'a> {
    /// Takes the attribute at the front off; `None` where there is no whole one, for which
    /// [`split_fault`] gives the reason.
    #[inline]
    pub(super) fn split_off(list: &'a [u8]) -> Option<(Self, &'a [u8])> {
        let (flags, code, length, tail) = match list {
            [flags, code, length, tail @ ..] if flags & EXTENDED_LENGTH == 0 => {
                (*flags, *code, usize::from(*length), tail)
            }
            [flags, code, high, low, tail @ ..] => {
                let length = u16::from_be_bytes([*high, *low]);
                (*flags, *code, usize::from(length), tail)
            }
            _ => return None,
        };
        let (value, rest) = tail.split_at_checked(length)?;
        Some((Self { flags, code, value }, rest))
    }

    /// Whether the optional and transitive bits are as the attribute's definition has them.
    #[inline]
    pub(super) fn has_right_flags(&self) -> bool {
        code::flags(self.code).is_none_or(|wanted| self.flags & (OPTIONAL | TRANSITIVE) == wanted)
    }

    /// The fault in the flags.
    #[cold]
    pub(super) fn flags_fault(&self) -> AttributeErrorKind {
        AttributeErrorKind::Flags {
            found: self.flags,
            wanted: code::flags(self.code).unwrap_or(OPTIONAL),
        }
    }
}

/// Why no attribute could be taken off: its type code, zero where not even that is there, and the fault.
#[cold]
pub(super) fn split_fault(list: &[u8]) -> (u8, AttributeErrorKind) {
    let (code, declared, left) = match list {
        [flags, code, high, low, tail @ ..] if flags & EXTENDED_LENGTH != 0 => {
            (*code, u16::from_be_bytes([*high, *low]).into(), tail.len())
        }
        [flags, code, length, tail @ ..] if flags & EXTENDED_LENGTH == 0 => {
            (*code, usize::from(*length), tail.len())
        }
        _ => {
            let code = list.get(1).copied().unwrap_or_default();
            return (code, AttributeErrorKind::Header { left: list.len() });
        }
    };
    (code, AttributeErrorKind::Overrun { declared, left })
}

/// The attribute types that a message has shown.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Seen([u64; 4]);

impl Seen {
    /// Notes a type; `false` where it was there before.
    #[inline]
    pub(super) fn insert(&mut self, code: u8) -> bool {
        let [word, ..] = &mut self.0;
        let word = match code {
            0..64 => word,
            _ => match self.0.get_mut(usize::from(code >> 6)) {
                Some(word) => word,
                None => return false,
            },
        };
        let bit = 1 << (code & 63);
        let new = *word & bit == 0;
        *word |= bit;
        new
    }

    pub(super) fn contains(&self, code: u8) -> bool {
        let word = self.0.get(usize::from(code >> 6));
        word.is_some_and(|word| word & 1 << (code & 63) != 0)
    }
}
