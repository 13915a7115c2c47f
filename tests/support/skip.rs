//! What cannot run here is said aloud, and is a failure where nothing may be left out.

/// Says that a test, or a part of one, does not run here, and why.
///
/// # Panics
/// If `CALIDRIS_NO_SKIP` is set: the gate sets it, so that no green run hides what did not run.
pub(crate) fn skip(name: &str, reason: &str) {
    let forbidden = std::env::var_os("CALIDRIS_NO_SKIP").is_some();
    assert!(!forbidden, "{name} may not be skipped: {reason}");
    println!("SKIPPED {name}: {reason}");
}
