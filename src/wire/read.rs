//! The vocabulary of the message grammars: nom's combinators bound to our own error type.
//!
//! OPEN, its capabilities, NOTIFICATION and ROUTE-REFRESH are written with these. The walk over
//! attributes and the NLRI runs are by hand: there the combinators cost three times as much.

use nom::bytes::complete::take;
use nom::error::{ErrorKind, ParseError};
use nom::multi::length_data;
use nom::number::complete::{be_u8, be_u16, be_u32};
use nom::{IResult, Parser};

/// What a grammar returns: what is left and the value, or where it stopped.
pub(crate) type Read<'a, T> = IResult<&'a [u8], T, Stopped>;

/// Where a grammar stopped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Stopped {
    /// The octets that were left there.
    pub(crate) left: usize,
}

impl ParseError<&[u8]> for Stopped {
    fn from_error_kind(input: &[u8], _: ErrorKind) -> Self {
        Self { left: input.len() }
    }

    fn append(_: &[u8], _: ErrorKind, other: Self) -> Self {
        other
    }
}

/// One octet.
pub(crate) fn octet(input: &[u8]) -> Read<'_, u8> {
    be_u8(input)
}

/// An integer of two octets.
pub(crate) fn short(input: &[u8]) -> Read<'_, u16> {
    be_u16(input)
}

/// An integer of four octets.
pub(crate) fn long(input: &[u8]) -> Read<'_, u32> {
    be_u32(input)
}

/// A fixed number of octets.
pub(crate) fn octets<'a>(
    count: usize,
) -> impl Parser<&'a [u8], Output = &'a [u8], Error = Stopped> {
    take(count)
}

/// A block behind its length of one octet.
pub(crate) fn block(input: &[u8]) -> Read<'_, &[u8]> {
    length_data(be_u8).parse(input)
}

/// A block behind its length of two octets.
pub(crate) fn long_block(input: &[u8]) -> Read<'_, &[u8]> {
    length_data(be_u16).parse(input)
}

/// What stopped a grammar; complete grammars are never incomplete, so that case stops at the end.
pub(crate) fn stopped(error: &nom::Err<Stopped>) -> Stopped {
    match error {
        nom::Err::Error(stopped) | nom::Err::Failure(stopped) => *stopped,
        nom::Err::Incomplete(_) => Stopped { left: 0 },
    }
}
