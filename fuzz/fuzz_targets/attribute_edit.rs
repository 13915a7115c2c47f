//! Fuzzes attributes read, edited on their way through the RIB, and written; the body is in the library, where stable tests run it, too.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| calidris::rib::fuzzing::attribute_edit(data));
