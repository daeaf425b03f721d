//! The locals of every root module of `testdata-repo`, as OpenTofu sees them without a provider:
//! resources, data sources and module calls are left out, so what depends on them is known only
//! after apply.

use std::collections::BTreeSet;
use std::fs::{read_to_string, write};
use std::path::{Path, PathBuf};

use hcl_edit::Span;
use hcl_edit::structure::Body;

use crate::support::git::copy;
use crate::support::tofu::{Answer, Setting, ask};

/// A folder with `.tf` files and what each of its locals is.
pub struct Root {
    /// Relative to the repo, `/`-separated.
    pub folder: String,
    /// Name and OpenTofu's answer, sorted by name.
    pub locals: Vec<(String, Answer)>,
}

/// Every folder of the repo in `source` that has locals, sorted.
pub fn roots(source: &Path) -> Vec<Root> {
    let copied = tempfile::tempdir().expect("a temporary folder");
    copy(source, copied.path());
    let mut folders = BTreeSet::new();
    let mut found = Vec::new();
    terraform_files(copied.path(), &mut found);
    for file in &found {
        folders.insert(file.parent().expect("a file has a folder").to_owned());
    }
    let mut roots = Vec::new();
    for folder in folders {
        let names = strip(&folder, &found);
        if names.is_empty() {
            continue;
        }
        let asked: Vec<String> = names.iter().map(|name| format!("local.{name}")).collect();
        let answers = ask(&folder, &Setting::default(), &asked);
        let relative = folder
            .strip_prefix(copied.path())
            .expect("it is inside the copy");
        roots.push(Root {
            folder: relative.to_string_lossy().into_owned(),
            locals: names.into_iter().zip(answers).collect(),
        });
    }
    roots
}

fn terraform_files(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in folder.read_dir().expect("the copy can be read") {
        let path = entry.expect("the copy can be read").path();
        if path.is_dir() {
            terraform_files(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "tf") {
            found.push(path);
        }
    }
}

/// Leaves `locals` and `variable` blocks only in the folder's files, byte for byte as they were.
/// Returns the locals' names, sorted.
fn strip(folder: &Path, files: &[PathBuf]) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    for path in files.iter().filter(|path| path.parent() == Some(folder)) {
        let text = read_to_string(path).expect("a .tf file is text");
        let text = text.strip_prefix('\u{feff}').unwrap_or(&text);
        // One that does not parse is no part of the comparison.
        let body = hcl_edit::parser::parse_body(text).unwrap_or_else(|_| Body::new());
        let mut kept = String::new();
        for block in body
            .blocks()
            .filter(|block| matches!(block.ident.as_str(), "locals" | "variable"))
        {
            if block.ident.as_str() == "locals" {
                names.extend(
                    block
                        .body
                        .attributes()
                        .map(|attribute| attribute.key.to_string()),
                );
            }
            kept.push_str(&text[block.span().expect("a parsed block has a place")]);
            kept.push('\n');
        }
        write(path, kept).expect("the copy can be written");
    }
    names
}
