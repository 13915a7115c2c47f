//! Between the shard and the kernel's writer: changes are pulled at the writer's pace.

use std::sync::Arc;

use tokio::sync::mpsc;

use super::shards::{FibLink, FibMail, RibHandle};
use crate::fib::{FibInput, FibOutput};
use crate::rib::Command;
use crate::session::RibMail;

/// Changes in one pull (architecture §3, "Kernel").
const CHANGES_A_PULL: usize = 512;

/// Carries changes and next hops to and fro until the writer ends.
pub async fn run(
    link: Arc<FibLink>,
    rib: RibHandle,
    writer: mpsc::Sender<FibInput>,
    mut reports: mpsc::Receiver<FibOutput>,
) {
    let mut pace = Pace::default();
    loop {
        tokio::select! {
            () = link.bell.notified() => {
                for input in pace.on_mail(link.take()) {
                    if writer.send(input).await.is_err() {
                        return;
                    }
                }
            }
            report = reports.recv() => match report {
                Some(FibOutput::NextHops(states)) => {
                    rib.send(RibMail::Command(Command::NextHops(states))).await;
                }
                Some(FibOutput::WantMore) => pace.on_written(),
                None => return,
            }
        }
        if pace.should_pull() {
            rib.send(RibMail::Command(Command::PullFib {
                max: CHANGES_A_PULL,
            }))
            .await;
        }
    }
}

/// When to pull: one pull at a time, none while the writer works, again after every batch.
#[derive(Debug, Default)]
struct Pace {
    pending: bool,
    step: Step,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Step {
    #[default]
    Idle,
    Pulling,
    Writing,
}

impl Pace {
    fn on_mail(&mut self, mail: FibMail) -> Vec<FibInput> {
        let mut inputs = Vec::new();
        let (track, untrack): (Vec<_>, Vec<_>) =
            mail.tracking.into_iter().partition(|(_, wanted)| *wanted);
        if !track.is_empty() {
            inputs.push(FibInput::Track(
                track.into_iter().map(|(address, _)| address).collect(),
            ));
        }
        if !untrack.is_empty() {
            inputs.push(FibInput::Untrack(
                untrack.into_iter().map(|(address, _)| address).collect(),
            ));
        }
        self.pending |= mail.pending;
        if let Some(changes) = mail.changes {
            self.step = if changes.is_empty() {
                Step::Idle
            } else {
                Step::Writing
            };
            // An empty batch as well: it tells the writer that it has everything.
            inputs.push(FibInput::Changes(changes));
        }
        inputs
    }

    const fn on_written(&mut self) {
        self.step = Step::Idle;
        self.pending = true;
    }

    fn should_pull(&mut self) -> bool {
        let pull = self.pending && self.step == Step::Idle;
        if pull {
            self.pending = false;
            self.step = Step::Pulling;
        }
        pull
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rib::FibChange;

    fn change() -> FibChange {
        FibChange {
            prefix: "10.65.0.0/26".parse().expect("a prefix"),
            route: None,
        }
    }

    fn mail(pending: bool, changes: Option<Vec<FibChange>>) -> FibMail {
        FibMail {
            pending,
            changes,
            ..FibMail::default()
        }
    }

    #[test]
    fn nothing_is_pulled_while_a_pull_or_a_write_is_under_way() {
        let mut pace = Pace::default();
        pace.on_mail(mail(true, None));
        assert!(pace.should_pull());
        pace.on_mail(mail(true, None));
        assert!(!pace.should_pull());
        pace.on_mail(mail(false, Some(vec![change()])));
        assert!(!pace.should_pull());
        pace.on_written();
        assert!(pace.should_pull());
    }

    #[test]
    fn an_empty_answer_ends_the_pulling_until_the_next_change() {
        let mut pace = Pace::default();
        pace.on_mail(mail(true, None));
        assert!(pace.should_pull());
        pace.on_mail(mail(false, Some(vec![])));
        assert!(!pace.should_pull());
        pace.on_mail(mail(true, None));
        assert!(pace.should_pull());
    }
}
