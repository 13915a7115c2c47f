//! What tshark reads in messages, and the same in calidris' reading.

use std::collections::BTreeMap;
use std::fmt::Display;
use std::process::Command;

use calidris::net::Prefix;
use calidris::wire::{NextHop, Origin};

use super::Content;
use super::mrt::{address, pcap};

/// The values of one message by tshark's names of their fields, in the order of the message.
pub(crate) type Reading = BTreeMap<&'static str, Vec<String>>;

/// The fields that are compared, and whether by their octets.
const FIELDS: [(&str, bool); 17] = [
    ("bgp.update.path_attribute.origin", false),
    ("bgp.update.path_attribute.as_path_segment.as4", false),
    ("bgp.update.path_attribute.next_hop", false),
    ("bgp.update.path_attribute.multi_exit_disc", false),
    ("bgp.update.path_attribute.local_pref", false),
    ("bgp.update.path_attribute.aggregator_as", false),
    ("bgp.update.path_attribute.aggregator_origin", false),
    (COMMUNITY, true),
    ("bgp.update.path_attribute.originator_id", false),
    ("bgp.path_attribute.cluster_id", false),
    ("bgp.large_communities", true),
    (
        "bgp.update.path_attribute.mp_reach_nlri.next_hop.ipv6",
        false,
    ),
    (
        "bgp.update.path_attribute.mp_reach_nlri.next_hop.ipv6.link_local",
        false,
    ),
    ("bgp.nlri_prefix", false),
    ("bgp.withdrawn_prefix", false),
    ("bgp.mp_reach_nlri_ipv6_prefix", false),
    ("bgp.mp_unreach_nlri_ipv6_prefix", false),
];

/// Shown in halves, or whole where it is well known.
const COMMUNITY: &str = "bgp.update.path_attribute.community";

/// What tshark reads in each message; `None`, said aloud, where there is no tshark.
pub(crate) fn readings<'a>(messages: impl IntoIterator<Item = &'a [u8]>) -> Option<Vec<Reading>> {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let capture = folder.path().join("sample.pcap");
    std::fs::write(&capture, pcap(messages)).expect("the folder can be written");
    let tshark = Command::new("tshark")
        .args([
            "-o",
            "bgp.asn_len:4 octet",
            "-d",
            "tcp.port==179,bgp",
            "-T",
            "pdml",
            "-r",
        ])
        .arg(&capture)
        .output();
    let Ok(tshark) = tshark else {
        super::skip::skip(
            "the comparison with tshark",
            "no tshark; scripts/install-test-tools installs it",
        );
        return None;
    };
    let text = String::from_utf8_lossy(&tshark.stdout);
    assert!(
        !text.contains("_ws.malformed"),
        "tshark finds a malformed message"
    );
    Some(text.split("<packet>").skip(1).map(packet).collect())
}

fn packet(text: &str) -> Reading {
    let mut reading = Reading::new();
    let mut length = String::new();
    for line in text.lines() {
        let Some(name) = value_of(line, "name") else {
            continue;
        };
        // The length of a prefix stands before or after it; its text has both.
        let show = value_of(line, "show").unwrap_or_default();
        if name == "bgp.prefix_length" {
            length = show.to_owned();
        }
        if let Some(part) = name.strip_prefix("bgp.update.path_attribute.community_") {
            let octets = value_of(line, "value").unwrap_or_default();
            let communities = reading.entry(COMMUNITY).or_default();
            match (part, communities.last_mut()) {
                ("value", Some(last)) => last.push_str(octets),
                _ => communities.push(octets.to_owned()),
            }
            continue;
        }
        let Some((field, by_octets)) = FIELDS
            .into_iter()
            .find(|(field, _)| *field == name && name != COMMUNITY)
        else {
            continue;
        };
        let value = match by_octets {
            true => value_of(line, "value").unwrap_or_default().to_owned(),
            false if field.ends_with("_prefix") => format!("{}/{length}", address(show)),
            false => address(show),
        };
        reading.entry(field).or_default().push(value);
    }
    reading
}

/// The value of an attribute of an XML element.
fn value_of<'a>(line: &'a str, attribute: &str) -> Option<&'a str> {
    let (_, rest) = line.split_once(&format!(" {attribute}=\""))?;
    rest.split('"').next()
}

/// The same of what calidris has read.
pub(crate) fn reading(content: &Content) -> Reading {
    let mut reading = Reading::new();
    let mut put = |field: &'static str, value: &dyn Display| {
        debug_assert!(FIELDS.iter().any(|(known, _)| *known == field));
        reading.entry(field).or_default().push(value.to_string());
    };
    for prefix in &content.withdrawn {
        match prefix {
            Prefix::V4(_) => put("bgp.withdrawn_prefix", prefix),
            Prefix::V6(_) => put("bgp.mp_unreach_nlri_ipv6_prefix", prefix),
        }
    }
    for (_, prefixes) in &content.announced {
        for prefix in prefixes {
            match prefix {
                Prefix::V4(_) => put("bgp.nlri_prefix", prefix),
                Prefix::V6(_) => put("bgp.mp_reach_nlri_ipv6_prefix", prefix),
            }
        }
    }
    for (attributes, _) in &content.announced {
        match attributes.next_hop {
            NextHop::Local => panic!("no peer announces this"),
            NextHop::V4(address) => put("bgp.update.path_attribute.next_hop", &address),
            NextHop::V6 { global, link_local } => {
                put(
                    "bgp.update.path_attribute.mp_reach_nlri.next_hop.ipv6",
                    &global,
                );
                if let Some(address) = link_local {
                    let field = "bgp.update.path_attribute.mp_reach_nlri.next_hop.ipv6.link_local";
                    put(field, &address);
                }
            }
        }
    }
    let Some((attributes, _)) = content.announced.first() else {
        return reading;
    };
    let origin = match attributes.origin {
        Origin::Igp => 0,
        Origin::Egp => 1,
        Origin::Incomplete => 2,
    };
    put("bgp.update.path_attribute.origin", &origin);
    for number in attributes.as_path.numbers() {
        put("bgp.update.path_attribute.as_path_segment.as4", &number.0);
    }
    if let Some(med) = attributes.med {
        put("bgp.update.path_attribute.multi_exit_disc", &med);
    }
    if let Some(local_pref) = attributes.local_pref {
        put("bgp.update.path_attribute.local_pref", &local_pref);
    }
    if let Some(aggregator) = attributes.rare.aggregator {
        put("bgp.update.path_attribute.aggregator_as", &aggregator.asn.0);
        put(
            "bgp.update.path_attribute.aggregator_origin",
            &aggregator.router_id,
        );
    }
    for community in &attributes.communities {
        put(
            "bgp.update.path_attribute.community",
            &format!("{:08x}", community.0),
        );
    }
    if let Some(originator) = attributes.rare.originator_id {
        put("bgp.update.path_attribute.originator_id", &originator.0);
    }
    for cluster in &attributes.rare.cluster_list {
        put("bgp.path_attribute.cluster_id", &cluster.0);
    }
    for community in &attributes.rare.large_communities {
        let [a, b, c] = community.0;
        put("bgp.large_communities", &format!("{a:08x}{b:08x}{c:08x}"));
    }
    reading
}
