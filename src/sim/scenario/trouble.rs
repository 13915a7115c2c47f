//! What goes wrong in a world, drawn round by round.

use std::time::Duration;

use super::{LAST_MOMENT, Scenario, TROUBLE};
use crate::net::Asn;
use crate::sim::Topology;
use crate::sim::fault::Fault;
use crate::sim::filter::Filter;
use crate::sim::identity::Costs;
use crate::sim::source::Offer;
use crate::sim::world::SpeakerId;
use crate::wire::Community;

impl Scenario {
    /// Plans one minute of trouble, and what mends that which is left at its end.
    pub(super) fn trouble(&mut self) {
        for _ in 0..self.random.between(5, 40) {
            self.change_routes();
        }
        for _ in 0..self.random.between(0, self.links.len().min(8)) {
            self.hurt_a_link();
        }
        let traits = self.traits;
        let times = |chosen: bool, most: usize| if chosen { most } else { 0 };
        for _ in 0..self.random.between(0, times(traits.crashes, 3)) {
            self.crash();
        }
        for _ in 0..self.random.between(0, times(traits.filters, 6)) {
            self.change_filter();
        }
        for _ in 0..self.random.between(0, times(traits.limits, 2)) {
            self.limit();
        }
        for _ in 0..self.random.between(0, times(traits.parting, 2)) {
            self.part();
        }
        for _ in 0..self.random.between(0, times(traits.costs, 3)) {
            self.change_costs();
        }
        if !self.reflectors.is_empty() && self.random.chance(30) {
            self.change_role();
        }
        for _ in 0..self.random.between(0, 2) {
            self.cut_for_long();
        }
    }

    fn change_routes(&mut self) {
        let at = self.random.milliseconds(0, 60_000);
        let speaker = *self.random.pick(&self.speakers);
        let prefix = self.draw_prefix();
        if self.traits.sources && self.random.chance(30) {
            self.offer(at, speaker);
            return;
        }
        let fault = match self.random.chance(60) {
            true => Fault::Originate(speaker, prefix),
            false => Fault::Withdraw(speaker, prefix),
        };
        self.plan(at, fault);
        if self.random.chance(15) {
            self.burst(at, speaker);
        }
    }

    /// Many changes at once, more than a ring holds.
    fn burst(&mut self, at: Duration, speaker: SpeakerId) {
        for step in 0..self.random.between(5, 40) {
            let prefix = self.draw_prefix();
            let at = at + Duration::from_millis(step as u64);
            self.plan(at, Fault::Originate(speaker, prefix));
            if self.random.chance(70) {
                let later = at + self.random.milliseconds(1, 3_000);
                self.plan(later, Fault::Withdraw(speaker, prefix));
            }
        }
    }

    /// A source says something, or takes it back.
    fn offer(&mut self, at: Duration, speaker: SpeakerId) {
        let prefix = self.draw_prefix();
        let source = self.random.between(0, 2);
        // MED differs in one AS only; a hierarchy of reflectors may not come to rest over it.
        let may_differ = source < 2 && self.topology != Topology::Hierarchy;
        let asn = if source < 2 { Asn(65_101) } else { Asn(65_102) };
        let random = &mut self.random;
        let behind = (0..random.between(0, 2))
            .zip(65_200..)
            .map(|(_, asn)| Asn(asn));
        let med = *random.pick(&[None, Some(0), Some(10), Some(30)]);
        let mut offer = Offer {
            behind: behind.collect(),
            med: if may_differ { med } else { Some(20) },
            ..Offer::default()
        };
        match random.between(0, 9) {
            0 => offer.community = Some(Community::NO_EXPORT),
            1 => offer.community = Some(Community::NO_ADVERTISE),
            2 => {
                let whose = *random.pick(&self.speakers);
                offer.originator = Some(self.world.identity(whose).0);
            }
            3 | 4 if !self.reflectors.is_empty() => {
                let whose = *random.pick(&self.reflectors);
                offer.cluster = self.world.identity(whose).1;
            }
            5 => offer.behind.push(Asn(64_512)),
            _ => {}
        }
        let offer = random.chance(75).then_some(offer);
        self.plan(
            at,
            Fault::Offer {
                speaker,
                source,
                asn,
                prefix,
                offer,
            },
        );
    }

    fn hurt_a_link(&mut self) {
        let (mut one, mut other) = *self.random.pick(&self.links);
        if self.random.chance(50) {
            (one, other) = (other, one);
        }
        let at = self.random.milliseconds(0, 50_000);
        let until = (at + self.random.milliseconds(10, 40_000)).min(TROUBLE - LAST_MOMENT);
        match self.random.between(0, 8) {
            0 | 1 => {
                self.plan(at, Fault::Stall(one, other));
                self.plan(until, Fault::Resume(one, other));
            }
            2 => {
                let octets = *self.random.pick(&[1, 19, 300]);
                self.plan(at, Fault::Throttle(one, other, octets));
                self.plan(until, Fault::Resume(one, other));
            }
            3 => {
                self.plan(at, Fault::Cut(one, other));
                self.plan(until, Fault::Mend(one, other));
            }
            4 => {
                let slow = self.random.milliseconds(200, 3_000);
                self.plan(at, Fault::Delay(one, other, slow));
                let fast = self.random.milliseconds(1, 60);
                self.plan(until, Fault::Delay(one, other, fast));
            }
            5 => self.plan(at, Fault::Reset(one, other)),
            6 | 7 => self.plan(at, Fault::Refresh(one, other)),
            _ => self.plan(at, Fault::Cease(other, one)),
        }
    }

    fn cut_for_long(&mut self) {
        let link = *self.random.pick(&self.links);
        if self.random.chance(50) {
            // Lost connections, not expired hold timers: stale routes must run out of time.
            self.plan(TROUBLE - LAST_MOMENT, Fault::Reset(link.0, link.1));
        }
        self.plan(TROUBLE, Fault::Cut(link.0, link.1));
        self.mending.push(Fault::Mend(link.0, link.1));
    }

    /// A speaker ends; it comes back soon, or in the next round.
    fn crash(&mut self) {
        let speaker = match self.reflectors.is_empty() || self.random.chance(60) {
            true => *self.random.pick(&self.speakers),
            false => *self.random.pick(&self.reflectors),
        };
        let at = self.random.milliseconds(0, 50_000);
        let silently = self.random.chance(30);
        self.plan(at, Fault::Crash { speaker, silently });
        let boot = Fault::Boot {
            speaker,
            gracefully: self.random.chance(60),
        };
        if self.random.chance(70) {
            let until = at + self.random.milliseconds(10, 30_000);
            self.plan(until, boot.clone());
        }
        self.mending.push(boot);
    }

    fn change_filter(&mut self) {
        let (mut one, mut other) = *self.random.pick(&self.links);
        if self.random.chance(50) {
            (one, other) = (other, one);
        }
        let at = self.random.milliseconds(0, 60_000);
        let filter = *self.random.pick(&[
            Filter::All,
            Filter::Nothing,
            Filter::Low,
            Filter::High,
            Filter::Tag(7),
        ]);
        let at_border = self.topology == Topology::Edges
            && self.world.asn(one) == Asn(64_512)
            && self.world.asn(other) != Asn(64_512);
        if at_border && self.random.chance(50) {
            let value = *self.random.pick(&[50, 200]);
            self.plan(at, Fault::Import(one, other, Filter::Prefer(value)));
            return;
        }
        let fault = match self.random.between(0, 4) {
            0 | 1 => Fault::Import(one, other, filter),
            2 | 3 => Fault::Export(one, other, filter),
            _ => Fault::ExportAll(one, filter),
        };
        self.plan(at, fault);
    }

    /// A limit that some exceed, lifted in the end.
    fn limit(&mut self) {
        let (one, other) = *self.random.pick(&self.links);
        let at = self.random.milliseconds(0, 50_000);
        let max = u32::try_from(self.random.between(3, 30)).expect("small");
        self.plan(at, Fault::Limit(one, other, Some(max)));
        self.plan(TROUBLE - LAST_MOMENT, Fault::Limit(one, other, None));
        // Who was down then has the limit in its configuration still.
        self.mending.push(Fault::Limit(one, other, None));
    }

    fn part(&mut self) {
        let (one, other) = *self.random.pick(&self.links);
        let at = self.random.milliseconds(0, 50_000);
        self.plan(at, Fault::Part(one, other));
        if self.random.chance(50) {
            let until = at + self.random.milliseconds(1, 10_000);
            self.plan(until, Fault::Rejoin(one, other));
        }
        self.mending.push(Fault::Rejoin(one, other));
    }

    fn change_costs(&mut self) {
        let at = self.random.milliseconds(0, 60_000);
        let seed = self.random.next();
        let lose = self.topology.may_lose_next_hops() && self.random.chance(50);
        let equal = lose || self.topology.needs_equal_costs();
        for (number, speaker) in (0..).zip(self.speakers.clone()) {
            let costs = Costs {
                seed: if equal { seed } else { seed ^ number << 7 },
                some_unreachable: lose,
            };
            self.plan(at, Fault::Costs(speaker, costs));
        }
    }

    /// A reflector takes a client for none, for a while.
    fn change_role(&mut self) {
        let reflector = *self.random.pick(&self.reflectors);
        let of_reflector = self.links.iter().filter(|link| link.0 == reflector);
        let links: Vec<_> = of_reflector.copied().collect();
        if links.is_empty() {
            return;
        }
        let (one, other) = *self.random.pick(&links);
        let at = self.random.milliseconds(0, 50_000);
        let was = self.world.is_client(one, other);
        self.plan(at, Fault::Client(one, other, !was));
        let until = at + self.random.milliseconds(1, 5_000);
        self.plan(until, Fault::Client(one, other, was));
    }
}
