//! Attributes as they stand in their list, before anything is known of their content.

use super::code::{self, EXTENDED_LENGTH, OPTIONAL, TRANSITIVE};
use super::error::AttributeErrorKind;

/// One attribute as it stands in the list.
pub(super) struct Raw<'a> {
    pub(super) flags: u8,
    pub(super) code: u8,
    pub(super) value: &'a [u8],
    /// The attribute with its header.
    pub(super) whole: &'a [u8],
}

impl<'a> Raw<'a> {
    /// Takes the attribute at the front off; else the type code, if it is there, and the fault.
    pub(super) fn split_off(list: &'a [u8]) -> Result<(Self, &'a [u8]), (u8, AttributeErrorKind)> {
        let header_cut = |code| (code, AttributeErrorKind::Header { left: list.len() });
        let (flags, code, length, tail) = match list {
            [flags, code, high, low, tail @ ..] if flags & EXTENDED_LENGTH != 0 => {
                (*flags, *code, u16::from_be_bytes([*high, *low]), tail)
            }
            [flags, code, length, tail @ ..] if flags & EXTENDED_LENGTH == 0 => {
                (*flags, *code, u16::from(*length), tail)
            }
            [_, code, ..] => return Err(header_cut(*code)),
            _ => return Err(header_cut(0)),
        };
        let (value, rest) = tail.split_at_checked(length.into()).ok_or((
            code,
            AttributeErrorKind::Overrun {
                declared: length.into(),
                left: tail.len(),
            },
        ))?;
        let whole = list.get(..list.len() - rest.len()).unwrap_or(list);
        let raw = Self {
            flags,
            code,
            value,
            whole,
        };
        Ok((raw, rest))
    }

    pub(super) fn check_flags(&self) -> Result<(), AttributeErrorKind> {
        match code::flags(self.code) {
            Some(wanted) if self.flags & (OPTIONAL | TRANSITIVE) != wanted => {
                Err(AttributeErrorKind::Flags {
                    found: self.flags,
                    wanted,
                })
            }
            _ => Ok(()),
        }
    }
}

/// The attribute types that a message has shown.
#[derive(Debug, Default)]
pub(super) struct Seen([u64; 4]);

impl Seen {
    /// Notes a type; `false` where it was there before.
    pub(super) fn insert(&mut self, code: u8) -> bool {
        let new = !self.contains(code);
        if let Some(word) = self.0.get_mut(usize::from(code >> 6)) {
            *word |= 1 << (code & 63);
        }
        new
    }

    pub(super) fn contains(&self, code: u8) -> bool {
        let word = self.0.get(usize::from(code >> 6));
        word.is_some_and(|word| word & 1 << (code & 63) != 0)
    }
}
