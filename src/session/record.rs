//! What a session remembers of itself, and how it becomes a [`PeerView`].

use std::net::SocketAddr;
use std::time::SystemTime;

use super::hold::HeldView;
use super::spec::PeerSpec;
use super::view::{
    CountersView, ErrorView, MessageCounts, NegotiatedView, NotificationView, PeerState, PeerView,
};
use crate::clock;
use crate::fsm::{DownReason, Negotiated, Received};
use crate::net::{Family, PerFamily, Role};
use crate::wire::{Disposition, GracefulRestart, Notification, Update};

/// Distinct (direction, code, subcode) that are counted apart; the RFCs know about forty a
/// direction. What comes beyond is counted in the messages alone.
const NOTIFICATION_KINDS_MAX: usize = 128;

/// The changing part of a view; [`Record::touch`] marks that it should be published.
#[derive(Debug)]
pub(crate) struct Record {
    touched: bool,
    since: SystemTime,
    negotiated: Option<NegotiatedView>,
    pub(crate) restart_terms: Option<GracefulRestart>,
    pub(crate) end_of_rib_received: PerFamily<bool>,
    pub(crate) end_of_rib_sent: PerFamily<bool>,
    stale_until: Option<SystemTime>,
    failed_dials: u64,
    near_prefix_limit: PerFamily<bool>,
    last_error: Option<ErrorView>,
    sent: Option<NotificationView>,
    received: Option<NotificationView>,
    counters: CountersView,
}

impl Record {
    pub(crate) fn new(now: SystemTime) -> Self {
        Self {
            touched: true,
            since: now,
            negotiated: None,
            restart_terms: None,
            end_of_rib_received: PerFamily::default(),
            end_of_rib_sent: PerFamily::default(),
            stale_until: None,
            failed_dials: 0,
            near_prefix_limit: PerFamily::default(),
            last_error: None,
            sent: None,
            received: None,
            counters: CountersView::default(),
        }
    }

    /// Marks that something changed which is worth publishing.
    pub(crate) const fn touch(&mut self) {
        self.touched = true;
    }

    pub(crate) const fn is_touched(&self) -> bool {
        self.touched
    }

    pub(crate) const fn published(&mut self) {
        self.touched = false;
    }

    pub(crate) fn count_sent(&mut self, count: impl FnOnce(&mut MessageCounts)) {
        self.touched = true;
        count(&mut self.counters.sent);
    }

    /// Counts an UPDATE and its faults.
    pub(crate) fn count_update(&mut self, update: &Update<'_>) {
        self.touched = true;
        self.counters.received.update += 1;
        let errors = &mut self.counters.update_errors;
        for fault in &update.faults {
            match fault.disposition {
                Disposition::SessionReset => errors.session_reset += 1,
                Disposition::TreatAsWithdraw => errors.treat_as_withdraw += 1,
                Disposition::DiscardAttribute => errors.attribute_discard += 1,
            }
        }
    }

    /// Counts an UPDATE that ends the session.
    pub(crate) const fn count_fatal_update(&mut self) {
        self.touched = true;
        self.counters.received.update += 1;
        self.counters.update_errors.session_reset += 1;
    }

    /// Notes that the peer has exceeded the warning threshold of its prefix limit.
    pub(crate) fn near_prefix_limit(&mut self, family: Family) {
        self.touched = true;
        *self.near_prefix_limit.get_mut(family) = true;
        self.counters.prefix_limit_warnings += 1;
    }

    /// Counts that the peer fell behind its group.
    pub(crate) const fn resynced(&mut self) {
        self.touched = true;
        self.counters.resyncs += 1;
    }

    pub(crate) fn count_received(&mut self, message: &Received, now: SystemTime) {
        self.touched = true;
        let counts = &mut self.counters.received;
        match message {
            Received::Open(_) => counts.open += 1,
            Received::Keepalive => counts.keepalive += 1,
            Received::Update => counts.update += 1,
            Received::RouteRefresh(_) => counts.route_refresh += 1,
            Received::Notification(notification) => {
                counts.notification += 1;
                self.count_notification("received", notification);
                self.received = Some(NotificationView::new(notification, now));
            }
            // Told by the NOTIFICATION sent.
            Received::Faulty(_) => {}
        }
    }

    pub(crate) fn notification_sent(&mut self, notification: &Notification, now: SystemTime) {
        self.touched = true;
        self.counters.sent.notification += 1;
        self.count_notification("sent", notification);
        self.sent = Some(NotificationView::new(notification, now));
    }

    fn count_notification(&mut self, direction: &str, notification: &Notification) {
        let key = (direction, notification.code, notification.subcode);
        let kinds = &mut self.counters.notifications;
        if let Some(kind) = kinds
            .iter_mut()
            .find(|(d, c, s, _)| (d.as_str(), *c, *s) == key)
        {
            kind.3 += 1;
        } else if kinds.len() < NOTIFICATION_KINDS_MAX {
            kinds.push((
                direction.to_owned(),
                notification.code,
                notification.subcode,
                1,
            ));
        }
    }

    pub(crate) fn up(
        &mut self,
        negotiated: &Negotiated,
        endpoints: (SocketAddr, SocketAddr),
        now: SystemTime,
    ) {
        self.touched = true;
        self.since = now;
        self.negotiated = Some(NegotiatedView::new(negotiated, endpoints));
        self.restart_terms = negotiated.graceful_restart;
        self.end_of_rib_received = PerFamily::default();
        self.end_of_rib_sent = PerFamily::default();
        self.stale_until = None;
        self.failed_dials = 0;
        self.counters.established += 1;
    }

    /// Notes the end of the session; `stale_until` is set where the peer's routes are kept.
    pub(crate) fn down(
        &mut self,
        reason: &DownReason,
        stale_until: Option<SystemTime>,
        now: SystemTime,
    ) {
        self.ended(label(reason), stale_until, now);
        self.error(reason.to_string(), now);
    }

    /// Notes that a defect has ended the session, if there was one.
    pub(crate) fn panicked(&mut self, reason: &str, now: SystemTime) {
        self.counters.panics += 1;
        if self.negotiated.is_some() {
            self.ended("panic", None, now);
        }
        self.error(reason.to_owned(), now);
    }

    fn ended(&mut self, reason: &str, stale_until: Option<SystemTime>, now: SystemTime) {
        self.since = now;
        self.negotiated = None;
        self.restart_terms = None;
        self.end_of_rib_received = PerFamily::default();
        self.end_of_rib_sent = PerFamily::default();
        self.near_prefix_limit = PerFamily::default();
        self.stale_until = stale_until;
        *self.counters.down.entry(reason.to_owned()).or_default() += 1;
    }

    /// Whether this failure's number is a power of two.
    pub(super) const fn dials_doubled(&self) -> bool {
        (self.failed_dials + 1).is_power_of_two()
    }

    /// Notes an attempt that did not lead to a session; `hint` is a guess at the cause.
    pub(crate) fn failed(&mut self, reason: &DownReason, hint: &str, now: SystemTime) {
        self.failed_dials += 1;
        self.error(format!("{reason}{hint}"), now);
    }

    fn error(&mut self, message: String, now: SystemTime) {
        self.touched = true;
        self.last_error = Some(ErrorView { at: now, message });
    }

    pub(crate) fn view(
        &self,
        spec: &PeerSpec,
        state: PeerState,
        held: Option<HeldView>,
    ) -> PeerView {
        let plan = &spec.plan;
        PeerView {
            id: spec.id,
            name: spec.name.to_string(),
            kind: plan.kind,
            address: plan.address,
            port: plan.port,
            family: plan.family,
            local_as: plan.local_as,
            local_router_id: spec.router_id,
            remote_as: plan.remote_as,
            source_address: plan.source_address,
            passive: plan.passive,
            reflector_client: plan.reflector_client.is_some(),
            password: plan.password.is_some(),
            ttl_security: plan.ttl_security,
            interface: plan.interface.as_deref().map(str::to_owned),
            role: plan.role,
            prefix_limit: plan.prefix_limit,
            near_prefix_limit: self.near_prefix_limit,
            held,
            state,
            since: self.since,
            provenance: plan.provenance.clone(),
            negotiated: self.negotiated.clone(),
            end_of_rib_received: self.end_of_rib_received,
            end_of_rib_sent: self.end_of_rib_sent,
            stale_until: self.stale_until.filter(|until| *until > clock::wall()),
            failed_dials: self.failed_dials,
            last_error: self.last_error.clone(),
            notification_sent: self.sent.clone(),
            notification_received: self.received.clone(),
            counters: self.counters.clone(),
        }
    }
}

/// The metric label of a reason.
const fn label(reason: &DownReason) -> &'static str {
    match reason {
        DownReason::DialFailed(_) => "dial_failed",
        DownReason::ConnectionClosed(_) => "connection_closed",
        DownReason::NotificationSent(..) => "notification_sent",
        DownReason::NotificationReceived(_) => "notification_received",
        DownReason::Stopped => "stopped",
    }
}

impl NotificationView {
    fn new(notification: &Notification, at: SystemTime) -> Self {
        Self {
            at,
            code: notification.code,
            subcode: notification.subcode,
            meaning: notification.meaning(),
        }
    }
}

impl NegotiatedView {
    fn new(negotiated: &Negotiated, (local, remote): (SocketAddr, SocketAddr)) -> Self {
        Self {
            peer_router_id: negotiated.peer_id,
            hold_time: negotiated.hold_time.seconds(),
            keepalive: negotiated
                .keepalive
                .map_or(0.0, |interval| interval.as_secs_f64()),
            families: negotiated.families.families().collect(),
            four_octet_as: negotiated.four_octet_as,
            add_path: negotiated.add_path,
            route_refresh: negotiated.route_refresh,
            enhanced_refresh: negotiated.enhanced_refresh,
            extended_message: negotiated.extended_message,
            extended_next_hop: negotiated.extended_next_hop,
            peer_role: negotiated.peer_capabilities.role.and_then(Role::from_wire),
            keeps_routes_over_notification: negotiated.keeps_routes_over_notification(),
            long_lived_times: negotiated.long_lived.map_or(PerFamily::default(), |terms| {
                PerFamily {
                    ipv4: terms.families.ipv4.map(|family| family.stale_time),
                    ipv6: terms.families.ipv6.map(|family| family.stale_time),
                }
            }),
            unknown_capabilities: negotiated.peer_capabilities.unknown.clone(),
            restart_time: negotiated.graceful_restart.map(|terms| terms.restart_time),
            peer_restarting: negotiated
                .graceful_restart
                .is_some_and(|terms| terms.restarting),
            local_endpoint: local.to_string(),
            remote_endpoint: remote.to_string(),
        }
    }
}
