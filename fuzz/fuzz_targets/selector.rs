//! Fuzzes selectors; the body is in the library, where stable tests run it, too.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| calidris::model::fuzzing::selector(data));
