//! The generator at work on its connections: what is readable and writable, what is due, what broke.

use std::io;
use std::mem;
use std::time::Duration;

use mio::{Events, Interest, Token};

use super::expect::{ANYTHING, Heard};
use super::parse::{self, Prefixes, parts};
use super::speaker::{Octets, State, each_message, keepalive};
use super::{Generator, digest};
use crate::clock::now;

impl Generator {
    pub(super) fn turn(&mut self, wait: Duration) -> io::Result<()> {
        let wait = if self.again.is_empty() {
            wait
        } else {
            Duration::ZERO
        };
        match self.poll.poll(&mut self.events, Some(wait)) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            other => other?,
        }
        let events = mem::replace(&mut self.events, Events::with_capacity(0));
        let again = mem::take(&mut self.again);
        for event in &events {
            let Token(speaker) = event.token();
            if event.is_writable() || event.is_error() {
                self.write(speaker);
            }
            if event.is_readable() || event.is_read_closed() {
                self.read(speaker);
            }
        }
        self.events = events;
        for speaker in again {
            self.write(speaker);
            self.read(speaker);
        }
        self.on_time();
        Ok(())
    }

    fn on_time(&mut self) {
        if self.retries.is_empty() && self.queue.is_empty() && self.again.len() > 1 {
            return;
        }
        let time = now();
        while self.retries.front().is_some_and(|(at, _)| *at <= time) {
            if let Some((_, speaker)) = self.retries.pop_front() {
                self.queue.push_back(speaker);
            }
        }
        self.fill_window();
        if time >= self.keepalive_at {
            self.keepalive_at = time + KEEPALIVE;
            let keepalive = Octets::new(keepalive());
            for speaker in 0..self.speakers.len() {
                if self.speakers[speaker].state == State::Established {
                    self.send(speaker, &keepalive);
                }
            }
        }
    }

    pub(super) fn fill_window(&mut self) {
        while self.connecting < self.window {
            let Some(number) = self.queue.pop_front() else {
                return;
            };
            self.connecting += 1;
            let speaker = &mut self.speakers[number];
            let begun = speaker.connect(self.target).and_then(|()| {
                let interest = Interest::READABLE | Interest::WRITABLE;
                match &mut speaker.stream {
                    Some(stream) => self
                        .poll
                        .registry()
                        .register(stream, Token(number), interest),
                    None => Ok(()),
                }
            });
            if let Err(error) = begun {
                self.lost(number, &error.to_string());
            }
        }
    }

    pub(super) fn write(&mut self, number: usize) {
        let speaker = &mut self.speakers[number];
        if speaker.state == State::Connecting {
            let Some(stream) = &speaker.stream else {
                return;
            };
            match stream.take_error() {
                Ok(None) if stream.peer_addr().is_ok() => speaker.open(),
                Ok(None) => return,
                Ok(Some(error)) | Err(error) => return self.lost(number, &error.to_string()),
            }
        }
        match speaker.flush(WRITE_MAX) {
            Ok(true) => self.again.push(number),
            Ok(false) => {}
            Err(error) => self.lost(number, &error.to_string()),
        }
    }

    fn read(&mut self, number: usize) {
        for _ in 0..READS_MAX {
            let speaker = &mut self.speakers[number];
            if !speaker.reads || speaker.state == State::Connecting {
                return;
            }
            let mut room = mem::take(&mut self.room);
            let read = speaker.read(&mut room);
            let done = match read {
                Ok(Some(length)) => {
                    if let Err(what) = self.take(number, &room[..length]) {
                        self.lost(number, &what);
                    }
                    // Events come at edges: less than there was room for means that the next
                    // octets will cause one.
                    length < room.len()
                }
                Ok(None) => true,
                Err(error) => {
                    self.lost(number, &error.to_string());
                    true
                }
            };
            self.room = room;
            if done {
                return;
            }
        }
        self.again.push(number);
    }

    fn take(&mut self, number: usize, octets: &[u8]) -> Result<(), String> {
        let rest = each_message(octets, |kind, message| match kind {
            2 => self.update(number, message),
            _ => self.hear(number, kind, message),
        })?;
        self.speakers[number].partial.extend_from_slice(rest);
        Ok(())
    }

    fn hear(&mut self, number: usize, kind: u8, message: &[u8]) -> Result<(), String> {
        let speaker = &mut self.speakers[number];
        let before = speaker.state;
        speaker.hear(kind, message)?;
        if speaker.state != before {
            if speaker.state == State::Established {
                self.up += 1;
                self.connecting -= 1;
                self.risen.push(number);
            }
            self.write(number);
        }
        Ok(())
    }

    fn update(&mut self, number: usize, message: &[u8]) -> Result<(), String> {
        let Some(heard) = &mut self.speakers[number].heard else {
            return Ok(());
        };
        let parts = parts(message).ok_or("an UPDATE whose lengths do not hold")?;
        let was_wrong = heard.wrong > 0;
        let (index, expectation) = (&self.expectation.index, &self.expectation);
        let unknown = |key| format!("a prefix that nobody sent: {}", parse::text(key));
        for key in Prefixes(parts.withdrawn) {
            // To withdraw what never was is superfluous, not wrong.
            if let Some(prefix) = index.find(key) {
                heard.mark(prefix, expectation.wanted_by(number, prefix) <= ANYTHING);
            }
        }
        if !parts.announced.is_empty() {
            let seen = digest::seen(parts.attributes, self.passage);
            for key in Prefixes(parts.announced) {
                let prefix = index.find(key).ok_or_else(|| unknown(key))?;
                heard.mark(prefix, expectation.holds(number, prefix, seen));
            }
        }
        self.waiting += usize::from(heard.wrong > 0);
        self.waiting -= usize::from(was_wrong);
        Ok(())
    }

    /// Sees to a connection that broke: another attempt if it was not established, else a fault.
    fn lost(&mut self, number: usize, why: &str) {
        let state = self.speakers[number].state;
        match state {
            State::Down => return,
            State::Established => {
                let address = self.speakers[number].address;
                self.wrong = Some(format!("lost the session of {address}: {why}"));
            }
            State::Connecting | State::Opening | State::Confirming => {
                self.retries.push_back((now() + RETRY, number));
            }
        }
        self.take_down(number);
    }

    pub(super) fn take_down(&mut self, number: usize) {
        let speaker = &mut self.speakers[number];
        match speaker.state {
            State::Down => {}
            State::Established => self.up -= 1,
            State::Connecting | State::Opening | State::Confirming => self.connecting -= 1,
        }
        speaker.state = State::Down;
        speaker.stream = None;
        speaker.outbox.clear();
        speaker.partial.clear();
        if let Some(heard) = &mut speaker.heard {
            self.waiting -= usize::from(heard.wrong > 0);
            *heard = Heard::nothing(number, &self.expectation);
            self.waiting += usize::from(heard.wrong > 0);
        }
    }
}

/// Octets written to one connection before the others have their turn.
const WRITE_MAX: usize = 128 << 10;
/// Reads of one connection before the others have their turn.
const READS_MAX: usize = 4;
/// Until a failed attempt to connect is made again.
const RETRY: Duration = Duration::from_millis(50);
/// Between two KEEPALIVEs.
pub(super) const KEEPALIVE: Duration = Duration::from_secs(20);
