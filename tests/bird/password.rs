//! A password that changes under a running session, or goes away.

use crate::lan::{LOCAL_AS, Lan, Neighbor, sessions_with};
use crate::support::calidris::Calidris;
use crate::support::{self, wait_for};

/// The neighbour that has a password, at .3.
const KEYED: usize = 3;
const KEYED_AS: u32 = 65_001;

fn write_password(lan: &Lan, key: &str, password: &str) {
    let text = format!(
        "apiVersion: v1
kind: Secret
metadata:
  name: bgp-passwords
  namespace: kube-system
stringData:
  {key}: {password}
"
    );
    lan.resources
        .write("passwords.yaml", &text)
        .expect("the folder is ours");
}

/// Both sessions with the keyed neighbour refer to the password.
fn refer_to_password(lan: &Lan) {
    let file = lan.resources.path().join("base.yaml");
    let text = std::fs::read_to_string(file).expect("the folder is ours");
    let plain = format!("  asNumber: {KEYED_AS}\n");
    let keyed = format!(
        "{plain}  password:\n    secretKeyRef:\n      name: bgp-passwords\n      key: tor\n"
    );
    lan.resources
        .write("base.yaml", &text.replace(&plain, &keyed))
        .expect("the folder is ours");
}

fn with_password(neighbor: &Neighbor, password: &str) -> String {
    let template = "template bgp peering {";
    let keyed = format!("{template}\n    password \"{password}\";");
    neighbor.configuration().replace(template, &keyed)
}

/// How many segments the kernel of the speaker has dropped for their signature.
fn refused_segments(lan: &Lan) -> u64 {
    let text = lan
        .speaker
        .run("cat", &["/proc/net/netstat"])
        .expect("the kernel counts");
    let mut lines = text.lines().filter(|line| line.starts_with("TcpExt:"));
    let (names, values) = (lines.next().expect("names"), lines.next().expect("values"));
    let named = names.split(' ').zip(values.split(' '));
    let counted = |name: &str| ["TCPMD5Failure", "TCPMD5NotFound"].contains(&name);
    named
        .filter(|(name, _)| counted(name))
        .map(|(_, value)| value.parse::<u64>().expect("a number"))
        .sum()
}

fn wait_until_not_established(speaker: &Calidris<'_>) {
    for name in sessions_with(KEYED) {
        wait_for(&format!("{name} is down"), || {
            let session = speaker.session(&name);
            support::expect(session["state"] != "Established", &session)
        });
    }
}

#[test]
fn row_56_a_changed_password_resets_that_session_and_no_other() {
    let name = "password::row_56_a_changed_password_resets_that_session_and_no_other";
    if !support::network_allowed(name) {
        return;
    }
    let lan = Lan::with_neighbors(&[LOCAL_AS, KEYED_AS]);
    refer_to_password(&lan);
    write_password(&lan, "tor", "the-first-one");
    let (good, keyed) = (Neighbor::new(2, LOCAL_AS), Neighbor::new(KEYED, KEYED_AS));
    let _bird = lan.start_bird(&good);
    let other = lan.start_bird(&keyed);
    other.configure(&with_password(&keyed, "the-first-one"));
    let speaker = lan.start_speaker();
    let before = good
        .sessions()
        .map(|name| speaker.wait_for_state(&name, "Established"));
    for name in keyed.sessions() {
        speaker.wait_for_state(&name, "Established");
    }

    // A live socket keeps its key, so the session has to end; and BIRD still has the old one.
    write_password(&lan, "tor", "the-second-one");
    wait_until_not_established(&speaker);
    let refused = refused_segments(&lan);
    wait_for("segments with the old password are refused", || {
        support::expect(refused_segments(&lan) > refused + 3, ())
    });
    wait_until_not_established(&speaker);

    other.configure(&with_password(&keyed, "the-second-one"));
    for name in keyed.sessions() {
        speaker.wait_for_state(&name, "Established");
    }

    // Without its password a session is held down, not run unprotected.
    other.configure(&keyed.configuration());
    write_password(&lan, "another", "the-second-one");
    wait_until_not_established(&speaker);
    let warnings = speaker.plan()["warnings"].to_string();
    assert!(warnings.contains("bgp-passwords"), "{warnings}");
    assert!(!warnings.contains("the-second-one"), "a password is shown");
    write_password(&lan, "tor", "the-third-one");
    other.configure(&with_password(&keyed, "the-third-one"));
    for name in keyed.sessions() {
        speaker.wait_for_state(&name, "Established");
    }

    for (before, name) in before.iter().zip(good.sessions()) {
        assert_eq!(speaker.session(&name)["since"], before["since"]);
    }
}
