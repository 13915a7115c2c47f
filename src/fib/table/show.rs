//! What the table shows of itself.

use std::ops::Bound;

use super::{Entry, FibTable};
use crate::fib::kernel::Refusal;
use crate::fib::route::KernelRoute;
use crate::fib::view::{FibRow, FibRowState, FibView};
use crate::net::Prefix;

const DENIED: &str = "missing CAP_NET_ADMIN: the kernel refuses to change routes (EPERM)";

impl FibTable {
    /// Says that the first full programming is over.
    pub(in crate::fib) fn set_programmed(&mut self) {
        self.view.programmed = true;
    }

    /// The totals.
    pub(in crate::fib) fn view(&self) -> FibView {
        let mut view = self.view.clone();
        view.denied = self.is_denied.then(|| DENIED.to_owned());
        for (family, dirty) in self.dirty.iter() {
            let pending = dirty.len() + self.refused.get(family).len();
            *view.pending.get_mut(family) = pending as u64;
        }
        view
    }

    /// Up to `max` prefixes in order, from the one behind `after`.
    pub(in crate::fib) fn rows(&self, after: Option<Prefix>, max: usize) -> Vec<FibRow> {
        let from = after.map_or(Bound::Unbounded, Bound::Excluded);
        let entries = self.entries.range((from, Bound::Unbounded)).take(max);
        entries
            .map(|(prefix, entry)| self.row(*prefix, entry))
            .collect()
    }

    /// One prefix, wanted against present; `None` where it is neither.
    pub(in crate::fib) fn row_of(&self, prefix: Prefix) -> Option<FibRow> {
        let entry = self.entries.get(&prefix)?;
        Some(self.row(prefix, entry))
    }

    fn row(&self, prefix: Prefix, entry: &Entry) -> FibRow {
        let words = |route: &KernelRoute| route.in_words(|index| self.resolver.link_name(index));
        let present: Vec<String> = entry.present.iter().map(words).collect();
        let is_refused = self.refused.get(prefix.family()).contains(&prefix);
        let is_installed = entry.present.as_slice() == entry.target.as_slice();
        let state = match &entry.target {
            Some(_) if is_installed => FibRowState::Installed,
            _ if is_refused => FibRowState::Refused,
            None if !entry.is_released && !self.view.sweeping => FibRowState::Stale,
            Some(_) | None => FibRowState::Pending,
        };
        let denied = || (is_refused && self.is_denied).then(|| DENIED.to_owned());
        FibRow {
            prefix,
            wanted: entry.target.as_ref().map(words),
            present: (!present.is_empty()).then(|| present.join("; ")),
            state,
            error: entry
                .refusal
                .as_ref()
                .map(Refusal::to_string)
                .or_else(denied),
        }
    }
}
