//! The committed seeds of the fuzz targets, for the tests of the rooms that have any.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

/// A seed's name and octets.
pub(crate) type Seeds = Vec<(&'static str, Vec<u8>)>;

/// The variable that makes tests write the generated seeds instead of comparing them.
const WRITE: &str = "CALIDRIS_WRITE_CORPUS";

/// Runs a target's body over its corpus, and checks that each generated seed stands there as it is
/// generated today. Files beside them are captures and findings, which nobody generates.
pub(crate) fn check_corpus(target: &str, seeds: Seeds, body: fn(&[u8])) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("fuzz/corpus")
        .join(target);
    let generated: BTreeMap<_, _> = seeds.into_iter().collect();
    if std::env::var_os(WRITE).is_some() {
        fs::create_dir_all(&folder).expect("the tree can be written");
        for (name, octets) in &generated {
            fs::write(folder.join(name), octets).expect("the tree can be written");
        }
    }
    let mut found = BTreeMap::new();
    for entry in fs::read_dir(&folder).expect("the corpus is committed") {
        let path = entry.expect("a directory entry").path();
        let octets = fs::read(&path).expect("a readable seed");
        body(&octets);
        let name = path
            .file_name()
            .unwrap_or_default()
            .to_string_lossy()
            .into_owned();
        found.insert(name, octets);
    }
    for (name, octets) in &generated {
        assert!(
            found.get(*name) == Some(octets),
            "fuzz/corpus/{target}/{name} is out of date: run the tests once with {WRITE}=1"
        );
    }
    assert!(
        found.len() >= 5,
        "{} has {} seeds",
        folder.display(),
        found.len()
    );
    let octets: usize = found.values().map(Vec::len).sum();
    assert!(
        octets <= 200_000,
        "{} is too large to commit",
        folder.display()
    );
}
