//! Where the tests run: in a network namespace of their own, all of them in one process.
//!
//! Each test asks for its verdict. The first to ask starts this program again under `unshare` with
//! the same arguments; there the tests share one daemon, and leave their verdicts as files.

use std::any::Any;
use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;

use tempfile::TempDir;

use crate::skip::skip;

/// Names the folder for verdicts, inside.
const VERDICTS: &str = "CALIDRIS_TEST_HOSTILE_VERDICTS";

/// The run inside.
enum Inside {
    /// It has ended; here are its verdicts and what it printed.
    Ended(TempDir, String),
    /// Namespaces cannot be made here.
    Forbidden,
}

/// Runs `body` in the namespace, and reports its verdict wherever the caller is.
pub(crate) fn run(name: &str, body: impl FnOnce() -> String) {
    if let Some(folder) = std::env::var_os(VERDICTS) {
        return judge(&PathBuf::from(folder).join(name), body);
    }
    static INSIDE: OnceLock<Inside> = OnceLock::new();
    match INSIDE.get_or_init(inside) {
        Inside::Forbidden => {
            skip(
                name,
                "neither root nor user namespaces, so no networks here",
            );
        }
        Inside::Ended(verdicts, printed) => match fs::read_to_string(verdicts.path().join(name)) {
            Ok(report) if report.starts_with(PASSED) => println!("{report}"),
            Ok(report) => panic!("{report}"),
            Err(_) => panic!("{name} came to no end\n{printed}"),
        },
    }
}

fn judge(verdict: &Path, body: impl FnOnce() -> String) {
    let outcome = catch_unwind(AssertUnwindSafe(body));
    let report = match &outcome {
        Ok(report) => format!("{PASSED}: {report}"),
        Err(panic) => format!("failed: {}", words(&**panic)),
    };
    fs::write(verdict, report).expect("the folder is ours");
}

fn words(panic: &(dyn Any + Send)) -> &str {
    match (panic.downcast_ref::<String>(), panic.downcast_ref::<&str>()) {
        (Some(text), _) => text,
        (None, Some(text)) => text,
        (None, None) => "a panic without words",
    }
}

fn inside() -> Inside {
    let verdicts = TempDir::new().expect("a temporary folder");
    let works = |options: &[&str]| {
        let mut command = Command::new("unshare");
        command
            .args(options)
            .arg("true")
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        command.status().is_ok_and(|status| status.success())
    };
    let options: &[&str] = if works(&["--net"]) {
        &["--net"]
    } else if works(USER) {
        USER
    } else {
        return Inside::Forbidden;
    };
    let program = std::env::current_exe().expect("a program knows its file");
    let output = Command::new("unshare")
        .args(options)
        // Killed with us, so that nothing stays behind when a run is interrupted.
        .args(["--fork", "--kill-child", "--", "sh", "-c"])
        .arg("ip link set lo up && exec \"$0\" \"$@\"")
        .arg(program)
        .args(std::env::args_os().skip(1))
        .env(VERDICTS, verdicts.path())
        .stdin(Stdio::null())
        .output()
        .expect("unshare can be run");
    let printed = [output.stdout, output.stderr].concat();
    Inside::Ended(verdicts, String::from_utf8_lossy(&printed).into_owned())
}

const PASSED: &str = "passed";
const USER: &[&str] = &["--user", "--map-root-user", "--net"];
