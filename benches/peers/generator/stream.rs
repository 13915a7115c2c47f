//! What a stream of messages announces.

use super::parse::{Key, Prefixes, parts};
use super::speaker::each_message;

/// The announced prefixes of a stream, each with its set as encoded.
pub(super) fn announcements(stream: &[u8]) -> Vec<(Key, &[u8])> {
    let mut all = Vec::new();
    let read = each_message(stream, |_, message| {
        let parts = parts(message).ok_or("no UPDATE")?;
        all.extend(Prefixes(parts.announced).map(|key| (key, parts.attributes)));
        Ok(())
    });
    debug_assert_eq!(read.map(<[u8]>::len), Ok(0));
    all
}

/// How many prefixes a stream announces.
pub(crate) fn prefixes_in(stream: &[u8]) -> usize {
    announcements(stream).len()
}

/// A stream in pieces of whole messages, each about as long as said.
pub(crate) fn split(stream: &[u8], length: usize) -> Vec<Vec<u8>> {
    let mut pieces = vec![Vec::new()];
    let read = each_message(stream, |_, message| {
        if pieces.last().is_some_and(|piece| piece.len() > length) {
            pieces.push(Vec::new());
        }
        if let Some(piece) = pieces.last_mut() {
            piece.extend_from_slice(message);
        }
        Ok(())
    });
    debug_assert_eq!(read.map(<[u8]>::len), Ok(0));
    pieces
}
