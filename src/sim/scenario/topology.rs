//! How the speakers of a world are connected.

use std::net::Ipv4Addr;

use super::Scenario;
use crate::net::{Asn, ClusterId, RouterId};
use crate::sim::peering::Peering;

/// How the speakers of a world are connected.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Topology {
    /// One AS, everybody with everybody.
    Mesh,
    /// One AS each, in a row or a ring.
    Chain,
    /// One AS, clients of one to three reflectors.
    Reflectors,
    /// One AS, reflectors that are clients of reflectors.
    Hierarchy,
    /// One AS each: nodes under switches of their racks, under spines.
    Racks,
    /// A mesh whose members each have neighbours in other ASes.
    Edges,
}

impl Topology {
    /// All of them.
    pub const ALL: [Self; 6] = [
        Self::Mesh,
        Self::Chain,
        Self::Reflectors,
        Self::Hierarchy,
        Self::Racks,
        Self::Edges,
    ];

    /// Whether next hops may go missing, for all speakers at once.
    pub(super) const fn may_lose_next_hops(self) -> bool {
        !matches!(self, Self::Chain | Self::Racks)
    }

    /// Whether all must agree on the ways to next hops.
    pub(super) const fn needs_equal_costs(self) -> bool {
        matches!(self, Self::Reflectors | Self::Hierarchy)
    }
}

impl Scenario {
    pub(super) fn draw_topology(&mut self) {
        // Large worlds are rare: a thousand others are run besides.
        let most = if self.random.chance(4) { 28 } else { 8 };
        match self.topology {
            Topology::Mesh => self.draw_mesh(most),
            Topology::Chain => self.draw_chain(most),
            Topology::Reflectors => self.draw_reflectors(most),
            Topology::Hierarchy => self.draw_hierarchy(most),
            Topology::Racks => self.draw_racks(),
            Topology::Edges => self.draw_edges(),
        }
    }

    fn draw_mesh(&mut self, most: usize) {
        let count = self.random.between(2, most);
        for _ in 0..count {
            self.add_speaker(Asn(64_512), None);
        }
        for one in 0..count {
            for other in one + 1..count {
                self.peer(one, other, None);
            }
        }
    }

    fn draw_chain(&mut self, most: usize) {
        let count = self.random.between(2, most);
        for number in 0..count {
            let number = u32::try_from(number).expect("at most thirty");
            // Some numbers need four octets.
            let base = if number % 3 == 0 {
                4_200_000_000
            } else {
                65_000
            };
            self.add_speaker(Asn(base + number), None);
        }
        for one in 1..count {
            self.peer(one - 1, one, None);
        }
        // Some rows are rings, so that AS loops occur.
        if count > 2 && self.random.chance(50) {
            self.peer(0, count - 1, None);
        }
    }

    fn draw_reflectors(&mut self, most: usize) {
        let reflectors = self.random.between(1, 3);
        let clients = self.random.between(1, most);
        let same_cluster = self.random.chance(50);
        for number in 0..reflectors {
            let cluster = if same_cluster { 1 } else { number + 1 };
            self.add_reflector(cluster);
        }
        for _ in 0..clients {
            self.add_speaker(Asn(64_512), None);
        }
        // Reflectors are no clients of each other, or some are, or each takes each other for one.
        let roles = *self.random.pick(&[Some(false), None, Some(true)]);
        for one in 0..reflectors {
            for other in one + 1..reflectors {
                let roles = roles.map(|all| (all, all || self.random.chance(20)));
                self.peer(one, other, roles);
            }
        }
        for client in reflectors..reflectors + clients {
            for reflector in 0..reflectors {
                self.peer(reflector, client, None);
            }
        }
    }

    fn draw_hierarchy(&mut self, most: usize) {
        let (tops, middles) = (self.random.between(1, 2), self.random.between(1, 3));
        for number in 0..tops {
            self.add_reflector(number + 1);
        }
        if tops == 2 {
            self.peer(0, 1, Some((false, false)));
        }
        for number in 0..middles {
            self.add_reflector(number + 3);
            for top in 0..tops {
                self.peer(top, tops + number, Some((true, false)));
            }
        }
        for _ in 0..self.random.between(1, most) {
            let client = self.add_speaker(Asn(64_512), None);
            let first = self.random.between(0, middles - 1);
            self.peer(tops + first, client, None);
            let second = self.random.between(0, middles - 1);
            if second != first {
                self.peer(tops + second, client, None);
            }
        }
    }

    fn draw_racks(&mut self) {
        let (spines, racks) = (self.random.between(1, 2), self.random.between(1, 3));
        let mut number = 65_000;
        let mut next = || {
            number += 1;
            Asn(number)
        };
        for _ in 0..spines {
            self.add_speaker(next(), None);
        }
        for _ in 0..racks {
            let switches: Vec<_> = (0..self.random.between(1, 2))
                .map(|_| self.add_speaker(next(), None))
                .collect();
            for switch in &switches {
                for spine in 0..spines {
                    self.peer(spine, *switch, None);
                }
            }
            for _ in 0..self.random.between(1, 3) {
                let node = self.add_speaker(next(), None);
                for switch in &switches {
                    self.peer(*switch, node, None);
                }
            }
        }
    }

    fn draw_edges(&mut self) {
        let inner = self.random.between(1, 5);
        for _ in 0..inner {
            self.add_speaker(Asn(64_512), None);
        }
        for one in 0..inner {
            for other in one + 1..inner {
                self.peer(one, other, None);
            }
        }
        for number in 0..self.random.between(1, 6) {
            let number = u32::try_from(number).expect("at most six");
            // Pairs share an AS, so that paths of equal length compete.
            let there = self.add_speaker(Asn(65_000 + number / 2), None);
            let first = self.random.between(0, inner - 1);
            self.peer(first, there, None);
            let second = self.random.between(0, inner - 1);
            if second != first {
                self.peer(second, there, None);
            }
        }
    }

    fn add_reflector(&mut self, cluster: usize) {
        let last = u8::try_from(cluster).expect("few clusters");
        let cluster = ClusterId(Ipv4Addr::new(244, 0, 0, last));
        let index = self.add_speaker(Asn(64_512), Some(cluster));
        self.reflectors.push(self.speakers[index]);
    }

    fn add_speaker(&mut self, asn: Asn, cluster_id: Option<ClusterId>) -> usize {
        let number = u32::try_from(self.speakers.len()).expect("few speakers");
        // Identifiers are in another order than addresses.
        let router_id = RouterId(Ipv4Addr::from_bits(
            0x0a00_0001 + (number * 37) % 101 + (number << 16),
        ));
        let speaker = self.world.add_speaker(asn, router_id, cluster_id);
        self.speakers.push(speaker);
        speaker.0
    }

    fn peer(&mut self, one: usize, other: usize, clients: Option<(bool, bool)>) {
        let random = &mut self.random;
        let several = random.chance(40);
        let peering = Peering {
            hold_time: *random.pick(&[9, 30, 90]),
            passive: random.chance(30),
            restart_time: random.chance(50).then_some(40),
            forwarding_preserved: random.chance(50),
            latency: random.milliseconds(1, 60),
            several_paths: (several && random.chance(70), several && random.chance(70)),
            paths_max: *random.pick(&[2, 3, u16::MAX]),
            clients,
            ..Peering::default()
        };
        let link = (self.speakers[one], self.speakers[other]);
        self.world.peer(link.0, link.1, &peering);
        self.links.push(link);
    }
}
