//! Reads `tests/it/data/expressions/*.txt`: root modules and the expressions that are asked in
//! them.
//!
//! ```text
//! -- PATH                a file of the module follows, up to the next line that starts with "-- "
//! -- arguments           one argument of the command a line, such as -var-file=prod.tfvars
//! -- environment         NAME=value lines
//! -- values              expressions, one a line: pintle gives the value that OpenTofu gives
//! -- values or unknown   the same, but pintle may say that it does not know
//! -- errors              OpenTofu refuses these; pintle gives no value
//! ```
//! No answers stand there: they would only be a copy of somebody's opinion of Terraform.

use std::collections::BTreeMap;
use std::fs::{create_dir_all, read_to_string, write};
use std::path::Path;

use crate::support::tofu::Setting;

/// A root module and what is asked in it.
pub struct Group {
    /// The name of its file, without `.txt`.
    pub name: String,
    /// Path inside the module to text.
    pub files: BTreeMap<String, String>,
    pub setting: Setting,
    /// Line in the table's file (1-based) and expression.
    pub asked: Vec<(usize, Wanted, String)>,
}

/// What pintle owes an expression.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Wanted {
    Value,
    ValueOrUnknown,
    NoValue,
}

/// All groups, sorted by name.
pub fn groups() -> Vec<Group> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/data/expressions");
    let entries = folder.read_dir().expect("the table is in the repo");
    let mut paths: Vec<_> = entries
        .map(|entry| entry.expect("the folder can be read").path())
        .collect();
    paths.sort();
    paths.iter().map(|path| read(path)).collect()
}

impl Group {
    /// Writes the module's files into `folder`.
    pub fn lay_out(&self, folder: &Path) {
        for (path, text) in &self.files {
            let path = folder.join(path);
            create_dir_all(path.parent().expect("a file has a folder"))
                .expect("the folder can be made");
            write(path, text).expect("the file can be written");
        }
    }
}

fn read(path: &Path) -> Group {
    let text = read_to_string(path).expect("the table is text");
    let name = path
        .file_stem()
        .expect("a file has a name")
        .to_string_lossy()
        .into_owned();
    let mut group = Group {
        name,
        files: BTreeMap::new(),
        setting: Setting::default(),
        asked: Vec::new(),
    };
    let mut section = String::new();
    for (at, line) in text.lines().enumerate() {
        match line.strip_prefix("-- ") {
            Some(next) => section = next.to_owned(),
            None => group.take(&section, at + 1, line),
        }
    }
    group
}

impl Group {
    fn take(&mut self, section: &str, number: usize, line: &str) {
        let wanted = match section {
            "values" => Wanted::Value,
            "values or unknown" => Wanted::ValueOrUnknown,
            "errors" => Wanted::NoValue,
            "arguments" => return self.setting.arguments.push(line.to_owned()),
            "environment" => {
                let (name, value) = line
                    .split_once('=')
                    .expect("an environment line is NAME=value");
                return self
                    .setting
                    .environment
                    .push((name.to_owned(), value.to_owned()));
            }
            path => {
                let file = self.files.entry(path.to_owned()).or_default();
                file.push_str(line);
                return file.push('\n');
            }
        };
        if !line.is_empty() {
            self.asked.push((number, wanted, line.to_owned()));
        }
    }
}
