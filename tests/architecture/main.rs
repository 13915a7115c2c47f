//! The direction of dependency between the rooms of `src/`, checked on the source text.
//!
//! Every top-level module is a room. [`ALLOWED`] says which rooms each one may name in a `crate::`
//! path; whatever is not listed fails here, test modules included. The pure rooms are also searched
//! for clocks, tasks, sockets and logging.

mod scan;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

/// Each room with the rooms that it may name. `daemon` composes; `main` only starts it.
const ALLOWED: Table = &[
    ("net", ""),
    ("wire", "net"),
    ("model", "net"),
    ("fsm", "net wire"),
    ("policy", "net wire"),
    ("rib", "net wire policy"),
    ("plan", "net wire model policy"),
    ("clock", ""),
    ("metrics", "net"),
    ("session", "net wire fsm policy rib plan metrics clock"),
    ("fib", "net policy rib plan metrics clock"),
    ("datastore", "net model plan metrics clock"),
    ("settings", "net plan rib metrics datastore"),
    (
        "speaker",
        "net wire model fsm policy rib plan metrics clock session fib datastore",
    ),
    (
        "control",
        "net wire policy rib plan metrics clock session fib datastore speaker settings",
    ),
    (
        "cli",
        "net wire model policy rib plan metrics session fib datastore control settings",
    ),
    (
        "sim",
        "net wire model fsm policy rib plan metrics session fib datastore speaker",
    ),
    (
        "daemon",
        "net wire model fsm policy rib plan metrics clock session fib datastore speaker control \
         cli settings",
    ),
    ("main", "cli daemon settings"),
];

/// Rooms, each with those that it may name, separated by spaces.
type Table<'a> = &'a [(&'a str, &'a str)];

/// The rooms that take time, bytes and randomness as arguments only (invariant 1).
const PURE: &[&str] = &["net", "wire", "fsm", "policy", "rib", "model", "plan"];

/// What a pure room never names outside its tests.
const IMPURE: &[&str] = &[
    "Instant::now",
    "SystemTime::now",
    "std::env",
    "std::fs",
    "std::process",
    "std::thread",
    "TcpListener",
    "TcpStream",
    "UdpSocket",
    "UnixStream",
    "thread_rng",
    "tokio",
    "tracing",
    "println",
    "eprintln",
];

#[test]
fn rooms_import_only_from_the_rooms_listed() {
    let sources = Source::all_in(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"));
    assert!(sources.len() > 20, "src/ was not found");
    let mut faults = faults(&sources, ALLOWED);
    faults.extend(dangling(&sources, ALLOWED));
    assert!(faults.is_empty(), "\n{}\n", faults.join("\n"));
}

#[test]
fn pure_rooms_name_no_clock_task_socket_or_log() {
    let sources = Source::all_in(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"));
    let faults = impurities(&sources);
    assert!(faults.is_empty(), "\n{}\n", faults.join("\n"));
}

#[test]
fn the_page_for_readers_names_every_room() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("ARCHITECTURE.md");
    let page = fs::read_to_string(path).expect("ARCHITECTURE.md can be read");
    for (room, _) in ALLOWED.iter().filter(|(room, _)| *room != "main") {
        assert!(
            page.contains(&format!("`{room}`")),
            "ARCHITECTURE.md does not name {room}"
        );
    }
}

/// A file under `src/`.
struct Source {
    path: PathBuf,
    /// Empty for `lib.rs`, which belongs to no room.
    module: Vec<String>,
    text: String,
}

impl Source {
    fn new(path: &str, text: &str) -> Self {
        let parts: Vec<&str> = path.trim_end_matches(".rs").split('/').collect();
        let module = match parts.as_slice() {
            ["lib"] => Vec::new(),
            [rooms @ .., "mod"] => rooms.iter().map(ToString::to_string).collect(),
            all => all.iter().map(ToString::to_string).collect(),
        };
        Self {
            path: PathBuf::from(path),
            module,
            text: text.to_owned(),
        }
    }

    fn all_in(root: &Path) -> Vec<Self> {
        let mut sources = Vec::new();
        let mut folders = vec![root.to_owned()];
        while let Some(folder) = folders.pop() {
            for entry in fs::read_dir(&folder).expect("src/ can be read") {
                let path = entry.expect("src/ can be read").path();
                if path.is_dir() {
                    folders.push(path);
                } else if path.extension().is_some_and(|extension| extension == "rs") {
                    let text = fs::read_to_string(&path).expect("sources are UTF-8");
                    let name = path.strip_prefix(root).expect("it lies below the root");
                    sources.push(Self::new(&name.to_string_lossy(), &text));
                }
            }
        }
        sources.sort_by(|a, b| a.path.cmp(&b.path));
        sources
    }

    fn room(&self) -> Option<&str> {
        self.module.first().map(String::as_str)
    }

    /// The module path as `scan` counts it: `main.rs` is a crate root of its own.
    fn module_path(&self) -> &[String] {
        if self.room() == Some("main") {
            &[]
        } else {
            &self.module
        }
    }
}

/// Everything wrong with the imports of `sources`, a sentence each.
fn faults(sources: &[Source], allowed: Table) -> Vec<String> {
    let allowed = allowed_edges(allowed);
    let rooms: BTreeSet<&str> = sources.iter().filter_map(Source::room).collect();
    let mut edges: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    let mut faults = Vec::new();
    for source in sources {
        let room = source.room().unwrap_or("lib");
        for reference in scan::references(source.module_path(), &source.text) {
            let target = reference.room;
            let place = format!("src/{}:{}", source.path.display(), reference.line);
            if target == room {
                continue;
            }
            if !rooms.contains(target.as_str()) {
                faults.push(format!("{place}: `crate::{target}` is not a room"));
            } else if !allowed
                .get(room)
                .is_some_and(|list| list.contains(&target.as_str()))
            {
                faults.push(format!("{place}: {room} may not import from {target}"));
            }
            edges.entry(room.to_owned()).or_default().insert(target);
        }
    }
    faults.extend(
        rooms
            .iter()
            .filter(|room| !allowed.contains_key(*room))
            .map(|room| {
                format!("src/{room}: this room is not in the table of tests/architecture/main.rs")
            }),
    );
    faults.extend(cycle(&edges).map(|rooms| format!("rooms in a circle: {}", rooms.join(" → "))));
    faults
}

fn allowed_edges(table: Table<'_>) -> BTreeMap<&str, BTreeSet<&str>> {
    table
        .iter()
        .map(|(room, list)| (*room, list.split_whitespace().collect()))
        .collect()
}

/// Rows and entries of the table that name no room of `src/`.
fn dangling(sources: &[Source], allowed: Table) -> Vec<String> {
    let rooms: BTreeSet<&str> = sources.iter().filter_map(Source::room).collect();
    let named: BTreeSet<&str> = allowed_edges(allowed)
        .into_iter()
        .flat_map(|(room, list)| list.into_iter().chain([room]))
        .collect();
    named
        .difference(&rooms)
        .map(|room| format!("the table names {room}, and src/ has no such room"))
        .collect()
}

/// One circle among the edges, if there is any.
fn cycle(edges: &BTreeMap<String, BTreeSet<String>>) -> Option<Vec<String>> {
    fn visit<'a>(
        room: &'a str,
        edges: &'a BTreeMap<String, BTreeSet<String>>,
        trail: &mut Vec<&'a str>,
        done: &mut BTreeSet<&'a str>,
    ) -> Option<Vec<String>> {
        if let Some(start) = trail.iter().position(|seen| *seen == room) {
            let circle = trail[start..].iter().chain([&room]);
            return Some(circle.map(ToString::to_string).collect());
        }
        if done.contains(room) {
            return None;
        }
        trail.push(room);
        for next in edges.get(room).into_iter().flatten() {
            if let Some(found) = visit(next, edges, trail, done) {
                return Some(found);
            }
        }
        trail.pop();
        done.insert(room);
        None
    }
    let mut done = BTreeSet::new();
    edges
        .keys()
        .find_map(|room| visit(room, edges, &mut Vec::new(), &mut done))
}

/// Places where a pure room reaches for the world outside.
fn impurities(sources: &[Source]) -> Vec<String> {
    let mut faults = Vec::new();
    for source in sources {
        let in_tests = source
            .module
            .iter()
            .any(|module| module == "tests" || module == "testing");
        let is_pure = source.room().is_some_and(|room| PURE.contains(&room));
        if is_pure && !in_tests {
            for (what, line) in scan::mentions(&source.text, IMPURE) {
                let path = source.path.display();
                faults.push(format!("src/{path}:{line}: a pure room names `{what}`"));
            }
        }
    }
    faults
}

mod tests {
    use super::*;

    const TABLE: Table = &[("a", ""), ("b", "a"), ("c", "a b")];

    fn faults_of(extra: &[(&str, &str)]) -> Vec<String> {
        let base = [
            ("lib.rs", "pub mod a;"),
            ("a.rs", ""),
            ("b/mod.rs", ""),
            ("c.rs", ""),
        ];
        let files: BTreeMap<&str, &str> = base.iter().chain(extra).copied().collect();
        let sources: Vec<Source> = files
            .into_iter()
            .map(|(path, text)| Source::new(path, text))
            .collect();
        faults(&sources, TABLE)
    }

    #[test]
    fn listed_edges_pass() {
        let c = "use crate::{a::{self, X}, b};\nfn f() -> crate::a::T { crate::b::t() }";
        assert_eq!(faults_of(&[("c.rs", c)]), [""; 0]);
    }

    #[test]
    fn an_unlisted_edge_fails_with_its_place() {
        let found = faults_of(&[("b/deep/x.rs", "// why\nuse crate::c::Thing;")]);
        assert_eq!(found, ["src/b/deep/x.rs:2: b may not import from c"]);
    }

    #[test]
    fn paths_in_code_groups_and_supers_count_as_imports() {
        for text in [
            "fn f() { crate::c::g() }",
            "use crate::{a, c};",
            "pub(crate) use crate::c;",
            "use super::c::Thing;",
            "mod inner { use super::super::c::Thing; }",
            "fn f<'a>(x: &'a str) { let _ = ('\"', \"{\"); crate::c::g() }",
        ] {
            assert_eq!(faults_of(&[("b/mod.rs", text)]).len(), 1, "{text}");
        }
    }

    #[test]
    fn comments_strings_and_own_paths_are_no_imports() {
        let text = r##"
            //! [`crate::c`]
            /* crate::c /* nested */ crate::c */
            pub(crate) const A: &str = "crate::c \" crate::c";
            const B: &str = r#"crate::c" crate::c"#;
            use crate::b::own;
            mod inner { use super::own; }
            mod tests { use super::inner::super_thing; }
        "##;
        assert_eq!(faults_of(&[("b/mod.rs", text)]), [""; 0]);
    }

    #[test]
    fn circles_are_found_even_where_the_table_allows_them() {
        let sources = [
            Source::new("a.rs", "use crate::b::X;"),
            Source::new("b.rs", "use crate::a::Y;"),
        ];
        let found = faults(&sources, &[("a", "b"), ("b", "a")]);
        assert_eq!(found, ["rooms in a circle: a → b → a"]);
    }

    #[test]
    fn the_table_and_the_tree_name_the_same_rooms() {
        assert_eq!(
            faults_of(&[("d.rs", "")]),
            ["src/d: this room is not in the table of tests/architecture/main.rs"]
        );
        assert_eq!(
            dangling(&[Source::new("a.rs", ""), Source::new("c.rs", "")], TABLE),
            ["the table names b, and src/ has no such room"]
        );
    }

    #[test]
    fn names_that_are_no_room_are_refused() {
        let found = faults_of(&[("c.rs", "use crate::*; use crate::VERSION;")]);
        assert_eq!(found.len(), 2, "{found:?}");
    }

    #[test]
    fn the_program_counts_as_the_room_main() {
        let found = faults_of(&[("main.rs", "fn main() { calidris::c::run() }")]);
        assert!(found[0].contains("main may not import from c"), "{found:?}");
    }

    #[test]
    fn clocks_in_pure_rooms_are_found_outside_tests() {
        let text = "fn f() { Instant::now(); }\nmod tests { fn g() { Instant::now(); } }";
        let sources = [
            Source::new("rib/x.rs", text),
            Source::new("session/x.rs", text),
        ];
        assert_eq!(
            impurities(&sources),
            ["src/rib/x.rs:1: a pure room names `Instant::now`"]
        );
    }
}
