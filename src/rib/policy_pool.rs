//! One `Arc<Policy>` for each distinct policy in a shard, so that equal content is one pointer.

use std::sync::Arc;

use hashbrown::HashSet;

use crate::policy::Policy;

/// The policies of peers; those that no peer has any more go when the pool has doubled.
#[derive(Debug, Default)]
pub(crate) struct PolicyPool {
    known: HashSet<Arc<Policy>>,
    kept: usize,
}

impl PolicyPool {
    /// The shared handle of a policy. Only handles from here are told apart by their pointers.
    pub(crate) fn share(&mut self, policy: &mut Arc<Policy>) {
        let known = self.known.get_or_insert_with(policy, Arc::clone);
        *policy = Arc::clone(known);
        if self.known.len() > 2 * self.kept + UNUSED_MAX {
            self.known.retain(|policy| Arc::strong_count(policy) > 1);
            self.kept = self.known.len();
        }
    }
}

/// Policies without a peer that are always tolerated.
const UNUSED_MAX: usize = 64;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rib::testing::{accept_all, refusing};

    #[test]
    fn equal_policies_become_one_and_unused_ones_go() {
        let mut pool = PolicyPool::default();
        let (mut one, mut other) = (accept_all(), accept_all());
        assert!(!Arc::ptr_eq(&one, &other));
        pool.share(&mut one);
        pool.share(&mut other);
        assert!(Arc::ptr_eq(&one, &other));
        for n in 0..200 {
            pool.share(&mut refusing(&format!("10.0.{n}.0/24")));
        }
        assert!(pool.known.len() <= UNUSED_MAX + 3);
        assert!(pool.known.contains(&one));
    }
}
