use super::*;

fn settings(pairs: &[(&str, &str)]) -> (SessionSettings, Vec<String>) {
    let metadata = Metadata {
        name: "x".into(),
        labels: BTreeMap::new(),
        annotations: pairs
            .iter()
            .map(|(name, value)| (format!("{PREFIX}{name}"), (*value).to_owned()))
            .collect(),
    };
    let mut warnings = Warnings::default();
    let resource = "BGPPeer/x".into();
    let read = SessionSettings::default().overridden_by(&metadata, &resource, &mut warnings);
    let fields = warnings.0.iter().map(|w| w.field.to_string()).collect();
    (read, fields)
}

fn one(name: &str, value: &str) -> SessionSettings {
    let (read, warnings) = settings(&[(name, value)]);
    assert!(warnings.is_empty(), "{name}: {value}: {warnings:?}");
    assert_eq!(&*read.origins[name].value, value);
    assert!(read.is_from(name, "BGPPeer/x"));
    read
}

fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

#[test]
fn timers_are_read() {
    assert_eq!(one("hold-time", "9s").hold_time, 9);
    assert_eq!(one("hold-time", "0").hold_time, 0);
    assert_eq!(one("connect-retry", "2s").connect_retry, seconds(2));
    assert_eq!(
        one("idle-hold", "1s..1m").idle_hold,
        (seconds(1), seconds(60))
    );
    assert_eq!(one("delay-open", "4m").delay_open, Some(seconds(240)));
    assert_eq!(one("delay-open", "0").delay_open, None);
    assert_eq!(one("llgr-time", "24h").long_lived_time, Some(86_400));
    assert_eq!(one("llgr-time", "0s").long_lived_time, None);
}

#[test]
fn what_open_offers_is_read() {
    assert_eq!(one("passive", "true").passive, Some(true));
    let both = PerFamily {
        ipv4: true,
        ipv6: true,
    };
    assert_eq!(one("families", "ipv4,ipv6").families, Some(both));
    assert_eq!(one("families", "ipv6, ipv4").families, Some(both));
    let only = one("families", "ipv6").families.expect("families");
    assert_eq!((only.ipv4, only.ipv6), (false, true));
    for (value, receive, send) in [
        ("off", false, false),
        ("receive", true, false),
        ("send", false, true),
        ("both", true, true),
    ] {
        let expected = AddPathDirection { receive, send };
        assert_eq!(one("add-path", value).add_path, expected, "{value}");
    }
    assert_eq!(one("add-path-max", "4").add_path_max, 4);
    assert_eq!(one("role", "rs-client").role, Some(Role::RsClient));
    assert_eq!(one("role", "none").role, None);
}

#[test]
fn limits_have_a_threshold_and_a_restart_time() {
    let limit = |max, warn_percent, restart| {
        Some(PrefixLimit {
            max,
            warn_percent,
            restart,
        })
    };
    for (value, expected) in [
        ("1000", limit(1000, 75, None)),
        ("1000,warn=90%", limit(1000, 90, None)),
        ("1,restart=15m,warn=1%", limit(1, 1, Some(seconds(900)))),
        ("1, restart=1s", limit(1, 75, Some(seconds(1)))),
        ("none", None),
    ] {
        assert_eq!(one("prefix-limit", value).prefix_limit, expected, "{value}");
    }
}

#[test]
fn a_shutdown_text_that_is_too_long_holds_the_session_down_nevertheless() {
    assert_eq!(one("shutdown", "").shutdown.as_deref(), Some(""));
    let long = "é".repeat(128);
    let (read, warnings) = settings(&[("shutdown", &long)]);
    assert_eq!(read.shutdown.as_deref(), Some(long.as_str()));
    assert_eq!(warnings, [field("shutdown")]);
}

#[test]
fn bad_values_are_named_and_the_default_holds() {
    for (name, value) in [
        ("hold-time", "1s"),
        ("hold-time", "2s"),
        ("hold-time", "3.5s"),
        ("hold-time", "19h"),
        ("connect-retry", "0"),
        ("connect-retry", "4000000000000000h"),
        ("idle-hold", "30s..5s"),
        ("idle-hold", "5s..721h"),
        ("idle-hold", "5s"),
        ("delay-open", "241s"),
        ("delay-open", "soon"),
        ("passive", "yes"),
        ("families", ""),
        ("families", "ipv4,"),
        ("families", "ipv4 ipv6"),
        ("families", "vpnv4"),
        ("add-path", "true"),
        ("add-path-max", "0"),
        ("add-path-max", "65"),
        ("prefix-limit", ""),
        ("prefix-limit", "0"),
        ("prefix-limit", "-1"),
        ("prefix-limit", "4294967296"),
        ("prefix-limit", "10,warn=90"),
        ("prefix-limit", "10,warn=0%"),
        ("prefix-limit", "10,warn=101%"),
        ("prefix-limit", "10,restart=0"),
        ("prefix-limit", "10,restart=4000000000000000h"),
        ("prefix-limit", "10,idle=5s"),
        ("role", "Provider"),
        ("llgr-time", "1.5s"),
        ("llgr-time", "4661h"),
        ("interface", ""),
        ("interface", "a/b"),
        ("interface", "sixteen-letters!"),
        ("interface", ".."),
        ("multipath", "65"),
        ("multipath", "8,loose"),
        ("always-compare-med", "perhaps"),
        ("colour", "blue"),
    ] {
        let (read, warnings) = settings(&[(name, value)]);
        assert_eq!(read, SessionSettings::default(), "{name}: {value}");
        assert_eq!(warnings, [field(name)], "{name}: {value}");
    }
}

#[test]
fn a_narrower_bad_value_leaves_the_wider_good_one() {
    let (wide, _) = settings(&[("prefix-limit", "10")]);
    let narrow = Metadata {
        name: "y".into(),
        labels: BTreeMap::new(),
        annotations: BTreeMap::from([(format!("{PREFIX}prefix-limit"), "many".to_owned())]),
    };
    let mut warnings = Warnings::default();
    let read = wide.overridden_by(&narrow, &"BGPPeer/y".into(), &mut warnings);
    assert_eq!((read, warnings.0.len()), (wide, 1));
}
