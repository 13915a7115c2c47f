//! Where a dump begins and ends, over all shards (RFC 4724 §2, RFC 7313 §4).

use bytes::Bytes;
use smallvec::SmallVec;

use super::{ShardId, ShardSet, Sharding};
use crate::net::Family;
use crate::wire::{EncodeContext, RefreshKind, RouteRefresh, UpdatePacker};

/// A message between routes that tells the peer how far they go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Boundary {
    /// Everything was told once (RFC 4724 §2).
    EndOfRib,
    /// Everything is told again from here on (BoRR, RFC 7313 §4).
    BeginRefresh,
    /// Everything was told again (EoRR).
    EndRefresh,
}

impl Boundary {
    /// The message.
    pub fn message(self, family: Family) -> Bytes {
        let refresh = |kind| {
            let mut message = Vec::new();
            let family = Some(family);
            RouteRefresh { family, kind }.encode(&mut message);
            message.into()
        };
        match self {
            Self::EndOfRib => {
                let mut packer = UpdatePacker::new(EncodeContext::default());
                packer.end_of_rib(family);
                packer.take()
            }
            Self::BeginRefresh => refresh(RefreshKind::Begin),
            Self::EndRefresh => refresh(RefreshKind::End),
        }
    }
}

/// What a session is to do next.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DemarcationSteps {
    /// To be written behind the routes that are queued already.
    pub write: SmallVec<[Boundary; 2]>,
    /// Then [`Command::Refresh`](crate::rib::Command::Refresh) goes to all shards, with this for
    /// `awaited`.
    pub refresh: Option<bool>,
}

/// How far the dumps of one session and family have come; made anew when the session comes up.
///
/// One dump at a time is awaited of a shard, so that there is no doubt which one has ended.
#[derive(Clone, Debug)]
pub struct Demarcation {
    all: ShardSet,
    /// Shards of which the end is awaited.
    missing: ShardSet,
    stage: Stage,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    /// End-of-RIB is due.
    First,
    /// It was sent, and nothing else is due.
    Told,
    /// A begin without its end is written.
    Again {
        /// The peer has asked once more since; each begin gets its end before the next begin.
        once_more: bool,
    },
}

impl Demarcation {
    /// A session that has just come up.
    pub fn new(sharding: Sharding) -> Self {
        let all = ShardSet::all(sharding);
        Self {
            all,
            missing: all,
            stage: Stage::First,
        }
    }

    /// The peer, or an operator, wants everything to be told again; `marked` says whether both sides
    /// know the marks of RFC 7313. Before End-of-RIB there must be none (§4), and End-of-RIB is the
    /// end.
    pub fn on_refresh(&mut self, marked: bool) -> DemarcationSteps {
        match &mut self.stage {
            Stage::Told if marked => self.begin(),
            Stage::First | Stage::Told => DemarcationSteps {
                refresh: Some(false),
                ..DemarcationSteps::default()
            },
            Stage::Again { once_more } => {
                *once_more = true;
                DemarcationSteps::default()
            }
        }
    }

    /// A shard has told all that it had ([`Output::Complete`](crate::rib::Output::Complete)).
    pub fn on_complete(&mut self, shard: ShardId) -> DemarcationSteps {
        self.missing.remove(shard);
        let mut steps = DemarcationSteps::default();
        if !self.missing.is_empty() {
            return steps;
        }
        match self.stage {
            Stage::First => steps.write.push(Boundary::EndOfRib),
            Stage::Again { once_more } => {
                steps.write.push(Boundary::EndRefresh);
                if once_more {
                    let next = self.begin();
                    steps.write.extend(next.write);
                    steps.refresh = next.refresh;
                    return steps;
                }
            }
            Stage::Told => debug_assert!(false, "a shard says once that it has told all"),
        }
        self.stage = Stage::Told;
        steps
    }

    /// Whether the peer has had its End-of-RIB.
    pub fn is_told(&self) -> bool {
        self.stage != Stage::First
    }

    /// Whether an end is due.
    pub const fn is_due(&self) -> bool {
        !self.missing.is_empty()
    }

    fn begin(&mut self) -> DemarcationSteps {
        self.stage = Stage::Again { once_more: false };
        self.missing = self.all;
        DemarcationSteps {
            write: [Boundary::BeginRefresh].into_iter().collect(),
            refresh: Some(true),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn demarcation(count: usize) -> Demarcation {
        Demarcation::new(Sharding::new(count, 1))
    }

    fn wrote(steps: &DemarcationSteps) -> &[Boundary] {
        &steps.write
    }

    #[test]
    fn end_of_rib_comes_once_and_behind_the_last_shard() {
        let mut demarcation = demarcation(3);
        for shard in [2, 0] {
            let steps = demarcation.on_complete(ShardId(shard));
            assert_eq!(steps, DemarcationSteps::default());
        }
        assert!(!demarcation.is_told() && demarcation.is_due());
        let steps = demarcation.on_complete(ShardId(1));
        assert_eq!(wrote(&steps), [Boundary::EndOfRib]);
        assert!(demarcation.is_told() && !demarcation.is_due());
    }

    #[test]
    fn before_end_of_rib_a_refresh_has_no_marks() {
        let mut demarcation = demarcation(2);
        demarcation.on_complete(ShardId(0));
        let steps = demarcation.on_refresh(true);
        assert_eq!((wrote(&steps), steps.refresh), (&[][..], Some(false)));
        let steps = demarcation.on_complete(ShardId(1));
        assert_eq!(wrote(&steps), [Boundary::EndOfRib]);
        let steps = demarcation.on_refresh(false);
        assert_eq!((wrote(&steps), steps.refresh), (&[][..], Some(false)));
        assert!(!demarcation.is_due());
    }

    #[test]
    fn each_begin_has_its_end_before_the_next_begin() {
        let mut demarcation = demarcation(1);
        demarcation.on_complete(ShardId(0));
        let begun = demarcation.on_refresh(true);
        assert_eq!(
            (wrote(&begun), begun.refresh),
            (&[Boundary::BeginRefresh][..], Some(true))
        );
        for _ in 0..3 {
            assert_eq!(demarcation.on_refresh(true), DemarcationSteps::default());
        }
        let again = demarcation.on_complete(ShardId(0));
        assert_eq!(
            wrote(&again),
            [Boundary::EndRefresh, Boundary::BeginRefresh]
        );
        assert_eq!(again.refresh, Some(true));
        let ended = demarcation.on_complete(ShardId(0));
        assert_eq!(
            (wrote(&ended), ended.refresh),
            (&[Boundary::EndRefresh][..], None)
        );
    }
}
