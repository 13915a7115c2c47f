//! What to do to the kernel so that one prefix is as it should be. Pure.

use smallvec::SmallVec;

use super::route::{KernelRoute, RouteKey};

/// One change of a kernel table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Op {
    /// Add a route where no route has its prefix and metric; refused where one has.
    Add(KernelRoute),
    /// Put a route in the place of one of ours with the same prefix and metric, in one step.
    Replace {
        /// The route that is there.
        old: KernelRoute,
        /// The route that should be.
        new: KernelRoute,
    },
    /// Take a route of ours away.
    Delete(KernelRoute),
}

/// What bounds the changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Terms {
    /// Whether routes may go that nothing takes the place of (invariant 11).
    pub(super) may_delete: bool,
    /// Whether a route of others has the wanted prefix and metric.
    pub(super) is_taken: bool,
}

impl Op {
    /// The key of the route concerned.
    pub const fn key(&self) -> RouteKey {
        match self {
            Self::Add(route) | Self::Delete(route) | Self::Replace { new: route, .. } => {
                route.key()
            }
        }
    }

    /// The name in metrics: `add`, `replace` or `delete`.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Add(_) => "add",
            Self::Replace { .. } => "replace",
            Self::Delete(_) => "delete",
        }
    }
}

/// Compares what one prefix should have with what it has of ours.
///
/// The operations depend on nothing but the kernel being as `present` says, so they may be sent
/// together. A route is taken away only once its successor is there: after the operations succeeded,
/// another call yields what remains, and the second call after that nothing.
pub(super) fn reconcile(
    wanted: Option<&KernelRoute>,
    present: &[KernelRoute],
    terms: Terms,
) -> SmallVec<[Op; 1]> {
    let Some(wanted) = wanted else {
        let gone = if terms.may_delete { present } else { &[] };
        return gone.iter().cloned().map(Op::Delete).collect();
    };
    if present.contains(wanted) {
        let surplus = present.iter().filter(|route| *route != wanted);
        return surplus.cloned().map(Op::Delete).collect();
    }
    let op = match present.iter().find(|route| route.key() == wanted.key()) {
        None => Op::Add(wanted.clone()),
        // The kernel would replace whichever of the two it finds first, so only ours goes; the add
        // that follows is then refused, which says who is in the way.
        Some(old) if terms.is_taken => Op::Delete(old.clone()),
        Some(old) => Op::Replace {
            old: old.clone(),
            new: wanted.clone(),
        },
    };
    SmallVec::from_iter([op])
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::super::route::{KernelNextHop, KernelRouteKind, TABLE_MAIN};
    use super::*;
    use crate::net::{Ipv4Prefix, Prefix};

    const OURS: u8 = 12;
    const FREE: Terms = Terms {
        may_delete: true,
        is_taken: false,
    };

    fn route(prefix: u8, metric: u32, gateway: u8, protocol: u8) -> KernelRoute {
        let prefix = Ipv4Prefix::new([10, 0, prefix, 0].into(), 24).expect("24 fits");
        let kind = match gateway {
            0 => KernelRouteKind::Blackhole,
            gateway => {
                KernelRouteKind::unicast([KernelNextHop::via([192, 0, 2, gateway].into(), 2)])
            }
        };
        KernelRoute {
            prefix: prefix.into(),
            kind,
            metric,
            protocol,
            table: TABLE_MAIN,
            has_extras: false,
        }
    }

    fn ops(wanted: Option<&KernelRoute>, present: &[KernelRoute], terms: Terms) -> Vec<Op> {
        reconcile(wanted, present, terms).into_vec()
    }

    #[test]
    fn equal_routes_are_adopted_untouched() {
        let wanted = route(1, 0, 5, OURS);
        assert_eq!(ops(Some(&wanted), std::slice::from_ref(&wanted), FREE), []);
    }

    #[test]
    fn another_gateway_is_one_atomic_replacement() {
        let (old, new) = (route(1, 0, 5, OURS), route(1, 0, 6, OURS));
        let present = [old.clone()];
        assert_eq!(
            ops(Some(&new), &present, FREE),
            [Op::Replace {
                old,
                new: new.clone()
            }]
        );
    }

    #[test]
    fn another_metric_is_added_before_the_old_one_goes() {
        let (old, new) = (route(1, 0, 5, OURS), route(1, 7, 5, OURS));
        assert_eq!(
            ops(Some(&new), std::slice::from_ref(&old), FREE),
            [Op::Add(new.clone())]
        );
        assert_eq!(
            ops(Some(&new), &[old.clone(), new.clone()], FREE),
            [Op::Delete(old)]
        );
    }

    #[test]
    fn leftovers_stay_until_deleting_is_allowed() {
        let left_over = [route(1, 0, 5, OURS)];
        let terms = Terms {
            may_delete: false,
            ..FREE
        };
        assert_eq!(ops(None, &left_over, terms), []);
        assert_eq!(
            ops(None, &left_over, FREE),
            [Op::Delete(left_over[0].clone())]
        );
    }

    /// A kernel table: no two routes share a key.
    type Table = BTreeMap<RouteKey, KernelRoute>;

    /// Does what the kernel does with an operation; false where it refuses.
    fn apply(table: &mut Table, op: &Op) -> bool {
        match op {
            Op::Add(route) => {
                if table.contains_key(&route.key()) {
                    return false;
                }
                table.insert(route.key(), route.clone());
            }
            Op::Replace { old, new } => {
                assert_eq!(table.get(&new.key()), Some(old), "replaces what it knows");
                table.insert(new.key(), new.clone());
            }
            Op::Delete(route) => {
                assert_eq!(table.remove(&route.key()).as_ref(), Some(route));
            }
        }
        true
    }

    fn ours(table: &Table, prefix: Prefix) -> Vec<KernelRoute> {
        let of_prefix = |route: &&KernelRoute| route.prefix == prefix && route.protocol == OURS;
        table.values().filter(of_prefix).cloned().collect()
    }

    proptest! {
        #[test]
        fn the_kernel_ends_as_wanted_and_nothing_of_others_is_touched(
            wanted in proptest::collection::btree_map(0u8..6, (0u32..3, 0u8..4), 0..6),
            present in proptest::collection::vec((0u8..6, 0u32..3, 0u8..4, any::<bool>()), 0..14),
            may_delete: bool,
        ) {
            let mut table = Table::new();
            for (prefix, metric, gateway, is_ours) in present {
                let route = route(prefix, metric, gateway, if is_ours { OURS } else { 4 });
                table.insert(route.key(), route);
            }
            let others = |table: &Table| -> Table {
                table.iter().filter(|(_, route)| route.protocol != OURS)
                    .map(|(key, route)| (*key, route.clone())).collect()
            };
            let before = table.clone();
            for prefix in 0u8..6 {
                let wish = wanted.get(&prefix).map(|(metric, gateway)| route(prefix, *metric, *gateway, OURS));
                let key = Ipv4Prefix::new([10, 0, prefix, 0].into(), 24).expect("24 fits").into();
                let is_taken = wish.as_ref().is_some_and(|wish| others(&table).contains_key(&wish.key()));
                let terms = Terms { may_delete, is_taken };
                for _ in 0..2 {
                    for op in reconcile(wish.as_ref(), &ours(&table, key), terms) {
                        let done = apply(&mut table, &op);
                        prop_assert_eq!(done, !(is_taken && matches!(op, Op::Add(_))));
                    }
                }
                let now = ours(&table, key);
                match wish {
                    Some(wish) if !is_taken => prop_assert_eq!(now, vec![wish]),
                    Some(_) => {}
                    None if may_delete => prop_assert_eq!(now, vec![]),
                    None => prop_assert_eq!(now, ours(&before, key)),
                }
            }
            prop_assert_eq!(others(&before), others(&table));
        }
    }
}
