//! Waiting without a panic: a case that fails must not end the lab.

use std::time::Duration;

use crate::support::now;

/// How long anything may take that ends well, on a machine that is busy with several labs.
const PATIENCE: Duration = Duration::from_secs(60);

/// Polls until `probe` succeeds; after a while, an error that tells what it saw last.
pub(crate) fn eventually<T>(
    what: &str,
    mut probe: impl FnMut() -> Result<T, String>,
) -> Result<T, String> {
    let start = now();
    let mut pause = Duration::from_millis(20);
    loop {
        match probe() {
            Ok(found) => return Ok(found),
            Err(seen) if start.elapsed() > PATIENCE => {
                return Err(format!(
                    "waited {PATIENCE:?} for: {what}; last seen: {seen}"
                ));
            }
            Err(_) => std::thread::sleep(pause),
        }
        pause = (pause * 2).min(Duration::from_millis(500));
    }
}

/// Fails a probe with what was seen, unless `holds`.
pub(crate) fn holds(holds: bool, seen: impl std::fmt::Debug) -> Result<(), String> {
    holds.then_some(()).ok_or_else(|| format!("{seen:?}"))
}
