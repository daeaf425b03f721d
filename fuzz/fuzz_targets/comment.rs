#![no_main]

#[path = "../src/comment_property.rs"]
mod comment_property;

libfuzzer_sys::fuzz_target!(|data: &[u8]| comment_property::comment(data));
