//! Measures the scan of a repository against the bare parse of the same bytes.
fn main() {
    divan::main()
}
#[divan::bench]
fn parse() -> bool {
    hcl_edit::parser::parse_body("a = 1\n").is_ok()
}
