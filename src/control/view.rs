//! What the control API may see: snapshots and two ways to ask.

use std::collections::BTreeMap;
use std::future::Future;
use std::net::IpAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use tokio::sync::watch;

use crate::datastore::DatastoreView;
use crate::fib::{FibRow, FibView};
use crate::metrics::PeerSeries;
use crate::net::{PeerId, PerFamily, Prefix};
use crate::plan::{PeerName, Plan};
use crate::rib::{
    Answer, Explanation, GroupRow, PeerCounts, Query, RibTotals, RouteTable, RoutesPage,
    RoutesQuery,
};
use crate::session::{ListenViews, OperatorAction, OperatorRefusal, PeerView};

/// How long a room may take to answer before the asker is told so.
const ANSWER_TIME_MAX: Duration = Duration::from_secs(5);

/// A boxed future, as trait objects need them.
pub type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// The sessions, each with its own snapshot.
pub type Peers = Arc<BTreeMap<PeerName, watch::Receiver<Arc<PeerView>>>>;

/// Everything that the control API may see; cheap to clone.
#[derive(Clone)]
pub struct Views {
    /// Constants of this process.
    pub about: Arc<About>,
    /// The sessions.
    pub peers: watch::Receiver<Peers>,
    /// The listening sockets.
    pub listen: watch::Receiver<ListenViews>,
    /// The plan in force; `None` until there is one.
    pub plan: watch::Receiver<Option<Arc<Plan>>>,
    /// The datastore.
    pub datastore: watch::Receiver<DatastoreView>,
    /// The kernel's writer.
    pub fib: watch::Receiver<FibView>,
    /// How far the start has come.
    pub readiness: watch::Receiver<Readiness>,
    /// Asks the RIB.
    pub rib: Arc<dyn RibQueries>,
    /// Asks the kernel's writer.
    pub kernel: Arc<dyn FibQueries>,
}

/// Constants of this process.
#[derive(Clone, Debug, PartialEq)]
pub struct About {
    /// The program's version.
    pub version: String,
    /// The commit that it was built from, or `unknown`.
    pub commit: String,
    /// The node's name.
    pub node: String,
    /// When the process started.
    pub started: SystemTime,
    /// Which sessions have metric series of their own.
    pub peer_series: PeerSeries,
}

/// How far the start has come; the process is ready once all conditions hold.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Readiness {
    /// The datastore has been read completely at least once.
    pub datastore_synced: Condition,
    /// The first plan is applied.
    pub plan_applied: Condition,
    /// The tables are complete: every reachable peer has sent End-of-RIB, or the wait for it has
    /// ended (RFC 4724 §4.1), and the first routes are programmed.
    pub deferral_over: Condition,
    /// Why no plan can be made of what the datastore holds now, while an earlier one is in force.
    /// Not a condition: the node goes on working.
    pub stale_plan: Option<String>,
}

/// One condition and why it holds or not.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Condition {
    /// Whether it holds.
    pub ok: bool,
    /// One sentence.
    pub detail: String,
}

impl Readiness {
    /// The conditions by name.
    pub fn conditions(&self) -> [(&'static str, &Condition); 3] {
        [
            ("datastore_synced", &self.datastore_synced),
            ("plan_applied", &self.plan_applied),
            ("deferral_over", &self.deferral_over),
        ]
    }

    /// Whether all conditions hold.
    pub fn is_ready(&self) -> bool {
        self.conditions().iter().all(|(_, condition)| condition.ok)
    }
}

/// Why a room did not answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum QueryError {
    /// The room is gone: the process is stopping, or a thread has died.
    #[error("{0} does not run")]
    Gone(&'static str),
    /// The room did not answer in time.
    #[error("{0} did not answer within 5 s")]
    Late(&'static str),
    /// The room gave the answer to another question.
    #[error("{0} gave an answer of the wrong kind")]
    Mismatch(&'static str),
}

/// Asks the RIB; an owner with several shards merges their answers.
pub trait RibQueries: Send + Sync {
    /// Puts one question.
    fn query(&self, query: Query) -> BoxFuture<'_, Result<Answer, QueryError>>;
}

/// Why an operator's wish is not granted.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum OperateError {
    /// The session cannot do that at present.
    #[error(transparent)]
    Refused(#[from] OperatorRefusal),
    /// The session did not answer.
    #[error(transparent)]
    NoAnswer(#[from] QueryError),
}

/// Does what operators wish.
pub trait Operators: Send + Sync {
    /// Does one thing to one session; says in one sentence what was done.
    fn operate(
        &self,
        peer: PeerName,
        action: OperatorAction,
    ) -> BoxFuture<'_, Result<String, OperateError>>;
}

/// Asks the kernel's writer.
pub trait FibQueries: Send + Sync {
    /// Every route wanted or present, in no particular order.
    fn rows(&self) -> BoxFuture<'_, Result<Vec<FibRow>, QueryError>>;

    /// One prefix, if it is wanted or present.
    fn row(&self, prefix: Prefix) -> BoxFuture<'_, Result<Option<FibRow>, QueryError>>;
}

const RIB: &str = "the routing table";
const KERNEL: &str = "the kernel's route writer";
const SESSION: &str = "the session";

/// Puts an operator's wish, and waits for the answer no longer than for any other.
pub(super) async fn operate(
    operators: &dyn Operators,
    peer: PeerName,
    action: OperatorAction,
) -> Result<String, OperateError> {
    match tokio::time::timeout(ANSWER_TIME_MAX, operators.operate(peer, action)).await {
        Ok(answer) => answer,
        Err(_) => Err(QueryError::Late(SESSION).into()),
    }
}

impl Views {
    /// The snapshots of all sessions, by name.
    pub(super) fn sessions(&self) -> Vec<Arc<PeerView>> {
        let peers = Arc::clone(&self.peers.borrow());
        peers
            .values()
            .map(|peer| Arc::clone(&peer.borrow()))
            .collect()
    }

    /// The session with this name, else the first one with this address.
    pub(super) fn session(&self, name: &str) -> Option<Arc<PeerView>> {
        let peers = Arc::clone(&self.peers.borrow());
        let by_name = peers.iter().find(|(key, _)| &*key.0 == name);
        if let Some((_, peer)) = by_name {
            return Some(Arc::clone(&peer.borrow()));
        }
        let address: IpAddr = name.parse().ok()?;
        self.sessions()
            .into_iter()
            .find(|view| view.address == address)
    }

    /// A page of routes.
    pub(super) async fn routes(&self, query: RoutesQuery) -> Result<RoutesPage, QueryError> {
        match self.ask(Query::Routes(query)).await? {
            Answer::Routes(page) => Ok(page),
            _ => Err(QueryError::Mismatch(RIB)),
        }
    }

    /// Prefix counts of every session.
    pub(super) async fn counts(
        &self,
    ) -> Result<BTreeMap<PeerId, PerFamily<PeerCounts>>, QueryError> {
        match self.ask(Query::Peers).await? {
            Answer::Peers(counts) => Ok(counts.into_iter().collect()),
            _ => Err(QueryError::Mismatch(RIB)),
        }
    }

    /// Totals of the tables.
    pub(super) async fn totals(&self) -> Result<PerFamily<RibTotals>, QueryError> {
        match self.ask(Query::Totals).await? {
            Answer::Totals(totals) => Ok(totals),
            _ => Err(QueryError::Mismatch(RIB)),
        }
    }

    /// The update groups.
    pub(crate) async fn groups(&self) -> Result<Vec<GroupRow>, QueryError> {
        match self.ask(Query::Groups).await? {
            Answer::Groups(groups) => Ok(groups),
            _ => Err(QueryError::Mismatch(RIB)),
        }
    }

    /// The most specific prefix of a table that contains a place.
    pub(super) async fn longest_match(
        &self,
        table: RouteTable,
        place: Prefix,
    ) -> Result<Option<Prefix>, QueryError> {
        match self.ask(Query::LongestMatch { table, place }).await? {
            Answer::LongestMatch(found) => Ok(found.map(|found| found.prefix)),
            _ => Err(QueryError::Mismatch(RIB)),
        }
    }

    /// The life of a prefix.
    pub(super) async fn explain(
        &self,
        prefix: Prefix,
        to: Option<PeerId>,
    ) -> Result<Option<Explanation>, QueryError> {
        match self.ask(Query::Explain { prefix, to }).await? {
            Answer::Explain(explanation) => Ok(explanation.map(|explanation| *explanation)),
            _ => Err(QueryError::Mismatch(RIB)),
        }
    }

    /// One prefix in the kernel, wanted and present.
    pub(super) async fn kernel_row(&self, prefix: Prefix) -> Result<Option<FibRow>, QueryError> {
        match tokio::time::timeout(ANSWER_TIME_MAX, self.kernel.row(prefix)).await {
            Ok(row) => row,
            Err(_) => Err(QueryError::Late(KERNEL)),
        }
    }

    /// The kernel's routes, wanted and present.
    pub(super) async fn kernel_rows(&self) -> Result<Vec<FibRow>, QueryError> {
        match tokio::time::timeout(ANSWER_TIME_MAX, self.kernel.rows()).await {
            Ok(rows) => rows,
            Err(_) => Err(QueryError::Late(KERNEL)),
        }
    }

    async fn ask(&self, query: Query) -> Result<Answer, QueryError> {
        match tokio::time::timeout(ANSWER_TIME_MAX, self.rib.query(query)).await {
            Ok(answer) => answer,
            Err(_) => Err(QueryError::Late(RIB)),
        }
    }
}
