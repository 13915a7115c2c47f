//! One answer of all shards.

use std::collections::BTreeMap;

use super::{ShardId, Sharding};
use crate::net::{Family, PerFamily};
use crate::rib::{
    Answer, GroupCounts, GroupRow, LongestMatch, MemberState, PeerCounts, Query, RibTotals,
    RoutesPage, RoutesQuery,
};

/// A question on its way to the shards that can answer it, and what they have answered.
#[derive(Debug)]
pub struct Gathering {
    sharding: Sharding,
    asked: Vec<(ShardId, Query)>,
    /// Whether the next page comes from the shard behind.
    walks: bool,
    answers: BTreeMap<ShardId, Answer>,
}

impl Gathering {
    /// Prepares a question.
    pub fn new(sharding: Sharding, query: Query) -> Self {
        let mut walks = false;
        let asked = match query {
            Query::Routes(query) => {
                let exact = query.prefix.filter(|_| !query.longer);
                walks = exact.is_none();
                let (shard, start) = match exact {
                    Some(prefix) => (sharding.shard_of(prefix), 0),
                    None => position(query.start),
                };
                vec![(shard, Query::Routes(RoutesQuery { start, ..query }))]
            }
            Query::Explain { prefix, .. } => vec![(sharding.shard_of(prefix), query)],
            query => {
                let each = |shard| (shard, query.clone());
                sharding.shards().map(each).collect()
            }
        };
        Self {
            sharding,
            asked,
            walks,
            answers: BTreeMap::new(),
        }
    }

    /// Whom to ask what.
    pub fn questions(&self) -> impl Iterator<Item = (ShardId, Query)> + '_ {
        self.asked.iter().cloned()
    }

    /// Takes a shard's answer; the answer of all comes with the last one.
    pub fn add(&mut self, shard: ShardId, answer: Answer) -> Option<Answer> {
        self.answers.insert(shard, answer);
        if self.answers.len() < self.asked.len() {
            return None;
        }
        let mut answers = std::mem::take(&mut self.answers).into_iter();
        let (first, answer) = answers.next()?;
        let answer = match answer {
            Answer::Routes(page) => Answer::Routes(self.page(first, page)),
            answer => answer,
        };
        Some(answers.fold(answer, |all, (_, one)| merge(all, one)))
    }

    /// A page that says where the next one starts among all shards.
    fn page(&self, shard: ShardId, page: RoutesPage) -> RoutesPage {
        let behind = ShardId(shard.0.saturating_add(1));
        let next = match page.next {
            Some(next) => Some(start(shard, next)),
            None if self.walks && behind.index() < self.sharding.count() => Some(start(behind, 0)),
            None => None,
        };
        RoutesPage { next, ..page }
    }
}

/// Where a page starts: the shard, and the place in it.
fn position(start: u64) -> (ShardId, u64) {
    let shard = u8::try_from(start >> 32).unwrap_or(u8::MAX);
    (ShardId(shard), start & u64::from(u32::MAX))
}

fn start(shard: ShardId, place: u64) -> u64 {
    u64::from(shard.0) << 32 | place
}

/// Joins the answers of two shards to one question.
fn merge(one: Answer, other: Answer) -> Answer {
    match (one, other) {
        (Answer::Routes(mut page), Answer::Routes(other)) => {
            page.rows.extend(other.rows);
            Answer::Routes(page)
        }
        (Answer::Peers(one), Answer::Peers(other)) => Answer::Peers(merge_peers(one, other)),
        (Answer::Totals(one), Answer::Totals(other)) => Answer::Totals(PerFamily {
            ipv4: add_totals(one.ipv4, other.ipv4),
            ipv6: add_totals(one.ipv6, other.ipv6),
        }),
        (Answer::Groups(one), Answer::Groups(other)) => Answer::Groups(merge_groups(one, other)),
        (Answer::LongestMatch(one), Answer::LongestMatch(other)) => {
            let matches = one.into_iter().chain(other);
            Answer::LongestMatch(matches.max_by_key(LongestMatch::rank))
        }
        (one, _) => {
            debug_assert!(false, "one question has answers of one kind");
            one
        }
    }
}

type PeerRows = Vec<(crate::net::PeerId, PerFamily<PeerCounts>)>;

fn merge_peers(one: PeerRows, other: PeerRows) -> PeerRows {
    let mut all: BTreeMap<_, _> = one.into_iter().collect();
    for (peer, counts) in other {
        let sum = all.entry(peer).or_default();
        for family in Family::ALL {
            let sum = sum.get_mut(family);
            *sum = *sum + *counts.get(family);
        }
    }
    all.into_iter().collect()
}

/// A set of attributes counts once in each shard that holds it.
const fn add_totals(one: RibTotals, other: RibTotals) -> RibTotals {
    RibTotals {
        prefixes: one.prefixes + other.prefixes,
        paths: one.paths + other.paths,
        stale_paths: one.stale_paths + other.stale_paths,
        attribute_sets: one.attribute_sets + other.attribute_sets,
        log_entries: one.log_entries + other.log_entries,
    }
}

/// Each shard numbers its groups by itself, but puts the same members together; the number is that of
/// the first shard.
fn merge_groups(mut all: Vec<GroupRow>, other: Vec<GroupRow>) -> Vec<GroupRow> {
    for row in other {
        let same =
            |known: &&mut GroupRow| (known.family, &known.members) == (row.family, &row.members);
        match all.iter_mut().find(same) {
            Some(known) => add_group(known, row),
            // For a moment one shard may know of a member that another has not heard of.
            None => all.push(row),
        }
    }
    all
}

fn add_group(sum: &mut GroupRow, other: GroupRow) {
    sum.prefixes += other.prefixes;
    sum.pending += other.pending;
    let backlogs = sum.backlog_bytes.into_iter().chain(other.backlog_bytes);
    sum.backlog_bytes = backlogs.reduce(|one, other| one + other);
    sum.counts = add_group_counts(sum.counts, other.counts);
    // Who lags in one shard need not lag in another.
    for row in other.behind {
        match sum.behind.iter_mut().find(|known| known.name == row.name) {
            Some(known) => {
                known.changes += row.changes;
                if row.state == MemberState::Dumping {
                    known.state = row.state;
                }
            }
            None => {
                sum.behind.push(row);
                sum.lagging += 1;
            }
        }
    }
}

const fn add_group_counts(one: GroupCounts, other: GroupCounts) -> GroupCounts {
    GroupCounts {
        chunks: one.chunks + other.chunks,
        octets: one.octets + other.octets,
        prefixes: one.prefixes + other.prefixes,
        served: one.served + other.served,
        served_octets: one.served_octets + other.served_octets,
        resyncs: one.resyncs + other.resyncs,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rib::{BehindRow, RouteTable};

    fn pages(count: usize, prefix: Option<&str>, longer: bool) -> Gathering {
        let query = RoutesQuery {
            table: RouteTable::Loc,
            family: Family::Ipv4,
            prefix: prefix.map(|prefix| prefix.parse().expect("a prefix")),
            longer,
            start: 0,
            limit: 10,
        };
        Gathering::new(Sharding::new(count, 7), Query::Routes(query))
    }

    fn next(gathering: &mut Gathering, shard: u8, next: Option<u64>) -> Option<u64> {
        let rows = vec![];
        let answer = Answer::Routes(RoutesPage { rows, next });
        match gathering.add(ShardId(shard), answer) {
            Some(Answer::Routes(page)) => page.next,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn pages_walk_through_all_shards() {
        let within = next(&mut pages(2, None, false), 0, Some(256)).expect("more");
        assert_eq!(position(within), (ShardId(0), 256));
        let behind = next(&mut pages(2, None, false), 0, None).expect("another shard");
        assert_eq!(position(behind), (ShardId(1), 0));
        assert_eq!(next(&mut pages(2, None, false), 1, None), None);
        assert_eq!(next(&mut pages(1, None, false), 0, None), None);
    }

    #[test]
    fn one_prefix_is_asked_for_where_it_is() {
        let sharding = Sharding::new(5, 7);
        for text in ["10.0.0.0/8", "10.1.0.0/16", "10.2.0.0/16", "10.3.0.0/16"] {
            let mut gathering = pages(5, Some(text), false);
            let asked: Vec<_> = gathering.questions().map(|(shard, _)| shard).collect();
            assert_eq!(asked, [sharding.shard_of(text.parse().expect("a prefix"))]);
            assert_eq!(next(&mut gathering, asked[0].0, None), None);
        }
        let mut inside = pages(5, Some("10.0.0.0/8"), true);
        assert!(next(&mut inside, 0, None).is_some());
    }

    #[test]
    fn the_most_specific_match_of_all_shards_counts() {
        let place = "10.1.2.3/32".parse().expect("a prefix");
        let table = RouteTable::Loc;
        let query = Query::LongestMatch { table, place };
        let mut gathering = Gathering::new(Sharding::new(3, 7), query);
        let found = |text: &str| LongestMatch {
            used: true,
            prefix: text.parse().expect("a prefix"),
        };
        let answers = [Some(found("10.1.0.0/16")), None, Some(found("10.0.0.0/8"))];
        let mut all = None;
        for (shard, answer) in (0..).map(ShardId).zip(answers) {
            all = gathering.add(shard, Answer::LongestMatch(answer));
        }
        let Some(Answer::LongestMatch(best)) = all else {
            panic!("{all:?}");
        };
        assert_eq!(best, answers[0]);
    }

    #[test]
    fn groups_with_the_same_members_are_one() {
        let behind = |name: &str| BehindRow {
            name: name.into(),
            state: MemberState::CatchingUp,
            changes: 2,
        };
        let row = |group: u32, member: &str, prefixes: u64, lagging: &[&str]| {
            let counts = GroupCounts {
                chunks: prefixes,
                ..GroupCounts::default()
            };
            let row = serde_json::json!({
                "group": group, "family": "ipv4", "members": [member], "lagging": lagging.len(),
                "prefixes": prefixes, "external": false, "localAs": 64_512,
                "nextHopMode": crate::policy::NextHopMode::Auto, "policy": "all",
                "fourOctetAs": true, "extendedMessage": false, "extendedNextHop": false,
                "counts": counts,
            });
            let row: GroupRow = serde_json::from_value(row).expect("a row");
            let behind = lagging.iter().map(|name| behind(name)).collect();
            GroupRow { behind, ..row }
        };
        let one = vec![row(1, "a", 5, &[]), row(2, "b", 1, &["b"])];
        let other = vec![
            row(1, "b", 2, &["b"]),
            row(2, "a", 7, &["a"]),
            row(3, "c", 1, &[]),
        ];
        let all = merge_groups(one, other);
        let facts: Vec<_> = all
            .iter()
            .map(|row| (row.group, row.prefixes, row.counts.chunks, row.lagging))
            .collect();
        assert_eq!(facts, [(1, 12, 12, 1), (2, 3, 3, 1), (3, 1, 1, 0)]);
        assert_eq!(all[1].behind[0].changes, 4);
    }
}
