//! Measures the scan against the bare parse of the same bytes, in turns in one run: of a generated
//! repo of 100,000 lines, of one ten times as large, and of one as it looks after years of use;
//! then the memory of each in a process of its own. `PINTLE_BENCH_REPO=DIR` measures that checkout
//! instead. Prints; decides nothing.
#![allow(clippy::print_stdout, reason = "the figures are the output")]

mod common;
#[path = "common/lived_in.rs"]
mod lived_in;
#[path = "../tests/it/support/generate/mod.rs"]
#[allow(dead_code, reason = "the tests compare with what is true, too")]
mod generate;

use common::{in_turns, is_bench, memory_arguments, peak, print_peak, ratio};
use generate::{Recipe, Repo};
use pintle::observe::checkout;
use pintle::sites::settings::ScanSettings;
use pintle::sites::{Scan, scan};
use pintle::terraform::files::Files;
use std::hint::black_box;
use std::path::Path;

const LINES: usize = 100_000;
const SEED: u64 = 2026;
const RUNS: usize = 9;

/// Stacks of the repo that was used for years: about 93,000 lines.
const STACKS: usize = 84;

fn main() {
    if let Some(arguments) = memory_arguments() {
        return alone(&arguments);
    }
    if !is_bench() {
        let (small, lived_in) = (on_disk(2_000).0, lived_in_on_disk(2));
        return [small, lived_in]
            .iter()
            .for_each(|folder| measure(folder.path(), 1));
    }
    if let Some(folder) = std::env::var_os("PINTLE_BENCH_REPO") {
        return report("the checkout", Path::new(&folder));
    }
    let (folder, small) = on_disk(LINES);
    let (large_folder, large) = on_disk(10 * LINES);
    report(
        &format!("a generated repo with {} containers", small.containers),
        folder.path(),
    );
    linear(folder.path(), large_folder.path(), &large);
    peaks(", ten times the repo", large_folder.path());
    report("a repo after years of use", lived_in_on_disk(STACKS).path());
}

/// Prints what a repo is, the times, and the memory.
fn report(name: &str, folder: &Path) {
    println!("scan of {name}: {}", described(folder));
    measure(folder, RUNS);
    peaks("", folder);
}

fn measure(folder: &Path, runs: usize) {
    let (files, settings) = (read(folder), ScanSettings::default());
    let (ours, bare) = in_turns(
        runs,
        || drop(black_box(scan(&files, &settings))),
        || parse(&files),
    );
    bare.print("bare parse");
    ours.print("scan");
    ratio("ratio", &ours, &bare, 2.0);
}

fn peaks(name: &str, folder: &Path) {
    let path = folder.to_str().expect("a path in UTF-8");
    for side in ["read", "parse", "scan"] {
        peak(&format!("{side}{name}"), &[side, path]);
    }
}

/// The scan of both repos, in turns.
fn linear(small: &Path, large: &Path, repo: &Repo) {
    let (small, large) = (read(small), read(large));
    let settings = ScanSettings::default();
    let (ten, one) = in_turns(
        3,
        || drop(black_box(scan(&large, &settings))),
        || drop(black_box(scan(&small, &settings))),
    );
    ten.print(&format!("scan of {} lines", repo.lines));
    ratio("ten times the repo", &ten, &one, 12.0);
}

/// What any reader of the repo has to do at least: every HCL file through the parser, one after the
/// other.
fn parse(files: &Files) {
    for text in hcl(files) {
        let _ = black_box(hcl_edit::parser::parse_body(text));
    }
}

fn hcl(files: &Files) -> impl Iterator<Item = &str> {
    let is_hcl = |path: &str| {
        [".tf", ".hcl", ".tfvars"]
            .iter()
            .any(|end| path.ends_with(end))
    };
    let paths = files
        .iter()
        .map(|(path, _)| path)
        .filter(move |path| is_hcl(path.as_str()));
    paths.filter_map(|path| std::str::from_utf8(files.bytes(path)?).ok())
}

/// One side in a process of its own, for its memory.
fn alone(arguments: &[String]) {
    let [side, path] = arguments else { return };
    let files = read(Path::new(path));
    match side.as_str() {
        "scan" => drop::<Scan>(black_box(scan(&files, &ScanSettings::default()))),
        "parse" => parse(&files),
        _ => {}
    }
    print_peak();
}

fn on_disk(lines: usize) -> (tempfile::TempDir, Repo) {
    let repo = generate::generate(&Recipe {
        lines,
        seed: SEED,
        host: None,
    });
    let folder = tempfile::tempdir().expect("a temporary folder");
    repo.write(folder.path()).expect("room for the repo");
    (folder, repo)
}

fn lived_in_on_disk(stacks: usize) -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a temporary folder");
    lived_in::write(folder.path(), Path::new("testdata-repo"), stacks).expect("room for the repo");
    folder
}

fn read(folder: &Path) -> Files {
    checkout::read_folder(folder).expect("a folder").files
}

fn described(folder: &Path) -> String {
    let files = read(folder);
    let found = scan(&files, &ScanSettings::default());
    let (count, lines, bytes) = hcl(&files).fold((0, 0, 0), |(count, lines, bytes), text| {
        (count + 1, lines + text.lines().count(), bytes + text.len())
    });
    format!(
        "{lines} lines in {count} HCL files, {:.1} MB, {} files in all, {} sites",
        bytes as f64 / 1e6,
        files.len(),
        found.sites().count()
    )
}
