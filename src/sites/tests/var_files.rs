//! Var-files that nothing loads and nothing names: what they set is unsure.

use super::{deployment, of, scanned};
use crate::sites::settings::ScanSettings;
use crate::sites::{Fate, Scan, scan};
use crate::terraform::files::{Entry, Files, RepoPath};
use crate::terraform::sources::{RootEnvironment, RunSettings};

const ROOT: &str = "provider \"kubernetes\" {}\nvariable \"tag\" {\n  default = \"1.2\"\n}\n";

fn root(image: &str) -> String {
    format!("{ROOT}{}", deployment("a", image, ""))
}

/// The files that make a site unsure.
fn unnamed(scan: &Scan) -> Vec<String> {
    let all = scan.sites().flat_map(|(_, site)| &site.unnamed);
    all.map(|(variable, file)| format!("{variable} {file}"))
        .collect()
}

#[test]
fn a_var_file_that_nothing_names_makes_unsure_what_it_sets() {
    let text = root("\"repo/a:api-${var.tag}\"");
    for file in [
        "s/prod.tfvars",
        "s/config/production.tfvars",
        "s/env/prod/terraform.tfvars",
        "s/env/prod.auto.tfvars",
        "environments/prod.tfvars",
        "s/config/staging.tfvars.json",
    ] {
        let content = if file.ends_with(".json") {
            "{\"tag\": \"1.3\"}"
        } else {
            "tag = \"1.3\"\n"
        };
        let scan = scanned(&[("s/main.tf", &text), (file, content)]);
        assert_eq!(unnamed(&scan), [format!("var.tag {file}")], "{file}");
        let root = RepoPath::new("s").unwrap();
        assert_eq!(
            scan.unnamed_var_files[&root],
            [RepoPath::new(file).unwrap()]
        );
        let notes = scan.problems.iter().filter(|one| one.file == root);
        let what: Vec<&str> = notes.map(|one| one.what.as_str()).collect();
        assert_eq!(what.len(), 1, "{what:?}");
        assert!(
            what[0].starts_with(&format!("{file} sets variables of this root"))
                && what[0].contains("[[environment]]"),
            "{what:?}"
        );
    }
}

#[test]
fn a_var_file_that_is_loaded_or_sets_something_else_changes_nothing() {
    let text = root("\"repo/a:api-${var.tag}\"");
    for (file, content) in [
        ("s/terraform.tfvars", "tag = \"1.3\"\n"),
        ("s/x.auto.tfvars", "tag = \"1.3\"\n"),
        ("s/x.auto.tfvars.json", "{\"tag\": \"1.3\"}"),
        ("s/prod.tfvars", "region = \"eu\"\n"),
        ("t/main.tf", "provider \"x\" {}\n"),
        ("s/.terraform/prod.tfvars", "tag = \"1.3\"\n"),
    ] {
        let scan = scanned(&[("s/main.tf", &text), (file, content)]);
        assert_eq!(unnamed(&scan), [] as [String; 0], "{file}");
        assert!(scan.unnamed_var_files.is_empty(), "{file}");
    }
}

#[test]
fn the_var_file_of_another_root_is_not_meant() {
    let text = root("\"repo/a:${var.tag}\"");
    let other = "provider \"x\" {}\nvariable \"tag\" {}\n";
    let scan = scanned(&[
        ("s/main.tf", &text),
        ("t/main.tf", other),
        ("t/prod.tfvars", "tag = \"1.3\"\n"),
    ]);
    assert_eq!(unnamed(&scan), [] as [String; 0]);
    let roots: Vec<String> = scan
        .unnamed_var_files
        .keys()
        .map(ToString::to_string)
        .collect();
    assert_eq!(roots, ["t"]);
}

#[test]
fn a_var_file_beside_the_roots_is_meant_for_each_that_has_the_variable() {
    let scan = scanned(&[
        ("a/main.tf", &root("\"repo/a:${var.tag}\"")),
        ("b/main.tf", &root("\"repo/b:${var.tag}\"")),
        ("c/main.tf", "provider \"x\" {}\n"),
        ("env/prod.tfvars", "tag = \"1.3\"\n"),
    ]);
    assert_eq!(unnamed(&scan), ["var.tag env/prod.tfvars"; 2]);
    assert_eq!(scan.unnamed_var_files.len(), 2);
}

#[test]
fn an_encrypted_var_file_that_nothing_names_may_set_anything() {
    let scan = scanned(&[
        ("s/main.tf", &root("\"repo/a:${var.tag}\"")),
        ("s/secret.tfvars", "\0GITCRYPT\0xyz"),
    ]);
    assert_eq!(unnamed(&scan), ["var.tag s/secret.tfvars"]);
}

#[test]
fn an_environment_says_what_is_passed() {
    let mut all = Files::default();
    for (path, text) in [
        ("s/main.tf", root("\"repo/a:api-${var.tag}\"").as_str()),
        ("s/prod.tfvars", "tag = \"1.3\"\n"),
        ("s/dev.tfvars", "tag = \"1.4\"\n"),
    ] {
        let entry = Entry::Text(text.as_bytes().into());
        all.insert(RepoPath::new(path).unwrap(), entry);
    }
    let environment = RootEnvironment {
        root: RepoPath::new("s").unwrap(),
        name: "prod".into(),
        var_files: vec!["prod.tfvars".into()],
        workspace: None,
    };
    let settings = ScanSettings {
        project: RunSettings {
            environments: vec![environment],
            ..RunSettings::default()
        },
        ..ScanSettings::default()
    };
    let scan = scan(&all, &settings);
    assert_eq!(unnamed(&scan), [] as [String; 0]);
    assert_eq!(
        of(&scan, "repo/a:api-${var.tag}").reference.as_deref(),
        Some("repo/a:api-1.3")
    );
}

#[test]
fn terragrunt_names_the_files_that_it_passes_or_reads() {
    let inputs = "inputs = jsondecode(read_tfvars_file(\"prod.tfvars\"))\n";
    let arguments = "terraform {\n  extra_arguments \"x\" {\n    commands = [\"apply\"]\n    required_var_files = [\"${get_terragrunt_dir()}/prod.tfvars\"]\n  }\n}\n";
    for unit in [inputs, arguments] {
        let scan = scanned(&[
            ("s/main.tf", &root("\"repo/a:api-${var.tag}\"")),
            ("s/prod.tfvars", "tag = \"1.3\"\n"),
            ("s/terragrunt.hcl", unit),
        ]);
        assert_eq!(unnamed(&scan), [] as [String; 0], "{unit}");
        assert_eq!(
            of(&scan, "repo/a:api-${var.tag}").reference.as_deref(),
            Some("repo/a:api-1.3"),
            "{unit}"
        );
    }
}

#[test]
fn a_variable_that_only_such_a_file_sets_is_not_without_a_value() {
    let text = format!(
        "provider \"x\" {{}}\nvariable \"tag\" {{}}\n{}",
        deployment("a", "\"repo/a:${var.tag}\"", "")
    );
    let scan = scanned(&[
        ("s/main.tf", &text),
        ("s/prod.tfvars", "tag = \"1.3\"\n"),
        ("s/dev.tfvars", "tag = \"1.4\"\n"),
    ]);
    let Fate::Component(why) = &of(&scan, "repo/a:${var.tag}").fate else {
        panic!("{scan:?}")
    };
    assert!(
        why.ends_with("var.tag is set by s/dev.tfvars and s/prod.tfvars only, which nothing loads"),
        "{why}"
    );
}

#[test]
fn how_often_something_is_made_is_unknown_where_such_a_file_takes_part() {
    let module = "variable \"on\" {}\nvariable \"tag\" {}\nresource \"kubernetes_pod\" \"p\" {\n  count = var.on ? 1 : 0\n  metadata {\n    name = \"p\"\n  }\n  spec {\n    container {\n      name  = \"c\"\n      image = \"repo/p:${var.tag}\"\n    }\n  }\n}\n";
    let root = |call: &str, rest: &str| {
        format!(
            "provider \"x\" {{}}\nvariable \"on\" {{\n  default = false\n}}\nlocals {{\n  many = var.on ? 1 : 0\n}}\nmodule \"p\" {{\n  source = \"./p\"\n  tag    = \"1.2\"\n  {call}\n}}\n{rest}"
        )
    };
    for call in [
        "on = var.on",
        "on = local.many == 1",
        "on    = true\n  count = local.many",
        "on       = true\n  for_each = toset(var.on ? [\"a\"] : [])",
        "on = !(!var.on)",
    ] {
        for (sets, instances) in [("on = true\n", None), ("off = true\n", Some(0))] {
            let scan = scanned(&[
                ("s/main.tf", &root(call, "")),
                ("s/p/main.tf", module),
                ("s/prod.tfvars", sets),
            ]);
            let uses = &of(&scan, "1.2").uses;
            assert_eq!(uses[0].instances, instances, "{call} {sets}");
        }
    }
}
