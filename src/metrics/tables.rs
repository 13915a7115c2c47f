//! The families of everything but sessions: router, groups, tables, kernel, datastore.

use super::families::Families;
use super::sample::{DatastoreSample, FibSample, GroupSample, RibSample, RouterSample};
use crate::net::{Family, PerFamily};

/// Constants of program and router.
pub(super) fn router(families: &mut Families, sample: &RouterSample) {
    families
        .gauge(
            "calidris_build_info",
            "The running program, as labels; the value is always 1.",
        )
        .add(
            &[("version", &sample.version), ("commit", &sample.commit)],
            1.0,
        );
    let mut info = families.gauge(
        "calidris_router_info",
        "The speaker's identity, as labels; the value is always 1.",
    );
    if let Some((router_id, local_as, node)) = &sample.router {
        let labels = [
            ("router_id", router_id.as_str()),
            ("local_as", &local_as.to_string()),
            ("node", node),
        ];
        info.add(&labels, 1.0);
    }
}

/// Update groups.
pub(super) fn groups(families: &mut Families, groups: &[GroupSample]) {
    let mut peers = families.gauge(
        "calidris_update_group_peers",
        "Sessions that are told the same in the same bytes.",
    );
    for group in groups {
        peers.count(&labels(group, &group.group.to_string()), group.peers);
    }
    let mut lagging = families.gauge(
        "calidris_update_group_lagging_peers",
        "Sessions of the group that are behind and served from the change log.",
    );
    for group in groups {
        lagging.count(&labels(group, &group.group.to_string()), group.lagging);
    }
}

/// What update groups hold and have done.
pub(super) fn group_work(families: &mut Families, groups: &[GroupSample]) {
    let mut backlog = families.gauge(
        "calidris_update_group_backlog_bytes",
        "Octets published that some session of the group has still to take.",
    );
    for group in groups {
        if let Some(bytes) = group.backlog_bytes {
            backlog.count(&labels(group, &group.group.to_string()), bytes);
        }
    }
    let mut prefixes = families.gauge(
        "calidris_update_group_prefixes",
        "Paths that the group advertises.",
    );
    for group in groups {
        prefixes.count(&labels(group, &group.group.to_string()), group.prefixes);
    }
    let mut chunks = families.counter(
        "calidris_update_group_chunks_total",
        "Chunks of messages encoded, for all sessions of the group at once or for one of them.",
    );
    for group in groups {
        for (audience, count) in ["all", "one"].into_iter().zip(group.chunks) {
            let number = group.group.to_string();
            let [group, family] = labels(group, &number);
            chunks.count(&[group, family, ("for", audience)], count);
        }
    }
    let mut resyncs = families.counter(
        "calidris_update_group_resyncs_total",
        "How often a session of the group fell behind and was served from the change log.",
    );
    for group in groups {
        resyncs.count(&labels(group, &group.group.to_string()), group.resyncs);
    }
}

fn labels<'a>(group: &GroupSample, number: &'a str) -> [(&'static str, &'a str); 2] {
    [("group", number), ("family", group.family.name())]
}

/// Totals of the tables.
pub(super) fn rib(families: &mut Families, sample: &Option<PerFamily<RibSample>>) {
    let Some(sample) = sample else {
        return;
    };
    let mut by_family = |name: &str, help: &str, count: fn(&RibSample) -> u64| {
        let mut gauge = families.gauge(name, help);
        for (family, totals) in sample.iter() {
            gauge.count(&[("family", family.name())], count(totals));
        }
    };
    by_family(
        "calidris_rib_prefixes",
        "Prefixes with at least one path.",
        |totals| totals.prefixes,
    );
    by_family("calidris_rib_paths", "Paths in all tables.", |totals| {
        totals.paths
    });
    by_family(
        "calidris_rib_stale_paths",
        "Paths kept over a peer's restart (RFC 4724).",
        |totals| totals.stale_paths,
    );
    let sets = sample.ipv4.attribute_sets.max(sample.ipv6.attribute_sets);
    families
        .gauge(
            "calidris_rib_attribute_sets",
            "Distinct sets of path attributes, shared by both families.",
        )
        .count(&[], sets);
}

/// The kernel's routes.
pub(super) fn fib(families: &mut Families, sample: &FibSample) {
    let mut routes = families.gauge("calidris_fib_routes", "Routes of ours in the kernel.");
    for family in Family::ALL {
        routes.count(&[("family", family.name())], *sample.routes.get(family));
    }
    let mut pending = families.gauge(
        "calidris_fib_pending",
        "Routes wanted that are not in the kernel as they should be.",
    );
    for family in Family::ALL {
        pending.count(&[("family", family.name())], *sample.pending.get(family));
    }
    let mut operations = families.counter(
        "calidris_fib_operations_total",
        "Route operations by kind and result; the result is ok or an errno's name.",
    );
    for (op, results) in &sample.operations {
        for (result, count) in results {
            operations.count(&[("op", op), ("result", result)], *count);
        }
    }
    let mut resyncs = families.counter(
        "calidris_fib_resyncs_total",
        "Full comparisons with the kernel's tables, by reason.",
    );
    for (reason, count) in &sample.resyncs {
        resyncs.count(&[("reason", reason)], *count);
    }
    families
        .counter(
            "calidris_fib_drift_repaired_total",
            "Routes that others had changed or removed and that were put right.",
        )
        .count(&[], sample.drift_repaired);
}

/// The datastore.
pub(super) fn datastore(families: &mut Families, sample: &DatastoreSample) {
    let backend = [("backend", sample.backend.as_str())];
    families
        .gauge(
            "calidris_datastore_up",
            "Whether the datastore can be read (1) or not (0).",
        )
        .flag(&backend, sample.up);
    families
        .gauge(
            "calidris_datastore_synced",
            "Whether the datastore has been read completely at least once.",
        )
        .flag(&backend, sample.synced);
    families
        .gauge(
            "calidris_datastore_revision",
            "Revision of the datastore that was last seen.",
        )
        .count(&backend, sample.revision);
    let mut last = families.gauge(
        "calidris_datastore_last_event_timestamp_seconds",
        "When the last change was seen, in seconds since 1970.",
    );
    if let Some(at) = sample.last_event {
        last.add(&backend, at);
    }
    families
        .counter(
            "calidris_datastore_relists_total",
            "Complete re-reads of the datastore.",
        )
        .count(&backend, sample.relists);
    let mut objects = families.gauge("calidris_datastore_objects", "Objects in force, by kind.");
    for kind in &sample.objects {
        objects.count(&[backend[0], ("kind", &kind.kind)], kind.accepted);
    }
    let mut rejected = families.gauge(
        "calidris_datastore_rejected_objects",
        "Objects refused at present, by kind.",
    );
    for kind in &sample.objects {
        rejected.count(&[backend[0], ("kind", &kind.kind)], kind.rejected);
    }
    families
        .gauge(
            "calidris_config_stale",
            "Whether the configuration in force may be older than the datastore's content (1).",
        )
        .flag(&[], sample.stale);
}
