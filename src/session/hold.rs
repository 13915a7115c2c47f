//! Why a session that is planned is held down: by an operator, by the plan, after its peer announced
//! too many prefixes, after a defect of ours.

use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use serde::{Deserialize, Serialize};

/// Why a session is held down, for `show`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct HeldView {
    /// Who or what holds it.
    pub by: HeldBy,
    /// The message for the peer, or what happened; may be empty.
    pub message: String,
    /// When it ends by itself, if it does.
    pub until: Option<SystemTime>,
}

/// Who or what holds a session down.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum HeldBy {
    /// `calidris shutdown`; until `calidris enable` or the process ends.
    Operator,
    /// The resources: the annotation `calidris.io/shutdown`, or a password that is missing.
    Plan,
    /// The peer announced more prefixes than it may.
    PrefixLimit,
    /// A defect ended the session's task.
    Defect,
}

/// What holds a session down at present; each by itself suffices.
#[derive(Debug, Default)]
pub(super) struct Holds {
    /// The operator's message.
    pub(super) operator: Option<Arc<str>>,
    /// The plan's message.
    pub(super) plan: Option<Arc<str>>,
    /// Too many prefixes.
    pub(super) prefix_limit: Option<Pause>,
    /// A defect.
    pub(super) defect: Option<Pause>,
}

/// A hold that may end by itself.
#[derive(Clone, Debug)]
pub(super) struct Pause {
    /// What happened.
    pub(super) reason: String,
    /// When it ends: for the task and for people.
    pub(super) until: Option<(Instant, SystemTime)>,
}

impl Pause {
    /// A pause that begins now; `None` lasts until somebody ends it.
    pub(super) fn new(
        reason: String,
        length: Option<Duration>,
        now: Instant,
        wall: SystemTime,
    ) -> Self {
        let until = length.and_then(|length| now.checked_add(length).zip(wall.checked_add(length)));
        Self { reason, until }
    }
}

impl Holds {
    /// Whether nothing holds the session down.
    pub(super) const fn is_free(&self) -> bool {
        self.operator.is_none()
            && self.plan.is_none()
            && self.prefix_limit.is_none()
            && self.defect.is_none()
    }

    /// When the next pause ends.
    pub(super) fn deadline(&self) -> Option<Instant> {
        let pauses = [&self.prefix_limit, &self.defect];
        let until = |pause: &Option<Pause>| pause.as_ref()?.until.map(|(at, _)| at);
        pauses.into_iter().filter_map(until).min()
    }

    /// Ends the pauses that are due; says whether there was one.
    pub(super) fn release_due(&mut self, now: Instant) -> bool {
        let mut any = false;
        for pause in [&mut self.prefix_limit, &mut self.defect] {
            let is_due = |pause: &mut Pause| pause.until.is_some_and(|(at, _)| at <= now);
            any |= pause.take_if(is_due).is_some();
        }
        any
    }

    /// What is to be told: the operator's wish first, for he looks for it.
    pub(super) fn view(&self) -> Option<HeldView> {
        let said = |by, message: &Option<Arc<str>>| {
            message.as_ref().map(|message| HeldView {
                by,
                message: message.to_string(),
                until: None,
            })
        };
        let paused = |by, pause: &Option<Pause>| {
            pause.as_ref().map(|pause| HeldView {
                by,
                message: pause.reason.clone(),
                until: pause.until.map(|(_, wall)| wall),
            })
        };
        said(HeldBy::Operator, &self.operator)
            .or_else(|| said(HeldBy::Plan, &self.plan))
            .or_else(|| paused(HeldBy::PrefixLimit, &self.prefix_limit))
            .or_else(|| paused(HeldBy::Defect, &self.defect))
    }
}

impl std::fmt::Display for HeldView {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self.by {
            HeldBy::Operator => "shut down by operator",
            HeldBy::Plan => "held down by the plan",
            HeldBy::PrefixLimit => "prefix limit exceeded",
            HeldBy::Defect => "stopped by a defect of calidris",
        })?;
        match self.message.as_str() {
            "" => Ok(()),
            message => write!(f, ": {message}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_hold_must_go_before_the_session_is_free() {
        let (now, wall) = (crate::clock::now(), crate::clock::wall());
        let minute = Duration::from_secs(60);
        let mut holds = Holds {
            operator: Some("maintenance".into()),
            plan: Some("".into()),
            prefix_limit: Some(Pause::new("11 of 10".into(), Some(minute), now, wall)),
            defect: None,
        };
        assert_eq!(
            holds.view().map(|view| view.to_string()).as_deref(),
            Some("shut down by operator: maintenance")
        );
        holds.operator = None;
        assert_eq!(
            holds.view().map(|view| view.to_string()).as_deref(),
            Some("held down by the plan")
        );
        holds.plan = None;
        assert!(!holds.is_free());
        assert_eq!(holds.deadline(), Some(now + minute));
        assert!(!holds.release_due(now));
        assert!(holds.release_due(now + minute));
        assert!(holds.is_free() && holds.view().is_none());
    }

    #[test]
    fn a_pause_without_end_lasts() {
        let now = crate::clock::now();
        let mut holds = Holds {
            prefix_limit: Some(Pause::new(String::new(), None, now, crate::clock::wall())),
            ..Holds::default()
        };
        assert_eq!(holds.deadline(), None);
        assert!(!holds.release_due(now + Duration::from_secs(1 << 30)));
    }
}
