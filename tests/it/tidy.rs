//! What the repo checks of itself. Each check is run over the files as they are, and shown a text
//! that breaks it. Changes nothing.

mod arrows;
mod circles;
mod leftovers;
mod names;
mod source;
mod text;

use std::collections::BTreeSet;
use std::fs::read_to_string;
use std::path::Path;

use crate::support::git::git;

/// The files git tracks or would track below a prefix, `/`-separated.
fn tracked(prefix: &str) -> Vec<String> {
    let listed = git(
        root(),
        [
            "ls-files",
            "-z",
            "--cached",
            "--others",
            "--exclude-standard",
        ],
    );
    let listed = listed
        .split('\0')
        .filter(|path| !path.is_empty() && path.starts_with(prefix));
    let distinct: BTreeSet<String> = listed.map(str::to_owned).collect();
    distinct
        .into_iter()
        .filter(|path| root().join(path).is_file())
        .collect()
}

fn rust_files(prefix: &str) -> Vec<(String, String)> {
    let paths = tracked(prefix)
        .into_iter()
        .filter(|path| path.ends_with(".rs"));
    let read = |path: String| {
        let text = read_to_string(root().join(&path)).unwrap_or_else(|why| panic!("{path}: {why}"));
        (path, text)
    };
    paths.map(read).collect()
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// `src/plan/select.rs` → `plan`, `select`; nothing for the roots of the library and the program.
fn module_path(path: &str) -> Vec<&str> {
    let path = path.strip_prefix("src/").unwrap_or(path);
    let path = path.strip_suffix(".rs").unwrap_or(path);
    let path = path.strip_suffix("/mod").unwrap_or(path);
    match path {
        "main" | "lib" => Vec::new(),
        _ => path.split('/').collect(),
    }
}

/// Test code may look at anything.
fn is_test(module: &[&str]) -> bool {
    module.contains(&"tests")
}
