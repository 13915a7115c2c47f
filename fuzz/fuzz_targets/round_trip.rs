//! Fuzzes values written and read back, chosen by octets; the body is in the library, where stable tests run it, too.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| calidris::wire::fuzzing::round_trip(data));
