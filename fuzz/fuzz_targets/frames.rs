//! Whole frames of any link type, through a worker.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    wire::fuzz::frames(bytes);
});
