//! The kernel's routes: what should be there, what is there, and the difference, written in batches.
//!
//! One task ([`run`]) owns all of it. The RIB's wishes come in as [`FibChange`](crate::rib::FibChange)
//! batches, each asked for by [`FibOutput::WantMore`]; the kernel's links, addresses and routes come
//! in as netlink events. The pure middle compares the two and hands batches of [`Op`]s to a
//! [`Fib`], which is [`Netlink`] in the daemon.
//!
//! # What must hold
//!
//! - *Ours* are the routes with our protocol number in our table; nothing else is ever replaced or
//!   deleted. A route of others that stands in the way is left alone and the refusal reported.
//! - A route is replaced in one step, or its successor is there before it goes.
//! - Routes found at the start stay as they are where they are right already, and are deleted only
//!   when the owner says that the tables are complete ([`FibInput::AllowSweep`], invariant 11).
//! - The mirror of what is ours follows acknowledgements and is compared with the kernel after each
//!   event that casts doubt on it (a lost message, a link that went down, others touching our
//!   routes), and every minute in any case.
//! - On exit routes stay.
//!
//! Time comes from the runtime. The task waits for nobody but the kernel: what it has to tell is
//! merged (latest state for each next hop) until the owner takes it.

mod errno;
mod kernel;
#[cfg(test)]
mod memory;
mod netlink;
mod reconcile;
mod resolve;
mod route;
mod table;
mod task;
mod view;

pub use kernel::{Event, Fib, Refusal, Snapshot};
pub use netlink::Netlink;
pub use reconcile::Op;
pub use resolve::{Link, LinkAddress};
pub use route::{KernelNextHop, KernelRoute, KernelRouteKind, NextHops, RouteKey, TABLE_MAIN};
pub use task::{FibInput, FibOptions, FibOutput, run};
pub use view::{FibRow, FibRowState, FibView};
