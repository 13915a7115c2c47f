//! From the path of a field to its line and column.
//!
//! Documents are parsed without positions, because nearly all are sound; the few that are not are
//! parsed once more into a tree that knows where each value stands.

use std::fmt;

use serde::de::{self, Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_yaml::Spanned;

/// Line and column, from one, of the field that `path` leads to in one document, or of the innermost
/// value on the way to it; `None` where the document does not parse.
pub(super) fn locate(document: &str, path: &str) -> Option<(u64, u64)> {
    let root: Spanned<Tree> = serde_yaml::from_str(document).ok()?;
    let (mut at, mut rest) = (&root, path);
    while !rest.is_empty() {
        let Some((child, tail)) = at.value.step(rest) else {
            break;
        };
        (at, rest) = (child, tail);
    }
    Some((at.referenced.line(), at.referenced.column()))
}

/// A document's values with their places; of scalars only the place matters.
enum Tree {
    Scalar,
    List(Vec<Spanned<Self>>),
    Map(Vec<(String, Spanned<Self>)>),
}

impl Tree {
    /// The child that the path goes to next, and the rest of the path.
    fn step<'t, 'p>(&'t self, path: &'p str) -> Option<(&'t Spanned<Self>, &'p str)> {
        match self {
            Self::Scalar => None,
            Self::List(children) => {
                let (index, tail) = path.strip_prefix('[')?.split_once(']')?;
                let child = children.get(index.parse::<usize>().ok()?)?;
                Some((child, tail.strip_prefix('.').unwrap_or(tail)))
            }
            // Keys may hold dots themselves, as labels do: the longest one that fits is meant.
            Self::Map(children) => children
                .iter()
                .filter_map(|(key, child)| Some((key.len(), child, after_key(path, key)?)))
                .max_by_key(|(length, ..)| *length)
                .map(|(_, child, tail)| (child, tail)),
        }
    }
}

fn after_key<'p>(path: &'p str, key: &str) -> Option<&'p str> {
    if let Some(bracketed) = path.strip_prefix('[') {
        return bracketed.strip_prefix(key)?.strip_prefix(']');
    }
    let tail = path.strip_prefix(key)?;
    match tail.chars().next() {
        None | Some('[') => Some(tail),
        Some('.') => tail.get(1..),
        Some(_) => None,
    }
}

impl<'de> Deserialize<'de> for Tree {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(TreeVisitor)
    }
}

struct TreeVisitor;

impl<'de> Visitor<'de> for TreeVisitor {
    type Value = Tree;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any value")
    }

    fn visit_bool<E: de::Error>(self, _: bool) -> Result<Tree, E> {
        Ok(Tree::Scalar)
    }

    fn visit_i64<E: de::Error>(self, _: i64) -> Result<Tree, E> {
        Ok(Tree::Scalar)
    }

    fn visit_u64<E: de::Error>(self, _: u64) -> Result<Tree, E> {
        Ok(Tree::Scalar)
    }

    fn visit_i128<E: de::Error>(self, _: i128) -> Result<Tree, E> {
        Ok(Tree::Scalar)
    }

    fn visit_u128<E: de::Error>(self, _: u128) -> Result<Tree, E> {
        Ok(Tree::Scalar)
    }

    fn visit_f64<E: de::Error>(self, _: f64) -> Result<Tree, E> {
        Ok(Tree::Scalar)
    }

    fn visit_str<E: de::Error>(self, _: &str) -> Result<Tree, E> {
        Ok(Tree::Scalar)
    }

    fn visit_unit<E: de::Error>(self) -> Result<Tree, E> {
        Ok(Tree::Scalar)
    }

    fn visit_none<E: de::Error>(self) -> Result<Tree, E> {
        Ok(Tree::Scalar)
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<Tree, D::Error> {
        Tree::deserialize(deserializer)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Tree, A::Error> {
        let mut children = Vec::new();
        while let Some(child) = seq.next_element()? {
            children.push(child);
        }
        Ok(Tree::List(children))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Tree, A::Error> {
        let mut children = Vec::new();
        while let Some(key) = map.next_key::<String>()? {
            children.push((key, map.next_value()?));
        }
        Ok(Tree::Map(children))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DOCUMENT: &str = "kind: X\nmetadata:\n  labels:\n    a.b/c: 1\nspec:\n  list:\n  - cidr: a\n  - cidr: b\n  flow: {n: [1, 2]}\n";

    #[test]
    fn fields_are_found_by_their_path() {
        assert_eq!(locate(DOCUMENT, "kind"), Some((1, 7)));
        assert_eq!(locate(DOCUMENT, "metadata.labels.a.b/c"), Some((4, 12)));
        assert_eq!(locate(DOCUMENT, "metadata.labels[a.b/c]"), Some((4, 12)));
        assert_eq!(locate(DOCUMENT, "spec.list[1].cidr"), Some((8, 11)));
        assert_eq!(locate(DOCUMENT, "spec.flow.n[1]"), Some((9, 17)));
    }

    #[test]
    fn an_absent_field_is_placed_at_its_parent() {
        assert_eq!(locate(DOCUMENT, "spec.list[1].other"), Some((8, 5)));
        assert_eq!(locate("a: [", "a"), None);
    }
}
