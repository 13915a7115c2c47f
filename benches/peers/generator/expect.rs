//! What receivers must have heard, prefix by prefix.

use std::collections::BTreeMap;

use super::parse::Key;

/// Every prefix of a scenario with a number.
#[derive(Default)]
pub(crate) struct Index {
    keys: Vec<Key>,
    /// Numbers plus one, by hash; a power of two of places, at most half of them taken.
    places: Vec<u32>,
}

impl Index {
    /// How many prefixes there are.
    pub(crate) fn len(&self) -> usize {
        self.keys.len()
    }

    /// The prefix with this number.
    pub(crate) fn key(&self, number: usize) -> Key {
        self.keys[number]
    }

    /// The number of a prefix, if it is known.
    pub(crate) fn find(&self, key: Key) -> Option<usize> {
        if self.places.is_empty() {
            return None;
        }
        let mut place = self.place(key);
        loop {
            match self.places[place] {
                0 => return None,
                number if self.keys[number as usize - 1] == key => {
                    return Some(number as usize - 1);
                }
                _ => place = (place + 1) & (self.places.len() - 1),
            }
        }
    }

    /// The number of a prefix, a new one if need be.
    pub(crate) fn add(&mut self, key: Key) -> usize {
        if let Some(number) = self.find(key) {
            return number;
        }
        self.keys.push(key);
        if 2 * self.keys.len() > self.places.len() {
            self.places = vec![0; (4 * self.keys.len()).next_power_of_two()];
            for number in 0..self.keys.len() {
                self.enter(number);
            }
        } else {
            self.enter(self.keys.len() - 1);
        }
        self.keys.len() - 1
    }

    fn enter(&mut self, number: usize) {
        let mut place = self.place(self.keys[number]);
        while self.places[place] != 0 {
            place = (place + 1) & (self.places.len() - 1);
        }
        self.places[place] = u32::try_from(number + 1).expect("fewer prefixes than 2^32");
    }

    fn place(&self, key: Key) -> usize {
        let mixed = key.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 32;
        usize::try_from(mixed).expect("32 bits") & (self.places.len() - 1)
    }
}

/// What everyone must hear: for each prefix the digest of its route, 0 for none.
#[derive(Default)]
pub(crate) struct Expectation {
    pub(crate) index: Index,
    wanted: Vec<u64>,
    /// The speaker that announces the prefix, if only one does.
    owner: Vec<u32>,
    /// What is as good, for the few prefixes of which it is known.
    accepted: BTreeMap<usize, Vec<u64>>,
}

/// It does not matter what the receiver has.
pub(crate) const ANYTHING: u64 = 1;

/// No speaker owns the prefix.
const NOBODY: u32 = u32::MAX;

impl Expectation {
    /// Makes a prefix known: no route, nobody's.
    pub(crate) fn know(&mut self, key: Key) -> usize {
        let number = self.index.add(key);
        if number == self.wanted.len() {
            self.wanted.push(0);
            self.owner.push(NOBODY);
        }
        number
    }

    pub(crate) fn set(&mut self, number: usize, wanted: u64) {
        self.wanted[number] = wanted;
    }

    pub(crate) fn own(&mut self, number: usize, speaker: usize) {
        self.owner[number] = u32::try_from(speaker).expect("few speakers");
    }

    pub(crate) fn accept(&mut self, number: usize, digests: Vec<u64>) {
        self.accepted.insert(number, digests);
    }

    /// Whether a route is one that `speaker` may have.
    pub(crate) fn holds(&self, speaker: usize, number: usize, seen: u64) -> bool {
        let wanted = self.wanted_by(speaker, number);
        let is_accepted = || {
            let others = self.accepted.get(&number);
            others.is_some_and(|digests| digests.contains(&seen))
        };
        wanted == seen || wanted == ANYTHING || is_accepted()
    }

    /// What `speaker` must have of a prefix. Whether it hears of its own ones is the target's affair:
    /// it would know itself by ORIGINATOR_ID (RFC 4456 §8).
    pub(crate) fn wanted_by(&self, speaker: usize, number: usize) -> u64 {
        if self.owner[number] as usize == speaker {
            ANYTHING
        } else {
            self.wanted[number]
        }
    }
}

/// What one receiver has heard: a bit for each prefix, set where it has what it should.
#[derive(Default)]
pub(crate) struct Heard {
    right: Vec<u64>,
    /// Prefixes without their bit.
    pub(crate) wrong: usize,
}

impl Heard {
    /// Of a receiver that has heard nothing.
    pub(crate) fn nothing(speaker: usize, expectation: &Expectation) -> Self {
        let count = expectation.index.len();
        let mut heard = Self {
            right: vec![0; count.div_ceil(64)],
            wrong: count,
        };
        for number in 0..count {
            heard.mark(number, expectation.wanted_by(speaker, number) <= ANYTHING);
        }
        heard
    }

    /// Notes whether the receiver has what it should of one prefix.
    pub(crate) fn mark(&mut self, number: usize, is_right: bool) {
        let (word, bit) = (number / 64, 1 << (number % 64));
        let was_right = self.right[word] & bit != 0;
        match (was_right, is_right) {
            (false, true) => {
                self.right[word] |= bit;
                self.wrong -= 1;
            }
            (true, false) => {
                self.right[word] &= !bit;
                self.wrong += 1;
            }
            (true, true) | (false, false) => {}
        }
    }

    /// The first prefix that is not as it should be.
    pub(crate) fn first_wrong(&self, count: usize) -> Option<usize> {
        (0..count).find(|number| self.right[number / 64] & 1 << (number % 64) == 0)
    }
}
