//! Every UPDATE of real recordings is read, written and read again, and a sample of them is compared
//! with what tshark makes of it.
//!
//! *Canonical* is the one form in which calidris writes a set of attributes: MP_REACH_NLRI first, the
//! others in ascending order of their types; the extended length only where a value exceeds 255
//! octets; NEXT_HOP only with IPv4, IPv6 only in MP_REACH_NLRI; withdrawals in a message of their own;
//! no repeated large community; the bits of a prefix beyond its length zero. A message that has this
//! form already must come back byte for byte; the tests count how many do.
//!
//! The recordings are no part of the project: they are looked for in `../shared/data` beside it, or
//! where `CALIDRIS_RECORDINGS` says.

#![expect(clippy::panic, reason = "that is how a test fails")]

mod mrt;
#[path = "../support/skip.rs"]
mod skip;
mod tshark;

use calidris::net::{Family, Ipv4, Ipv6, PerFamily, Prefix};
use calidris::wire::{
    AttributeFault, DecodeContext, Disposition, EncodeContext, Framer, Message, NlriRun,
    PathAttributes, Update, UpdatePacker, decode,
};
use mrt::Recorded;

/// One whole full-table transfer on one iBGP session.
const FULL_TABLE: &str = "full-table-reflected-2015.mrt.gz";
/// Five minutes of 69 eBGP peers.
const CHURN: &str = "churn-69-peers-2019.mrt.gz";

/// What an UPDATE says, apart from how it is written.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Content {
    pub(crate) announced: Vec<(PathAttributes, Vec<Prefix>)>,
    pub(crate) withdrawn: Vec<Prefix>,
}

/// What was found in a recording.
#[derive(Debug, Default)]
struct Tally {
    updates: usize,
    announced: usize,
    withdrawn: usize,
    identical: usize,
    as_sets: usize,
    as_zeroes: usize,
    refused: usize,
    faults: usize,
}

fn context(external: bool) -> DecodeContext {
    DecodeContext {
        four_octet_as: true,
        families: PerFamily {
            ipv4: true,
            ipv6: true,
        },
        external,
        ..DecodeContext::BEFORE_OPEN
    }
}

fn prefixes(run: &NlriRun<'_>) -> Vec<Prefix> {
    match run.family {
        Family::Ipv4 => run.iter::<Ipv4>().map(|nlri| nlri.prefix.into()).collect(),
        Family::Ipv6 => run.iter::<Ipv6>().map(|nlri| nlri.prefix.into()).collect(),
    }
}

fn content(update: &Update<'_>) -> Content {
    Content {
        announced: update
            .announced
            .iter()
            .map(|announced| (update.path(announced), prefixes(&announced.nlri)))
            .collect(),
        withdrawn: update.withdrawn.iter().flat_map(prefixes).collect(),
    }
}

/// Writes an UPDATE again as it was read.
fn rewritten(update: &Update<'_>) -> Vec<u8> {
    let mut packer = UpdatePacker::new(EncodeContext {
        four_octet_as: true,
        ..EncodeContext::default()
    });
    for run in &update.withdrawn {
        match run.family {
            Family::Ipv4 => packer.withdraw::<Ipv4>(run.iter::<Ipv4>()),
            Family::Ipv6 => packer.withdraw::<Ipv6>(run.iter::<Ipv6>()),
        };
    }
    for announced in &update.announced {
        let (attributes, nlri) = (&update.path(announced), &announced.nlri);
        match nlri.family {
            Family::Ipv4 => packer.announce::<Ipv4>(attributes, nlri.iter::<Ipv4>()),
            Family::Ipv6 => packer.announce::<Ipv6>(attributes, nlri.iter::<Ipv6>()),
        };
    }
    if let Some(family) = update.end_of_rib {
        packer.end_of_rib(family);
    }
    packer.take().to_vec()
}

/// Reads UPDATEs that calidris has written as what they say together.
fn read_again(octets: &[u8], context: &DecodeContext) -> Content {
    let mut framer = Framer::new();
    framer.extend(octets);
    let mut together = Content::default();
    while let Some(message) = framer.next().expect("our own messages are in order") {
        let Ok(Message::Update(update)) = decode(&message, context) else {
            panic!("our own messages are UPDATEs");
        };
        assert_eq!(update.faults, []);
        let part = content(&update);
        together.withdrawn.extend(part.withdrawn);
        for (attributes, prefixes) in part.announced {
            match together.announced.last_mut() {
                // A message of full length, rewritten with a longer header, takes two.
                Some((last, all)) if *last == attributes => all.extend(prefixes),
                _ => together.announced.push((attributes, prefixes)),
            }
        }
    }
    together
}

fn check(recorded: &Recorded<'_>, tally: &mut Tally) {
    let context = context(recorded.external);
    let update = match decode(recorded.octets, &context) {
        Ok(Message::Update(update)) => update,
        Ok(_) => return,
        Err(error) => panic!("{error} from {:?}: {:02x?}", recorded.peer, recorded.octets),
    };
    tally.updates += 1;
    let content = content(&update);
    tally.announced += content
        .announced
        .iter()
        .map(|(_, prefixes)| prefixes.len())
        .sum::<usize>();
    tally.withdrawn += content.withdrawn.len();
    tally.faults += update.faults.len();
    check_paths(recorded, &update, tally);
    let octets = rewritten(&update);
    assert_eq!(read_again(&octets, &context), content);
    if octets == recorded.octets {
        tally.identical += 1;
    } else {
        assert!(
            !is_canonical(recorded),
            "{:02x?}\n{octets:02x?}",
            recorded.octets
        );
    }
}

/// A path with AS 0 or a set is withdrawn, and nothing else (RFC 7607 §2, RFC 9774 §3).
fn check_paths(recorded: &Recorded<'_>, update: &Update<'_>, tally: &mut Tally) {
    let bad = mrt::bad_path(recorded.octets);
    let is_refusal = |fault: &AttributeFault| fault.disposition == Disposition::TreatAsWithdraw;
    let refused = update.faults.iter().any(is_refusal);
    tally.as_sets += usize::from(bad.set);
    tally.as_zeroes += usize::from(bad.zero);
    tally.refused += usize::from(refused);
    assert_eq!(refused, bad.zero || bad.set, "{:?}", update.faults);
    assert!(!refused || update.announced.is_empty());
}

/// Whether a message has the form that calidris would write, as far as this can be told without the
/// library: the order of the attributes, their lengths, and nothing that a peer may not send.
fn is_canonical(recorded: &Recorded<'_>) -> bool {
    let message = recorded.octets;
    let bad = mrt::bad_path(message);
    let withdrawn = message[19..21] != [0, 0];
    let attributes = mrt::raw_attributes(message);
    let codes: Vec<u8> = attributes.iter().map(|(_, code, _)| *code).collect();
    let multiprotocol = codes.iter().any(|code| matches!(code, 14 | 15));
    let ascending = match codes.split_first() {
        Some((14, rest)) => rest.is_sorted_by(|a, b| a < b),
        _ => codes.is_sorted_by(|a, b| a < b) && !codes.contains(&14),
    };
    let shortest = attributes
        .iter()
        .all(|(flags, _, value)| (flags & 0x10 != 0) == (value.len() > 255));
    // What is dropped or changed on receipt: unknown attributes that are not transitive, the Partial
    // bit of known ones, LOCAL_PREF of another AS, repeated communities.
    let kept = attributes.iter().all(|(flags, code, _)| {
        let known = matches!(code, 1..=10 | 14..=18 | 32);
        (known && flags & 0x20 == 0) || (!known && flags & 0xe0 == 0xe0)
    });
    let plain = codes.iter().all(|code| match code {
        5 | 9 | 10 => !recorded.external,
        15 => codes.len() == 1,
        17 | 18 | 32 => false,
        _ => true,
    });
    let alone = (!withdrawn || codes.is_empty()) && (!multiprotocol || !codes.contains(&3));
    ascending && shortest && kept && plain && alone && !bad.set && !bad.zero
}

fn replay(name: &str) -> Option<Tally> {
    let recording = mrt::unpacked(name)?;
    let mut tally = Tally::default();
    for recorded in mrt::messages(&recording) {
        check(&recorded, &mut tally);
    }
    println!("{name}: {tally:?}");
    Some(tally)
}

#[test]
fn a_full_table_survives_being_read_and_written() {
    if let Some(tally) = replay(FULL_TABLE) {
        assert_eq!(tally.updates, 89_679);
        assert!(tally.announced + tally.withdrawn >= 577_706);
        assert_eq!(
            (tally.as_sets, tally.as_zeroes, tally.refused),
            (136, 1, 137)
        );
    }
}

#[test]
fn five_minutes_of_churn_survive_being_read_and_written() {
    if let Some(tally) = replay(CHURN) {
        assert_eq!(tally.updates, 54_107);
        assert_eq!((tally.as_sets, tally.as_zeroes, tally.refused), (39, 0, 39));
        assert!(tally.identical > 20_000);
    }
}

#[test]
fn a_sample_means_the_same_to_tshark() {
    for name in [FULL_TABLE, CHURN] {
        let Some(recording) = mrt::unpacked(name) else {
            continue;
        };
        let sample: Vec<Recorded<'_>> = mrt::messages(&recording)
            .into_iter()
            .filter(|recorded| recorded.octets[18] == 2)
            .step_by(SAMPLE_STEP)
            .collect();
        let Some(readings) = tshark::readings(sample.iter().map(|recorded| recorded.octets)) else {
            return;
        };
        assert_eq!(readings.len(), sample.len());
        let mut compared = 0;
        for (recorded, theirs) in sample.iter().zip(readings) {
            let Ok(Message::Update(update)) = decode(recorded.octets, &context(recorded.external))
            else {
                panic!("the recordings hold UPDATEs");
            };
            let ours = tshark::reading(&content(&update));
            if update.faults.is_empty() {
                assert_eq!(ours, theirs, "{:02x?}", recorded.octets);
                compared += 1;
            }
        }
        println!(
            "{name}: {compared} of {} compared with tshark",
            sample.len()
        );
        assert!(compared > sample.len() / 2);
    }
}

/// One message in so many goes to tshark.
const SAMPLE_STEP: usize = 67;
