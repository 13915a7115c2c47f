//! What the writer needs of a kernel.

use std::fmt;
use std::future::Future;
use std::io;

use super::errno;
use super::reconcile::Op;
use super::resolve::{Link, LinkAddress};
use super::route::KernelRoute;

/// A kernel, real or not.
pub trait Fib: Send {
    /// Reads links, addresses and the routes of the main table and of ours.
    ///
    /// What changes meanwhile is also told by [`Self::watch`].
    ///
    /// # Errors
    /// The kernel does not answer.
    fn dump(&mut self) -> impl Future<Output = io::Result<Snapshot>> + Send;

    /// Tries every operation in order and answers for each; later ones do not depend on earlier
    /// ones.
    ///
    /// # Errors
    /// The outcome is unknown: the kernel must be read again.
    fn apply(
        &mut self,
        batch: &[Op],
    ) -> impl Future<Output = io::Result<Vec<Result<(), Refusal>>>> + Send;

    /// Waits for changes that somebody else made. May be dropped at any time without loss.
    ///
    /// # Errors
    /// The kernel can no longer be watched.
    fn watch(&mut self) -> impl Future<Output = io::Result<Vec<Event>>> + Send;
}

/// The state of a kernel at one time.
#[derive(Clone, Debug, Default)]
pub struct Snapshot {
    /// All interfaces.
    pub links: Vec<Link>,
    /// All addresses.
    pub addresses: Vec<LinkAddress>,
    /// All routes of the main table and of ours, whoever wrote them.
    pub routes: Vec<KernelRoute>,
}

/// A change that somebody else made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// An interface is new or changed.
    Link(Link),
    /// An interface is gone.
    LinkGone(u32),
    /// An address is new.
    Address(LinkAddress),
    /// An address is gone.
    AddressGone(LinkAddress),
    /// A route is new or changed.
    Route {
        /// The route as it is.
        route: KernelRoute,
        /// Whether it took the place of another with its prefix and metric.
        replaces: bool,
    },
    /// A route is gone.
    RouteGone(KernelRoute),
    /// Messages were lost.
    Overrun,
}

/// Why the kernel did not do what it was asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// The error number, positive.
    pub errno: i32,
    /// What the kernel added in words.
    pub text: Option<String>,
}

impl Refusal {
    /// The error's name, such as `EEXIST`.
    pub fn name(&self) -> String {
        errno::name(self.errno)
    }
}

impl fmt::Display for Refusal {
    /// Such as `ENETUNREACH: the gateway is not on a connected network (Nexthop has invalid gateway)`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.name(), errno::meaning(self.errno))?;
        match &self.text {
            Some(text) => write!(f, " ({text})"),
            None => Ok(()),
        }
    }
}
