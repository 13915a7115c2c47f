//! A list that is most often empty.

use std::fmt;
use std::ops::Deref;

/// A list that takes 8 octets while it is empty, as those of most attributes are on most routes.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct RareList<T>(Option<Box<Entries<T>>>);

/// At least one entry.
#[derive(Clone, PartialEq, Eq, Hash)]
struct Entries<T>(Box<[T]>);

impl<T> RareList<T> {
    /// The list without entries.
    pub const EMPTY: Self = Self(None);
}

impl<T> Deref for RareList<T> {
    type Target = [T];

    #[inline]
    fn deref(&self) -> &[T] {
        self.0.as_ref().map_or(&[][..], |entries| &entries.0)
    }
}

impl<T> Default for RareList<T> {
    fn default() -> Self {
        Self::EMPTY
    }
}

impl<T: fmt::Debug> fmt::Debug for RareList<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self[..].fmt(f)
    }
}

impl<T> From<Box<[T]>> for RareList<T> {
    fn from(list: Box<[T]>) -> Self {
        Self((!list.is_empty()).then(|| Box::new(Entries(list))))
    }
}

impl<T> From<Vec<T>> for RareList<T> {
    fn from(list: Vec<T>) -> Self {
        list.into_boxed_slice().into()
    }
}

impl<T: Clone> From<&[T]> for RareList<T> {
    fn from(list: &[T]) -> Self {
        Box::<[T]>::from(list).into()
    }
}

impl<T, const N: usize> From<[T; N]> for RareList<T> {
    fn from(list: [T; N]) -> Self {
        Box::<[T]>::from(list).into()
    }
}

impl<T> FromIterator<T> for RareList<T> {
    fn from_iter<I: IntoIterator<Item = T>>(list: I) -> Self {
        Box::<[T]>::from_iter(list).into()
    }
}

impl<'a, T> IntoIterator for &'a RareList<T> {
    type Item = &'a T;
    type IntoIter = std::slice::Iter<'a, T>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_without_an_entry_are_equal_and_small() {
        let empty = RareList::from(Vec::<u32>::new());
        assert_eq!(empty, RareList::default());
        assert_eq!(empty, [].into());
        assert_eq!(size_of::<RareList<u32>>(), 8);
        assert_eq!(RareList::from([1, 2])[..], [1, 2]);
    }
}
