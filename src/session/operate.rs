//! What an operator tells a session to do.

use std::sync::Arc;

use tokio::sync::oneshot;
use tracing::info;

use super::driver::Driver;
use super::hold::HeldBy;
use crate::clock;
use crate::fsm::{Input, StopReason};
use crate::net::Family;

/// An operator's wish.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum OperatorAction {
    /// Close the session with Cease 6/4 and open it again.
    Reset {
        /// So that the peer drops the routes even where both have agreed to keep them over such a
        /// reset (Cease 6/9, RFC 8538).
        hard: bool,
    },
    /// Ask the peer for its routes again (RFC 2918).
    SoftIn,
    /// Send the peer all routes again.
    SoftOut,
    /// Close the session with Cease 6/2 and this message, and keep it closed (RFC 9003).
    Shutdown(Arc<str>),
    /// Let the session come up again.
    Enable,
}

/// What was done, in one sentence; or why it cannot be.
pub type OperatorAnswer = Result<String, OperatorRefusal>;

/// Where an answer goes.
pub type OperatorReply = oneshot::Sender<OperatorAnswer>;

/// Why a wish cannot be granted.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum OperatorRefusal {
    /// There is no session with this name any more.
    #[error("the session is not planned any more")]
    NoSession,
    /// Only an established session can do that.
    #[error("the session is not established: there is nothing to ask for or to send")]
    NotEstablished,
    /// The peer does not know ROUTE-REFRESH.
    #[error("the peer cannot be asked for its routes again (no route refresh); reset the session")]
    NoRouteRefresh,
    /// The session is held down.
    #[error("the session is {0}; a reset does not lift that")]
    Held(String),
}

impl Driver {
    pub(super) fn operate(&mut self, action: &OperatorAction, reply: OperatorReply) {
        let answer = match action {
            OperatorAction::Reset { hard } => self.reset(*hard),
            OperatorAction::SoftIn => self.soft_in(),
            OperatorAction::SoftOut => self.soft_out(),
            OperatorAction::Shutdown(message) => Ok(self.shut_down(message)),
            OperatorAction::Enable => Ok(self.enable()),
        };
        match &answer {
            Ok(done) => info!(done, "operator"),
            Err(refusal) => info!(reason = %refusal, "operator refused"),
        }
        // The operator may have gone meanwhile.
        let _ = reply.send(answer);
    }

    fn reset(&mut self, hard: bool) -> OperatorAnswer {
        if let Some(held) = self.holds.view() {
            return Err(OperatorRefusal::Held(held.to_string()));
        }
        let was_up = self.session.is_some();
        // The machine goes on by itself.
        self.halt(match hard {
            true => StopReason::HardReset(String::new()),
            false => StopReason::AdminReset(String::new()),
        });
        Ok(match was_up {
            true => "reset; the session is opened again",
            false => "the session was not established; it is tried again",
        }
        .to_owned())
    }

    fn soft_in(&mut self) -> OperatorAnswer {
        let families = self.families()?;
        if !self
            .fsm
            .established()
            .is_some_and(|(_, terms)| terms.route_refresh)
        {
            return Err(OperatorRefusal::NoRouteRefresh);
        }
        for family in &families {
            self.input(Input::RequestRefresh(*family));
        }
        Ok(format!("asked for its {} routes again", names(&families)))
    }

    fn soft_out(&mut self) -> OperatorAnswer {
        let families = self.families()?;
        for family in &families {
            self.readvertise(*family);
        }
        self.mail.send();
        Ok(format!("sending all {} routes again", names(&families)))
    }

    fn shut_down(&mut self, message: &Arc<str>) -> String {
        self.holds.operator = Some(Arc::clone(message));
        self.halt(StopReason::AdminShutdown(message.to_string()));
        "shut down until it is enabled, or calidris starts again".to_owned()
    }

    fn enable(&mut self) -> String {
        let held = self.holds.view();
        self.holds.operator = None;
        self.holds.prefix_limit = None;
        self.holds.defect = None;
        self.record.touch();
        self.start();
        match (held, self.holds.view()) {
            (None, _) => "the session was not shut down".to_owned(),
            (Some(_), None) => "enabled".to_owned(),
            (Some(was), Some(still)) if was.by == HeldBy::Plan => {
                format!("still {still}; only the resources can change that")
            }
            (Some(_), Some(still)) => format!("enabled, but still {still}"),
        }
    }

    /// Follows the annotation that holds the session down.
    pub(super) fn follow_plan(&mut self) {
        let planned = self.spec.plan.shutdown.clone();
        if self.holds.plan == planned {
            return;
        }
        self.holds.plan = planned;
        match &self.holds.plan {
            Some(message) => {
                let message = message.to_string();
                self.halt(StopReason::AdminShutdown(message));
            }
            None => self.start(),
        }
    }

    /// Ends the pauses that are over.
    pub(super) fn release_holds(&mut self) {
        if self.holds.release_due(clock::now()) {
            info!("the session may come up again");
            self.record.touch();
            self.start();
        }
    }

    fn families(&self) -> Result<Vec<Family>, OperatorRefusal> {
        match self.fsm.established() {
            Some((_, terms)) => Ok(terms.families.families().collect()),
            None => Err(OperatorRefusal::NotEstablished),
        }
    }
}

fn names(families: &[Family]) -> String {
    let names: Vec<&str> = families.iter().map(|family| family.name()).collect();
    names.join(" and ")
}
