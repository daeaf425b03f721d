#![no_main]

#[path = "../src/mask_property.rs"]
mod mask_property;

libfuzzer_sys::fuzz_target!(|data: &[u8]| mask_property::check_mask(data));
