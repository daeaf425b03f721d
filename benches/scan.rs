//! Measures the scan of a generated repo of 100,000 lines against the bare parse of the same bytes, in turns in one run, and against a repo
//! ten times as large; then the memory of each in a process of its own. Prints; decides nothing.
#![allow(clippy::print_stdout, reason = "the figures are the output")]

mod common;
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

fn main() {
    if let Some(arguments) = memory_arguments() {
        return alone(&arguments);
    }
    if !is_bench() {
        return measure(2_000, 1);
    }
    let (folder, small) = on_disk(LINES);
    let (large_folder, large) = on_disk(10 * LINES);
    println!("scan of {}", described(&folder, &small));
    measure_files(&read(folder.path()), RUNS);
    linear(folder.path(), large_folder.path(), &large);
    for (name, folder) in [("", &folder), (", ten times the repo", &large_folder)] {
        let path = folder.path().to_str().expect("a path in UTF-8");
        for side in ["read", "parse", "scan"] {
            peak(&format!("{side}{name}"), &[side, path]);
        }
    }
}

fn measure(lines: usize, runs: usize) {
    let (folder, _) = on_disk(lines);
    measure_files(&read(folder.path()), runs);
}

fn measure_files(files: &Files, runs: usize) {
    let settings = ScanSettings::default();
    let (ours, bare) = in_turns(runs, || drop(black_box(scan(files, &settings))), || parse(files));
    bare.print("bare parse");
    ours.print("scan");
    ratio("ratio", &ours, &bare, 2.0);
}

/// The scan of both repos, in turns.
fn linear(small: &Path, large: &Path, repo: &Repo) {
    let (small, large) = (read(small), read(large));
    let settings = ScanSettings::default();
    let (ten, one) = in_turns(3, || drop(black_box(scan(&large, &settings))), || drop(black_box(scan(&small, &settings))));
    ten.print(&format!("scan of {} lines", repo.lines));
    ratio("ten times the repo", &ten, &one, 12.0);
}

/// What any reader of the repo has to do at least: every HCL file through the parser, one after the other.
fn parse(files: &Files) {
    for (path, _) in files.iter() {
        let is_hcl = [".tf", ".hcl", ".tfvars"].iter().any(|end| path.as_str().ends_with(end));
        if let Some(text) = files.bytes(path).filter(|_| is_hcl).and_then(|bytes| std::str::from_utf8(bytes).ok()) {
            let _ = black_box(hcl_edit::parser::parse_body(text));
        }
    }
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
    let repo = generate::generate(&Recipe { lines, seed: SEED, host: None });
    let folder = tempfile::tempdir().expect("a temporary folder");
    repo.write(folder.path()).expect("room for the repo");
    (folder, repo)
}

fn read(folder: &Path) -> Files {
    checkout::read_folder(folder).expect("a folder").files
}

fn described(folder: &tempfile::TempDir, repo: &Repo) -> String {
    let found = scan(&read(folder.path()), &ScanSettings::default());
    let megabytes = repo.bytes() as f64 / 1e6;
    format!(
        "{} lines, {} files, {megabytes:.1} MB, {} containers: {} sites",
        repo.lines,
        repo.files.len(),
        repo.containers,
        found.sites().count()
    )
}
