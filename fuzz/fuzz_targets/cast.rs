//! libFuzzer's entry to [`workshop_fuzz::cast`].

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| workshop_fuzz::cast(data));
