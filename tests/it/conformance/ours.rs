//! pintle's side of the comparison: what its project reader makes of an expression in a root
//! module.

use std::path::Path;
use std::sync::Arc;

use pintle::terraform::files::{Entry, Files, RepoPath};
use pintle::terraform::hcl::Source;
use pintle::terraform::instance::Instance;
use pintle::terraform::project::each_root;
use pintle::terraform::root::RootKind;
use pintle::terraform::sources::RunSettings;
use pintle::terraform::value::{Why, WhyKind};

use super::table::Group;

/// The text of a repo, and how Terraform is run there.
pub struct Repo {
    files: Files,
    settings: RunSettings,
}

impl Repo {
    /// The module of a group as a repo of its own. Its environment stands as Terragrunt `inputs`:
    /// both are `TF_VAR_…` in the end.
    pub fn of(group: &Group) -> Repo {
        let mut repo = Repo {
            files: Files::default(),
            settings: RunSettings::default(),
        };
        for (path, text) in &group.files {
            repo.insert(path, text.as_bytes());
        }
        let var_files = group
            .setting
            .arguments
            .iter()
            .filter_map(|argument| argument.strip_prefix("-var-file="));
        repo.settings.var_files = var_files.map(str::to_owned).collect();
        if !group.setting.environment.is_empty() {
            let inputs: String = group
                .setting
                .environment
                .iter()
                .map(|(name, value)| input(name, value))
                .collect();
            repo.insert(
                "terragrunt.hcl",
                format!("inputs = {{\n{inputs}}}\n").as_bytes(),
            );
        }
        repo
    }

    /// A folder with everything below it but Terragrunt's files, so that every root is plain
    /// Terraform, as it is for the oracle.
    pub fn read(folder: &Path) -> Repo {
        let mut repo = Repo {
            files: Files::default(),
            settings: RunSettings::default(),
        };
        repo.read_below(folder, folder);
        repo
    }

    /// What each expression is, as `jsonencode()` writes it, in the root module in `folder`; `None`
    /// when pintle sees no root there.
    pub fn ask(&self, folder: &str, expressions: &[String]) -> Option<Vec<Result<String, Why>>> {
        let folder = RepoPath::new(folder)?;
        let walked = each_root(&self.files, &self.settings, |walk| {
            let root = walk.root();
            let here =
                root.dir == folder && root.environment.is_none() && root.kind != RootKind::Orphan;
            let top = walk.instances().into_iter().next().filter(|_| here)?;
            Some(
                expressions
                    .iter()
                    .map(|expression| answer(&top, expression))
                    .collect(),
            )
        });
        walked.roots.into_iter().find_map(|(_, answers)| answers)
    }

    fn insert(&mut self, path: &str, bytes: &[u8]) {
        let path = RepoPath::new(path).expect("a path inside the repo");
        self.files.insert(path, Entry::Text(Arc::from(bytes)));
    }

    fn read_below(&mut self, top: &Path, folder: &Path) {
        for entry in folder.read_dir().expect("the folder can be read") {
            let path = entry.expect("the folder can be read").path();
            if path.is_dir() {
                self.read_below(top, &path);
            } else if !path.ends_with("terragrunt.hcl") {
                let relative = path
                    .strip_prefix(top)
                    .expect("it is below")
                    .to_string_lossy()
                    .into_owned();
                self.insert(
                    &relative,
                    &std::fs::read(&path).expect("the file can be read"),
                );
            }
        }
    }
}

fn answer(top: &Instance<'_>, expression: &str) -> Result<String, Why> {
    let text = format!("asked = jsonencode({expression})\n");
    let path = RepoPath::new("asked.tf").expect("a path");
    let source = Source::parse(path, text.as_bytes().into())
        .map_err(|error| Why::new(WhyKind::Invalid, error.to_string()))?;
    let attribute = source
        .body
        .get_attribute("asked")
        .expect("it was just written");
    let value = top.eval(&attribute.value, &source);
    match value.as_str() {
        Some(json) => Ok(json),
        None => Err(value
            .why_unknown()
            .expect("jsonencode() gives a text or a reason")
            .clone()),
    }
}

/// `TF_VAR_x=text` as a line of `inputs`; lists and objects are HCL already.
fn input(name: &str, value: &str) -> String {
    let name = name
        .strip_prefix("TF_VAR_")
        .expect("only Terraform's variables are set");
    match value.starts_with(['[', '{']) {
        true => format!("{name} = {value}\n"),
        false => format!("{name} = {value:?}\n"),
    }
}
