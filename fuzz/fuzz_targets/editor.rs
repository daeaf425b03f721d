#![no_main]

#[path = "../src/editor_property.rs"]
mod editor_property;

libfuzzer_sys::fuzz_target!(|data: &[u8]| editor_property::editor(data));
