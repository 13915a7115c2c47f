//! Between the shards and the kernel's writer: changes are pulled at the writer's pace.

use std::sync::Arc;

use tokio::sync::mpsc;

use super::fib_link::{FibLink, FibMail};
use super::shards::RibHandle;
use crate::fib::{FibInput, FibOutput};
use crate::rib::{BookSteps, Command, KernelPulls, NextHopBook, NextHopState, ShardId};

/// Changes in one pull (architecture §3, "Kernel").
const CHANGES_A_PULL: usize = 512;

/// Carries changes and next hops to and fro until the writer ends.
pub async fn run(
    link: Arc<FibLink>,
    rib: RibHandle,
    writer: mpsc::Sender<FibInput>,
    mut reports: mpsc::Receiver<FibOutput>,
) {
    let mut feed = Feed::new(&rib);
    loop {
        tokio::select! {
            () = link.bell.notified() => {
                for (shard, mail) in link.take() {
                    let taken = feed.on_mail(shard, mail);
                    if !taken.tell.is_empty() {
                        rib.send_to(shard, Command::NextHops(taken.tell)).await;
                    }
                    for input in taken.inputs {
                        if writer.send(input).await.is_err() {
                            return;
                        }
                    }
                }
            }
            report = reports.recv() => match report {
                Some(FibOutput::NextHops(states)) => {
                    feed.next_hops.tell(&states);
                    rib.send(Command::NextHops(states)).await;
                }
                Some(FibOutput::WantMore) => feed.pulls.on_written(),
                None => return,
            }
        }
        while let Some(shard) = feed.pulls.next_pull() {
            let max = CHANGES_A_PULL;
            rib.send_to(shard, Command::PullFib { max }).await;
        }
    }
}

/// What is known of the shards' wishes.
struct Feed {
    pulls: KernelPulls,
    next_hops: NextHopBook,
}

/// What follows from a shard's mail.
#[derive(Default)]
struct Taken {
    /// For the kernel's writer.
    inputs: Vec<FibInput>,
    /// For the shard.
    tell: Vec<(std::net::IpAddr, NextHopState)>,
}

impl Feed {
    fn new(rib: &RibHandle) -> Self {
        Self {
            pulls: KernelPulls::new(rib.sharding()),
            next_hops: NextHopBook::default(),
        }
    }

    fn on_mail(&mut self, shard: ShardId, mail: FibMail) -> Taken {
        let mut steps = BookSteps::default();
        for (address, wanted) in mail.tracking {
            if wanted {
                self.next_hops.track(shard, address, &mut steps);
            } else {
                self.next_hops.untrack(shard, address, &mut steps);
            }
        }
        let mut inputs = Vec::new();
        if !steps.track.is_empty() {
            inputs.push(FibInput::Track(steps.track));
        }
        if !steps.untrack.is_empty() {
            inputs.push(FibInput::Untrack(steps.untrack));
        }
        if let Some(changes) = mail.changes
            && self.pulls.on_changes(shard, changes.is_empty())
        {
            // An empty batch as well: it tells the writer that it has everything.
            inputs.push(FibInput::Changes(changes));
        }
        if mail.pending {
            self.pulls.on_pending(shard);
        }
        Taken {
            inputs,
            tell: steps.tell,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rib::{FibChange, Sharding};

    const A: ShardId = ShardId(0);
    const B: ShardId = ShardId(1);

    fn feed() -> Feed {
        Feed {
            pulls: KernelPulls::new(Sharding::new(2, 0)),
            next_hops: NextHopBook::default(),
        }
    }

    fn changes(count: usize) -> FibMail {
        let change = FibChange {
            prefix: "10.65.0.0/26".parse().expect("a prefix"),
            route: None,
        };
        FibMail {
            changes: Some(vec![change; count]),
            ..FibMail::default()
        }
    }

    fn tracking(wanted: bool) -> FibMail {
        FibMail {
            tracking: [([192, 0, 2, 1].into(), wanted)].into(),
            ..FibMail::default()
        }
    }

    #[test]
    fn what_one_shard_has_is_handed_on_and_nothing_once_all_have_nothing() {
        let mut feed = feed();
        feed.pulls.on_written();
        while feed.pulls.next_pull().is_some() {}
        let handed = |taken: Taken| -> Vec<usize> {
            let counts = taken.inputs.into_iter().map(|input| match input {
                FibInput::Changes(changes) => changes.len(),
                _ => panic!("not changes"),
            });
            counts.collect()
        };
        assert!(handed(feed.on_mail(A, changes(0))).is_empty());
        assert_eq!(handed(feed.on_mail(B, changes(3))), [3]);
        feed.pulls.on_written();
        while feed.pulls.next_pull().is_some() {}
        assert!(handed(feed.on_mail(B, changes(0))).is_empty());
        assert_eq!(handed(feed.on_mail(A, changes(0))), [0]);
    }

    #[test]
    fn a_next_hop_of_two_shards_is_one_to_the_kernel() {
        let mut feed = feed();
        let inputs = |taken: Taken| taken.inputs.len();
        assert_eq!(inputs(feed.on_mail(A, tracking(true))), 1);
        let state = NextHopState::Reachable { metric: 1 };
        feed.next_hops.tell(&[([192, 0, 2, 1].into(), state)]);
        let second = feed.on_mail(B, tracking(true));
        assert_eq!((second.inputs.len(), second.tell.len()), (0, 1));
        assert_eq!(inputs(feed.on_mail(A, tracking(false))), 0);
        assert_eq!(inputs(feed.on_mail(B, tracking(false))), 1);
    }
}
