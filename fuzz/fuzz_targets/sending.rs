#![no_main]

#[path = "../targets/mod.rs"]
#[allow(dead_code, reason = "each target uses its own")]
mod targets;

libfuzzer_sys::fuzz_target!(|data: &[u8]| targets::sending(data));
