//! libFuzzer's entry to [`workshop_fuzz::lines`].

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| workshop_fuzz::lines(data));
