//! The hooks for pre-commit: their commands are those of the built program, and they run for the
//! files that decide what it reports.

use std::fs;

use regex::Regex;
use serde::Deserialize;

use crate::support::cmd::Pintle;
use crate::support::line::clones;

const HOOKS: &str = include_str!("../../.pre-commit-hooks.yaml");

#[derive(Deserialize)]
struct PreCommitHook {
    id: String,
    entry: String,
    language: String,
    files: String,
    exclude: String,
    pass_filenames: bool,
}

fn hooks() -> Vec<PreCommitHook> {
    serde_saphyr::from_str(HOOKS).expect("it is a list of hooks")
}

#[test]
fn each_hook_runs_the_program_in_the_top_folder() {
    let ids: Vec<String> = hooks().into_iter().map(|hook| hook.id).collect();
    assert_eq!(
        ids,
        ["pintle-config-check", "pintle-config-check-installed"]
    );
    for hook in hooks() {
        assert!(["rust", "system"].contains(&hook.language.as_str()) && !hook.pass_filenames);
        let words: Vec<&str> = hook.entry.split(' ').collect();
        assert_eq!(words[0], "pintle");
        let folder = clones();
        let check = |text: &str| {
            fs::write(folder.path().join("pintle.toml"), text).expect("it can be written");
            fs::write(folder.path().join("main.tf"), "locals { a = 1 }\n").expect("it too");
            Pintle::new(folder.path(), &words[1..]).run().code
        };
        assert_eq!(check("version = 1\n"), Some(0), "{}", hook.id);
        assert_eq!(check("verion = 1\n"), Some(2), "{}", hook.id);
        let unmatched = "[[hold]]\nimage = \"postgres\"\nbecause = \"x\"\n";
        assert_eq!(check(unmatched), Some(1), "{}", hook.id);
    }
}

#[test]
fn the_hooks_run_for_what_they_check() {
    for hook in hooks() {
        let files = Regex::new(&hook.files).expect("a regular expression");
        let exclude = Regex::new(&hook.exclude).expect("a regular expression");
        let is_for = |path: &str| files.is_match(path) && !exclude.is_match(path);
        for path in [
            "pintle.toml",
            "stacks/web/main.tf",
            "a/terragrunt.hcl",
            "b.tfvars",
        ] {
            assert!(is_for(path), "{path}");
        }
        for path in [
            "README.md",
            "a/.terraform/modules/m/main.tf",
            "mypintle.toml",
        ] {
            assert!(!is_for(path), "{path}");
        }
    }
}
