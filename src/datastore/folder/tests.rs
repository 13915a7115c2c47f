use super::*;

fn pool(name: &str, cidr: &str) -> String {
    format!(
        "---\napiVersion: projectcalico.org/v3\nkind: IPPool\nmetadata:\n  name: {name}\nspec:\n  cidr: {cidr}\n"
    )
}

fn contents(files: &[(&str, String)]) -> Contents {
    let files = files.iter();
    files
        .map(|(path, text)| ((*path).to_owned(), Ok(text.clone().into_bytes())))
        .collect()
}

/// The events of one reading, as short text.
fn step(folder: &mut Folder, files: &[(&str, String)]) -> Vec<String> {
    let events = folder.absorb(contents(files)).events;
    let told = |event: &Event| match event {
        Event::Upsert(Resource::IpPool(pool), _) => format!("{} {}", pool.metadata.name, pool.cidr),
        Event::Upsert(resource, _) => resource.key().to_string(),
        Event::Delete(key) => format!("-{}", key.name),
        Event::InSync => "in sync".to_owned(),
    };
    events.iter().map(told).collect()
}

#[test]
fn only_what_changed_is_told() {
    let mut folder = Folder::default();
    let (a, b) = (pool("a", "10.1.0.0/16"), pool("b", "10.2.0.0/16"));
    let both = [("1.yaml", a.clone()), ("2.yaml", b.clone())];
    assert_eq!(step(&mut folder, &both), ["a 10.1.0.0/16", "b 10.2.0.0/16"]);
    assert!(step(&mut folder, &both).is_empty());
    assert_eq!(
        step(
            &mut folder,
            &[
                ("1.yaml", a + "# remark\n"),
                ("2.yaml", pool("b", "10.3.0.0/16"))
            ]
        ),
        ["b 10.3.0.0/16"]
    );
    assert_eq!(step(&mut folder, &[("2.yaml", b)]), ["-a", "b 10.2.0.0/16"]);
}

#[test]
fn a_resource_that_moves_to_another_file_is_not_touched() {
    let mut folder = Folder::default();
    let a = pool("a", "10.1.0.0/16");
    step(&mut folder, &[("1.yaml", a.clone())]);
    assert!(step(&mut folder, &[("2.yaml", a)]).is_empty());
}

#[test]
fn the_last_good_version_of_a_bad_document_stays() {
    let mut folder = Folder::default();
    let good = pool("a", "10.1.0.0/16") + &pool("b", "10.2.0.0/16");
    step(&mut folder, &[("1.yaml", good)]);
    let bad = pool("a", "10.1.0.0/99") + &pool("b", "10.3.0.0/16");
    assert_eq!(step(&mut folder, &[("1.yaml", bad)]), ["b 10.3.0.0/16"]);
    let [rejected] = folder.rejected() else {
        panic!("one is refused")
    };
    assert_eq!(
        (rejected.resource.as_str(), rejected.field.as_deref()),
        ("IPPool/a", Some("spec.cidr"))
    );
    assert_eq!(rejected.location, "1.yaml:7:9");
    assert!(rejected.last_good_kept);
    assert_eq!(
        folder.counts()["IPPool"],
        ObjectCounts {
            accepted: 2,
            rejected: 1
        }
    );
    let mended = pool("a", "10.9.0.0/16");
    assert_eq!(
        step(&mut folder, &[("1.yaml", mended)]),
        ["-b", "a 10.9.0.0/16"]
    );
    assert!(folder.rejected().is_empty());
}

#[test]
fn a_document_that_is_no_yaml_keeps_the_resource_that_it_names() {
    let mut folder = Folder::default();
    let b = pool("b", "10.2.0.0/16");
    step(&mut folder, &[("1.yaml", pool("a", "10.1.0.0/16") + &b)]);
    let broken = pool("a", "10.1.0.0/16").replace("spec:", "spec: [") + &b;
    assert!(step(&mut folder, &[("1.yaml", broken.clone())]).is_empty());
    assert!(folder.rejected()[0].last_good_kept);
    // A resource that is gone from a file with a broken, but known, neighbour is gone.
    let broken_alone = broken.replace(&b, "");
    assert_eq!(step(&mut folder, &[("1.yaml", broken_alone)]), ["-b"]);
}

#[test]
fn a_file_that_cannot_be_told_apart_keeps_all_that_came_from_it() {
    let mut folder = Folder::default();
    let (a, b) = (pool("a", "10.1.0.0/16"), pool("b", "10.2.0.0/16"));
    step(&mut folder, &[("1.yaml", a), ("2.yaml", b.clone())]);
    assert!(
        step(
            &mut folder,
            &[("1.yaml", "]]".to_owned()), ("2.yaml", b.clone())]
        )
        .is_empty()
    );
    let unreadable = Contents::from([
        ("1.yaml".to_owned(), Err("cannot be read: no".to_owned())),
        ("2.yaml".to_owned(), Ok(vec![0xff, 0xfe])),
    ]);
    assert!(folder.absorb(unreadable).events.is_empty());
    assert_eq!(folder.rejected().len(), 2);
    // Defined elsewhere, the new definition holds.
    let moved = [
        ("1.yaml", "]]".to_owned()),
        ("2.yaml", b + &pool("a", "10.8.0.0/16")),
    ];
    assert_eq!(step(&mut folder, &moved), ["a 10.8.0.0/16"]);
    assert_eq!(step(&mut folder, &[]), ["-a", "-b"]);
}

#[test]
fn of_two_definitions_the_first_in_the_order_of_names_holds() {
    let mut folder = Folder::default();
    let files = [
        ("1.yaml", pool("a", "10.1.0.0/16")),
        ("2.yaml", pool("a", "10.2.0.0/16")),
    ];
    assert_eq!(step(&mut folder, &files), ["a 10.1.0.0/16"]);
    let [rejected] = folder.rejected() else {
        panic!("one is refused")
    };
    assert_eq!(rejected.location, "2.yaml:2");
    assert!(rejected.reason.contains("1.yaml:2"), "{}", rejected.reason);
    assert_eq!(step(&mut folder, &files[1..]), ["a 10.2.0.0/16"]);
}

#[test]
fn problems_and_unknown_kinds_are_told_once() {
    let mut folder = Folder::default();
    let bad = pool("a", "x") + "---\napiVersion: projectcalico.org/v3\nkind: Pear\n";
    let first = folder.absorb(contents(&[("1.yaml", bad.clone())]));
    assert_eq!(
        (first.newly_rejected.len(), first.newly_unknown.len()),
        (1, 1)
    );
    let second = folder.absorb(contents(&[("1.yaml", bad.clone()), ("2.yaml", bad)]));
    assert_eq!(
        (second.newly_rejected.len(), second.newly_unknown.len()),
        (1, 0)
    );
}
