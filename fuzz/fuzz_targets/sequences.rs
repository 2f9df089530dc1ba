//! libFuzzer's entry to [`workshop_fuzz::sequences`].

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| workshop_fuzz::sequences(data));
