//! Capabilities in words, for `show neighbor`.

use super::{Capabilities, FQDN, GracefulRestart, LongLived, SOFTWARE_VERSION};
use crate::net::{AddPathDirection, Family, PerFamily, Role};

impl Capabilities {
    /// Each capability in a few words, in the order of the codes' use: `multiprotocol ipv4`,
    /// `graceful restart 120 s: ipv4, ipv6`, `capability 129 (not known)`.
    pub fn describe(&self) -> Vec<String> {
        let mut texts = Vec::new();
        for family in self.families.families() {
            texts.push(format!("multiprotocol {}", family.name()));
        }
        for (afi, safi) in &self.other_families {
            texts.push(format!("multiprotocol AFI {afi} SAFI {safi} (not carried)"));
        }
        let mut flag = |there: bool, name: &str| {
            if there {
                texts.push(name.to_owned());
            }
        };
        flag(self.route_refresh, "route refresh");
        flag(self.enhanced_route_refresh, "enhanced route refresh");
        flag(self.extended_message, "extended message");
        flag(
            self.extended_next_hop,
            "extended next hop: ipv4 through ipv6",
        );
        texts.extend(self.role.map(role));
        texts.extend(self.graceful_restart.as_ref().map(graceful_restart));
        texts.extend(self.long_lived.as_ref().map(long_lived));
        texts.extend(
            self.four_octet_as
                .map(|asn| format!("four-octet AS number {asn}")),
        );
        for (family, directions) in self.add_path.iter() {
            texts.extend(add_path(family, *directions));
        }
        texts.extend(self.unknown.iter().copied().map(unknown));
        texts
    }
}

fn role(value: u8) -> String {
    match Role::from_wire(value) {
        Some(role) => format!("role {role}"),
        None => format!("role {value} (unassigned)"),
    }
}

fn graceful_restart(terms: &GracefulRestart) -> String {
    let mut text = format!("graceful restart {} s", terms.restart_time);
    if terms.restarting {
        text.push_str(", restarting");
    }
    if terms.notification {
        text.push_str(", with notification");
    }
    text + &listed(&terms.families, |family, terms| {
        let kept = if terms.forwarding_preserved {
            " (forwarding kept)"
        } else {
            ""
        };
        format!("{}{kept}", family.name())
    })
}

fn long_lived(terms: &LongLived) -> String {
    "long-lived graceful restart".to_owned()
        + &listed(&terms.families, |family, terms| {
            let kept = if terms.forwarding_preserved {
                " (forwarding kept)"
            } else {
                ""
            };
            format!("{} {} s{kept}", family.name(), terms.stale_time)
        })
}

fn listed<T>(families: &PerFamily<Option<T>>, text: impl Fn(Family, &T) -> String) -> String {
    let texts: Vec<_> = families
        .iter()
        .filter_map(|(family, terms)| Some(text(family, terms.as_ref()?)))
        .collect();
    match texts.is_empty() {
        true => String::new(),
        false => format!(": {}", texts.join(", ")),
    }
}

fn add_path(family: Family, directions: AddPathDirection) -> Option<String> {
    let able = match (directions.receive, directions.send) {
        (true, true) => "send and receive",
        (true, false) => "receive",
        (false, true) => "send",
        (false, false) => return None,
    };
    Some(format!("ADD-PATH {} {able}", family.name()))
}

fn unknown(code: u8) -> String {
    let name = match code {
        FQDN => "host name",
        SOFTWARE_VERSION => "software version",
        _ => return format!("capability {code} (not known)"),
    };
    format!("{name} (ignored)")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::net::Asn;
    use crate::wire::{GracefulRestartFamily, LongLivedFamily};

    #[test]
    fn every_capability_has_its_words() {
        let capabilities = Capabilities {
            families: PerFamily {
                ipv4: true,
                ipv6: false,
            },
            other_families: vec![(25, 70)],
            route_refresh: true,
            enhanced_route_refresh: true,
            extended_message: true,
            extended_next_hop: true,
            role: Some(3),
            graceful_restart: Some(GracefulRestart {
                restarting: true,
                notification: true,
                restart_time: 120,
                families: PerFamily {
                    ipv4: Some(GracefulRestartFamily {
                        forwarding_preserved: true,
                    }),
                    ipv6: Some(GracefulRestartFamily::default()),
                },
            }),
            long_lived: Some(LongLived {
                families: PerFamily {
                    ipv4: Some(LongLivedFamily {
                        forwarding_preserved: false,
                        stale_time: 86_400,
                    }),
                    ipv6: None,
                },
            }),
            four_octet_as: Some(Asn(65_546)),
            add_path: PerFamily {
                ipv4: AddPathDirection {
                    receive: true,
                    send: true,
                },
                ipv6: AddPathDirection {
                    receive: true,
                    send: false,
                },
            },
            unknown: vec![73, 75, 131],
        };
        assert_eq!(
            capabilities.describe(),
            [
                "multiprotocol ipv4",
                "multiprotocol AFI 25 SAFI 70 (not carried)",
                "route refresh",
                "enhanced route refresh",
                "extended message",
                "extended next hop: ipv4 through ipv6",
                "role customer",
                "graceful restart 120 s, restarting, with notification: ipv4 (forwarding kept), ipv6",
                "long-lived graceful restart: ipv4 86400 s",
                "four-octet AS number 65546",
                "ADD-PATH ipv4 send and receive",
                "ADD-PATH ipv6 receive",
                "host name (ignored)",
                "software version (ignored)",
                "capability 131 (not known)",
            ]
        );
        assert_eq!(Capabilities::default().describe(), Vec::<String>::new());
        assert_eq!(role(9), "role 9 (unassigned)");
    }
}
