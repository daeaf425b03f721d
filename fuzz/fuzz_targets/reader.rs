#![no_main]

#[path = "../src/reader_property.rs"]
mod reader_property;

libfuzzer_sys::fuzz_target!(|data: &[u8]| reader_property::reader(data));
