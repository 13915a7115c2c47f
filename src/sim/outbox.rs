//! What a session has still to write: control messages first, then routes, message by message.

use std::collections::VecDeque;

use bytes::Bytes;

use super::defect::Defect;
use super::link::Network;
use crate::fsm::ConnectionId;
use crate::net::PeerId;
use crate::rib::{Chunk, Version};
use crate::wire::HEADER_LENGTH;

/// A chunk being written, without the peer's own routes.
#[derive(Clone, Debug)]
pub(super) struct Hand {
    pieces: VecDeque<Bytes>,
    /// The log position that the member reaches with it.
    pub(super) upto: Version,
}

impl Hand {
    /// Cuts the peer's own stretches out of a chunk and puts its amends in front.
    pub(super) fn new(chunk: &Chunk, peer: PeerId, defect: Option<Defect>) -> Self {
        let is_amended = |whose: PeerId| whose == peer && defect != Some(Defect::AmendsLost);
        let is_own = |whose: PeerId| whose == peer && defect != Some(Defect::OwnRoutesSent);
        let amends = chunk.amends.iter().filter(|(whose, _)| is_amended(*whose));
        let mut pieces: VecDeque<Bytes> = amends.map(|(_, octets)| octets.clone()).collect();
        let mut from = 0;
        for mark in chunk.marks.iter().filter(|mark| is_own(mark.source)) {
            pieces.push_back(chunk.bytes.slice(from..mark.start as usize));
            from = mark.end as usize;
        }
        pieces.push_back(chunk.bytes.slice(from..));
        Self {
            pieces,
            upto: chunk.upto,
        }
    }

    /// Takes the next whole message.
    pub(super) fn next_message(&mut self) -> Option<Bytes> {
        while let Some(piece) = self.pieces.front_mut() {
            if piece.len() >= HEADER_LENGTH {
                let length = u16::from_be_bytes([piece[16], piece[17]]);
                return Some(piece.split_to(length.into()));
            }
            assert!(piece.is_empty(), "a chunk holds whole messages");
            self.pieces.pop_front();
        }
        None
    }
}

/// The write side of one connection.
#[derive(Debug, Default)]
pub(super) struct Outbox {
    control: VecDeque<Bytes>,
    current: Bytes,
    progress: bool,
}

impl Outbox {
    /// Puts a control message behind the one that is being written.
    pub(super) fn push(&mut self, message: impl Into<Bytes>) {
        self.control.push_back(message.into());
    }

    /// Puts messages with routes into an outbox that is free.
    pub(super) fn begin(&mut self, messages: Bytes) {
        debug_assert!(self.is_free());
        self.current = messages;
    }

    /// Whether nothing waits to be written.
    pub(super) fn is_free(&self) -> bool {
        self.current.is_empty() && self.control.is_empty()
    }

    /// Whether control messages wait of which no octet is written.
    pub(super) fn has_control(&self) -> bool {
        !self.control.is_empty()
    }

    /// Whether octets were written since the last call.
    pub(super) const fn take_progress(&mut self) -> bool {
        std::mem::replace(&mut self.progress, false)
    }

    /// Writes what it can; says whether everything is out.
    pub(super) fn write(&mut self, network: &mut Network, id: ConnectionId, side: usize) -> bool {
        loop {
            if self.current.is_empty() {
                match self.control.pop_front() {
                    Some(message) => self.current = message,
                    None => return true,
                }
            }
            let before = self.current.len();
            network.write(id, side, &mut self.current);
            self.progress |= self.current.len() < before;
            if !self.current.is_empty() {
                return false;
            }
        }
    }
}
