//! Octets read as choices, so that a fuzzer writes structured values.

/// Octets that choose values; once they have run out every choice is the first one.
#[derive(Clone, Debug)]
pub struct Draw<'a>(&'a [u8]);

impl<'a> Draw<'a> {
    /// Begins at the first octet.
    pub const fn new(octets: &'a [u8]) -> Self {
        Self(octets)
    }

    /// Whether all octets are used up.
    pub const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// An octet.
    pub fn octet(&mut self) -> u8 {
        let [octet] = self.array();
        octet
    }

    /// A number of two octets.
    pub fn short(&mut self) -> u16 {
        u16::from_be_bytes(self.array())
    }

    /// A number of four octets.
    pub fn long(&mut self) -> u32 {
        u32::from_be_bytes(self.array())
    }

    /// Yes or no.
    pub fn flag(&mut self) -> bool {
        self.octet() & 1 != 0
    }

    /// One of the numbers below `bound`, which is not zero.
    pub fn below(&mut self, bound: usize) -> usize {
        usize::from(self.octet()) % bound
    }

    /// A value or none.
    pub fn option<T>(&mut self, value: impl FnOnce(&mut Self) -> T) -> Option<T> {
        self.flag().then(|| value(self))
    }

    /// Up to `max` values; their number is one octet.
    pub fn list<T>(&mut self, max: usize, mut value: impl FnMut(&mut Self) -> T) -> Vec<T> {
        (0..self.below(max + 1)).map(|_| value(self)).collect()
    }

    /// A fixed number of octets, filled with zeroes at the end.
    pub fn array<const N: usize>(&mut self) -> [u8; N] {
        let mut array = [0; N];
        for (to, from) in array.iter_mut().zip(self.octets(N)) {
            *to = *from;
        }
        array
    }

    /// The next octets, as many as there are up to `max`.
    pub fn octets(&mut self, max: usize) -> &'a [u8] {
        let (taken, rest) = self.0.split_at(max.min(self.0.len()));
        self.0 = rest;
        taken
    }

    /// All octets that are left.
    pub const fn rest(self) -> &'a [u8] {
        self.0
    }
}
