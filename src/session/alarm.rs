//! The one timer of a session.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Instant;

use tokio::time::{Sleep, sleep_until};

/// Wakes its task at deadlines that move all the time.
///
/// Each message puts the hold time off and each write the keepalive; so the timer is left alone while
/// it goes off early enough, and set anew when it does.
#[derive(Debug, Default)]
pub(super) struct Alarm(Option<Pin<Box<Sleep>>>);

impl Alarm {
    /// Waits for a deadline, or until it is worth another look.
    pub(super) fn poll(
        &mut self,
        deadline: Option<Instant>,
        context: &mut Context<'_>,
    ) -> Poll<()> {
        let Some(deadline) = deadline.map(tokio::time::Instant::from) else {
            self.0 = None;
            return Poll::Pending;
        };
        let sleep = self
            .0
            .get_or_insert_with(|| Box::pin(sleep_until(deadline)));
        if deadline < sleep.deadline() {
            sleep.as_mut().reset(deadline);
        }
        if sleep.as_mut().poll(context).is_pending() {
            return Poll::Pending;
        }
        if deadline <= sleep.deadline() {
            self.0 = None;
            return Poll::Ready(());
        }
        sleep.as_mut().reset(deadline);
        sleep.as_mut().poll(context)
    }
}

#[cfg(test)]
mod tests {
    use std::future::poll_fn;
    use std::time::Duration;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn it_goes_off_at_the_last_deadline_said() {
        let start = tokio::time::Instant::now();
        let mut alarm = Alarm::default();
        let at = |secs| Some((start + Duration::from_secs(secs)).into_std());
        let mut shown = [at(10), at(20), at(15), at(30)].into_iter().cycle().take(4);
        let mut deadline = None;
        poll_fn(|context| {
            for next in shown.by_ref() {
                deadline = next;
                assert!(alarm.poll(next, context).is_pending());
            }
            alarm.poll(deadline, context)
        })
        .await;
        assert_eq!(start.elapsed(), Duration::from_secs(30));
    }
}
