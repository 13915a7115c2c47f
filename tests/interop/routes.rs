//! Routes with attributes as every program can express them: what is fed in, what is expected to
//! come out, and what a program says that it has.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;
use std::net::Ipv6Addr;

use serde_json::Value;

use crate::setup::{Family, Kind};

/// How many routes go each way in each family.
pub(crate) const MANY: usize = 10_000;

/// Routes that share all attributes, as they do in real tables.
const SHARING: usize = 20;

/// One path of a prefix. Communities are texts: `1:2`, `rt:1:2`, `1:2:3`.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Path {
    pub(crate) next_hop: String,
    pub(crate) origin: String,
    pub(crate) as_path: Vec<u32>,
    pub(crate) med: Option<u32>,
    pub(crate) local_pref: Option<u32>,
    pub(crate) communities: BTreeSet<String>,
    pub(crate) extended: BTreeSet<String>,
    pub(crate) large: BTreeSet<String>,
}

/// Paths by prefix, in no particular order.
pub(crate) type Table = BTreeMap<String, Vec<Path>>;

/// Who is the first to announce a route.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Side {
    /// The feeder, to calidris.
    Speaker,
    /// The peer, or the feeder to the peer.
    Peer,
}

/// `count` routes of a family as they are first announced, the next hop still empty.
///
/// Those of the two sides do not overlap. Every fifth of a second kind of attribute set lacks what
/// the others have, and one in a hundred has communities for more than 255 octets.
pub(crate) fn many(family: Family, side: Side, count: usize) -> Table {
    (0..count)
        .map(|index| (prefix(family, side, index), vec![path(index / SHARING)]))
        .collect()
}

/// The prefix with this number.
pub(crate) fn prefix(family: Family, side: Side, index: usize) -> String {
    let (high, low) = (index >> 8, index & 0xff);
    match family {
        Family::V4 => {
            let start = match side {
                Side::Speaker => format!("100.{}", 64 + high),
                Side::Peer => format!("10.{}", 128 + high),
            };
            format!("{start}.{low}.0/{}", 24 + index % 9)
        }
        Family::V6 => {
            let start = match side {
                Side::Speaker => 0xfd5a,
                Side::Peer => 0xfd77,
            };
            let number = u16::try_from(index).expect("tests use fewer routes");
            let address = Ipv6Addr::new(start, 1, number, 0, 0, 0, 0, 0);
            format!("{address}/{}", [48, 56, 64, 122, 128][index % 5])
        }
    }
}

fn path(set: usize) -> Path {
    let number = u32::try_from(set).expect("tests use fewer routes");
    let several = |count: u32, text: &dyn Fn(u32) -> String| -> BTreeSet<String> {
        (0..count).map(text).collect()
    };
    let standard = if set % 100 == 99 { 200 } else { number % 5 };
    let extended = |index: u32| match index {
        0 => format!("rt:65200:{}", number + 70_000),
        1 => format!("ro:65201:{number}"),
        _ => format!("rt:4200000001:{number}"),
    };
    Path {
        next_hop: String::new(),
        origin: ["igp", "egp", "incomplete"][set % 3].to_owned(),
        as_path: [
            65_200 + number % 7,
            4_200_000_000 + number,
            65_300,
            3,
            65_301,
        ][..1 + set % 5]
            .to_vec(),
        med: (!set.is_multiple_of(4)).then_some(number * 10),
        local_pref: Some(50 + number % 200),
        communities: several(standard, &|index| {
            format!("{}:{index}", 65_200 + number % 9)
        }),
        extended: several(number % 4, &extended),
        large: several(number % 3, &|index| format!("4200000001:{number}:{index}")),
    }
}

/// The routes as they leave a speaker that has them from an internal peer, or from nobody.
pub(crate) struct Hop<'a> {
    /// The AS that they leave.
    pub(crate) local_as: u32,
    /// What the session is that they leave by.
    pub(crate) kind: Kind,
    /// NEXT_HOP as sent.
    pub(crate) next_hop: &'a str,
    /// Whether MED crosses to the other AS: a route's own does, one that was received does not
    /// (RFC 4271 §5.1.4).
    pub(crate) med_crosses: bool,
}

impl Hop<'_> {
    pub(crate) fn after(&self, table: &Table) -> Table {
        let send = |path: &Path| {
            let mut path = path.clone();
            path.next_hop = self.next_hop.to_owned();
            if self.kind == Kind::External {
                path.as_path.insert(0, self.local_as);
                path.local_pref = None;
                path.med = path.med.filter(|_| self.med_crosses);
            }
            path
        };
        table
            .iter()
            .map(|(prefix, paths)| (prefix.clone(), paths.iter().map(send).collect()))
            .collect()
    }
}

/// What `calidris show routes -o json` says, without what came back to it in a loop.
pub(crate) fn of_calidris(answer: &Value) -> Table {
    let rows = answer["routes"].as_array().into_iter().flatten();
    let mut table = Table::new();
    for row in rows {
        let paths = row["paths"].as_array().into_iter().flatten();
        let paths: Vec<Path> = paths
            .filter(|path| !text(&path["reason"]).contains("loop"))
            .map(path_of_calidris)
            .collect();
        if !paths.is_empty() {
            table.insert(text(&row["prefix"]), paths);
        }
    }
    table
}

fn path_of_calidris(path: &Value) -> Path {
    let all = texts(&path["communities"]);
    let (standard, large): (BTreeSet<_>, BTreeSet<_>) = all
        .into_iter()
        .partition(|community| community.matches(':').count() == 1);
    Path {
        next_hop: text(&path["nextHop"]),
        origin: text(&path["origin"]),
        as_path: numbers(&path["asPathNumbers"]),
        med: number(&path["med"]),
        local_pref: number(&path["localPref"]),
        communities: standard,
        extended: texts(&path["extendedCommunities"]),
        large,
    }
}

/// A string of JSON; empty where there is none.
pub(crate) fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

/// A number of JSON.
pub(crate) fn number(value: &Value) -> Option<u32> {
    value.as_u64().and_then(|value| value.try_into().ok())
}

/// An array of numbers of JSON.
pub(crate) fn numbers(value: &Value) -> Vec<u32> {
    let items = value.as_array().into_iter().flatten();
    items.filter_map(number).collect()
}

/// An array of strings of JSON.
pub(crate) fn texts(value: &Value) -> BTreeSet<String> {
    value.as_array().into_iter().flatten().map(text).collect()
}

/// Says how `seen` differs from `wanted`, with examples.
pub(crate) fn compare(wanted: &Table, seen: &Table) -> Result<(), String> {
    let mut report = String::new();
    let missing: Vec<_> = wanted
        .keys()
        .filter(|key| !seen.contains_key(*key))
        .collect();
    let surplus: Vec<_> = seen
        .keys()
        .filter(|key| !wanted.contains_key(*key))
        .collect();
    let different: Vec<_> = wanted
        .iter()
        .filter_map(|(key, paths)| {
            let there = seen.get(key)?;
            (sorted(paths) != sorted(there)).then_some((key, paths, there))
        })
        .collect();
    for (what, keys) in [("missing", missing), ("surplus", surplus)] {
        if !keys.is_empty() {
            let examples = &keys[..keys.len().min(3)];
            let _ = write!(report, "{} {what}, such as {examples:?}; ", keys.len());
        }
    }
    if let Some((prefix, wanted, there)) = different.first() {
        let count = different.len();
        let _ = write!(
            report,
            "{count} different, such as {prefix}: wanted {wanted:?}, there is {there:?}"
        );
    }
    if report.is_empty() {
        Ok(())
    } else {
        let (wanted, seen) = (wanted.len(), seen.len());
        Err(format!("of {wanted} routes, {seen} there: {report}"))
    }
}

fn sorted(paths: &[Path]) -> Vec<&Path> {
    let mut paths: Vec<&Path> = paths.iter().collect();
    paths.sort();
    paths
}

/// AS numbers out of a text such as `64512 65001`.
pub(crate) fn as_numbers(text: &str) -> Vec<u32> {
    text.split_whitespace()
        .filter_map(|word| word.parse().ok())
        .collect()
}
