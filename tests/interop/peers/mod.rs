//! The programs that calidris meets: how each is configured, started, asked and ended.

mod bird;
mod exabgp;
mod frr;
mod gobgp;
mod openbgpd;

use std::collections::BTreeSet;
use std::path::Path;

use crate::cases::Case;
use crate::routes::Table;
use crate::setup::{Capability, Family, Kind, Setup};
use crate::support::namespace::Namespace;

/// One running program with a session with calidris in each family.
pub(crate) trait Peer {
    /// Starts it with this configuration, ending what ran before.
    fn start(&mut self, setup: &Setup) -> Result<(), String>;

    /// Ends it without notice, as a crash would.
    fn kill(&mut self);

    /// Starts it again after [`Self::kill`] as its manual says for a graceful restart.
    fn recover(&mut self) -> Result<(), String>;

    /// Whether it says that the session of `family` is established.
    fn established(&self, family: Family) -> Result<(), String>;

    /// The capabilities that it says calidris has announced.
    fn capabilities(&self, family: Family) -> Result<BTreeSet<Capability>, String>;

    /// The routes that it says it has from calidris.
    fn received(&self, family: Family) -> Result<Table, String>;

    /// How many prefixes it says it has from calidris, asked in a way that costs little.
    fn count(&self, family: Family) -> Result<usize, String>;

    /// Has it announce these routes instead of those of its [`Setup`].
    fn announce(&mut self, family: Family, routes: &Table) -> Result<(), String>;

    /// Has it ask calidris for a route refresh.
    fn ask_refresh(&self, family: Family) -> Result<(), String>;

    /// Has it shut the session down with a text.
    fn shut_down(&self, family: Family, text: &str) -> Result<(), String>;

    /// Ends what [`Self::shut_down`] began.
    fn enable(&self, family: Family) -> Result<(), String>;

    /// All that it tells about the session, its log included.
    fn account(&self, family: Family) -> String;
}

/// A program to meet.
pub(crate) struct Program {
    /// Its name, with the version of the Debian package that the facts were found with.
    pub(crate) name: &'static str,
    /// The file that shows it is installed.
    pub(crate) file: &'static str,
    /// Whether it gives up root for a user of its own.
    pub(crate) changes_user: bool,
    /// Whether it has its routes from the feeder and passes them on, or announces its own.
    pub(crate) relays: bool,
    /// Whether MED goes along to another AS.
    pub(crate) med_crosses: bool,
    /// Whether it announces a MED of zero to internal peers where there was none.
    pub(crate) adds_med: bool,
    /// Whether routes from the feeder keep its next hop towards an external peer of one segment
    /// (RFC 4271 §5.1.3 allows either).
    pub(crate) third_party_next_hop: bool,
    /// Whether an absent MED is told from a MED of zero.
    pub(crate) tells_absent_med: bool,
    /// Capabilities that it can tell of.
    pub(crate) tells: &'static [Capability],
    /// Why a case cannot be tried with it.
    pub(crate) lacks: fn(Case, Kind, Family) -> Option<&'static str>,
    /// Prepares one in a namespace.
    pub(crate) prepare: for<'a> fn(&'a Namespace) -> Box<dyn Peer + 'a>,
}

impl Program {
    pub(crate) fn is_installed(&self) -> bool {
        Path::new(self.file).exists()
    }
}

/// All programs, in the order of the table.
pub(crate) const PROGRAMS: [&Program; 5] = [
    &bird::PROGRAM,
    &frr::PROGRAM,
    &gobgp::PROGRAM,
    &openbgpd::PROGRAM,
    &exabgp::PROGRAM,
];
