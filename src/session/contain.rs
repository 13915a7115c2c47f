//! A panic in one session ends that session and nothing else.
//!
//! It would be a defect: no input may cause one (invariant 3). Should there be one all the same, the
//! task lives on, forgets all that may be half done, tells the RIB that the session is gone, and waits
//! longer each time before it tries again, for the same input would only do the same.

use std::any::Any;
use std::future::{Future, poll_fn};
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::pin::pin;
use std::task::Poll;
use std::time::Duration;

use tracing::error;

use super::driver::Driver;
use super::hold::Pause;
use crate::clock;
use crate::fsm::{self, ConnectionId};
use crate::net::PerFamily;
use crate::rib::Command;

/// What a panic leaves behind.
type Payload = Box<dyn Any + Send>;

/// Octets of the message at fault that are logged.
const CULPRIT_OCTETS_MAX: usize = 256;

/// The longest pause after a panic; the first is the peering's first idle hold.
const PAUSE_MAX: Duration = Duration::from_secs(600);

/// Runs a future to its end, or to its panic.
async fn caught(future: impl Future<Output = ()>) -> Result<(), Payload> {
    let mut future = pin!(future);
    poll_fn(|context| {
        // Whoever calls this throws away what the future may have left half done.
        match catch_unwind(AssertUnwindSafe(|| future.as_mut().poll(context))) {
            Ok(Poll::Pending) => Poll::Pending,
            Ok(Poll::Ready(())) => Poll::Ready(Ok(())),
            Err(payload) => Poll::Ready(Err(payload)),
        }
    })
    .await
}

impl Driver {
    /// Runs until the session is not planned any more.
    pub(super) async fn run(mut self: Box<Self>) {
        while let Err(payload) = caught(self.drive()).await {
            self.recover(&*payload);
        }
    }

    /// Does something with a message; if that panics, the message is logged with it.
    pub(super) fn with_message(
        &mut self,
        id: ConnectionId,
        message: &[u8],
        work: impl FnOnce(&mut Self),
    ) {
        if let Err(payload) = catch_unwind(AssertUnwindSafe(|| work(self))) {
            error!(
                state = %self.fsm.state(),
                connection = id.0,
                octets = message.len(),
                message = %hex(message),
                "this message caused a panic"
            );
            resume_unwind(payload);
        }
    }

    fn recover(&mut self, payload: &(dyn Any + Send)) {
        let reason = text(payload);
        self.panics += 1;
        let pause = self.panic_pause();
        error!(
            reason,
            count = self.panics,
            pause_s = pause.as_secs(),
            "a defect has ended this session; the others go on"
        );
        self.connections.clear();
        self.cancel_dial();
        self.mail.clear();
        self.session = None;
        let peer = self.spec.id;
        let keep_until = PerFamily::default();
        let down = Command::SessionDown { peer, keep_until };
        self.mail.command(down);
        self.fsm = fsm::Peer::new(self.spec.fsm_config(), self.seed);
        self.fsm.set_restarting(self.restarting);
        self.record.panicked(&reason, clock::wall());
        let (now, wall) = (clock::now(), clock::wall());
        self.holds.defect = Some(Pause::new(reason, Some(pause), now, wall));
    }

    /// Doubled with every panic.
    fn panic_pause(&self) -> Duration {
        let first = self.spec.plan.idle_hold.0.max(Duration::from_secs(1));
        let doubled = 1_u32 << (self.panics - 1).min(16);
        first.saturating_mul(doubled).min(PAUSE_MAX)
    }
}

/// What the panic said.
fn text(payload: &(dyn Any + Send)) -> String {
    let text = payload.downcast_ref::<String>().map(String::as_str);
    let text = text.or_else(|| payload.downcast_ref::<&str>().copied());
    format!("panic: {}", text.unwrap_or("no text"))
}

fn hex(message: &[u8]) -> String {
    let shown = message.iter().take(CULPRIT_OCTETS_MAX);
    let mut text: String = shown.map(|octet| format!("{octet:02x}")).collect();
    if message.len() > CULPRIT_OCTETS_MAX {
        text.push('…');
    }
    text
}

/// Panics on a message that ends in these octets: how tests ask for a defect.
#[cfg(test)]
pub(crate) const BOMB: &[u8] = b"a defect, please";

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_panic_becomes_a_value() {
        let payload = caught(async { panic!("of {}", 7) }).await;
        assert_eq!(text(&*payload.expect_err("a panic")), "panic: of 7");
        assert!(caught(async {}).await.is_ok());
    }

    #[test]
    fn no_more_than_the_first_octets_are_shown() {
        assert_eq!(hex(&[0xff, 0x00, 0x1d]), "ff001d");
        let long = hex(&[0; 1_000]);
        assert_eq!(long.chars().count(), 2 * CULPRIT_OCTETS_MAX + 1);
    }
}
