//! The program `calidris`; all of it lives in the library.

use std::process::ExitCode;

fn main() -> ExitCode {
    calidris::daemon::main(std::env::args_os())
}
