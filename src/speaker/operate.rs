//! What operators ask of sessions, on its way there.

use std::sync::Arc;

use super::Speaker;
use crate::plan::PeerName;
use crate::session::{DriverCommand, OperatorAction, OperatorRefusal, OperatorReply};

/// Wishes that wait for the speaker; when there are more, the control API waits.
pub const OPERATIONS_MAX: usize = 16;

/// An operator's wish for one session.
#[derive(Debug)]
pub struct Operation {
    /// The session.
    pub peer: PeerName,
    /// The wish.
    pub action: OperatorAction,
    /// Where the answer goes.
    pub reply: OperatorReply,
}

impl Speaker {
    /// Hands a wish to its session, which answers. A shutdown is remembered until the session is
    /// enabled or the process ends, whatever the plan does to the session meanwhile.
    pub async fn operate(&mut self, operation: Operation) {
        let Operation {
            peer,
            action,
            reply,
        } = operation;
        let spec = self.registry.peers().find(|spec| spec.name == peer);
        let driver = spec.and_then(|spec| self.drivers.get(&spec.id));
        let Some(driver) = driver else {
            // The asker may have gone meanwhile.
            let _ = reply.send(Err(OperatorRefusal::NoSession));
            return;
        };
        match &action {
            OperatorAction::Shutdown(message) => {
                self.shut_down.insert(peer, Arc::clone(message));
            }
            OperatorAction::Enable => {
                self.shut_down.remove(&peer);
            }
            OperatorAction::Reset { .. } | OperatorAction::SoftIn | OperatorAction::SoftOut => {}
        }
        // A task that is gone drops the reply, which the asker sees.
        let _ = driver
            .commands
            .send(DriverCommand::Operate(action, reply))
            .await;
    }
}
