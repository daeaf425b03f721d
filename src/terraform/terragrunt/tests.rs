use super::*;
use crate::terraform::project::tests::{ask_in, files, in_first, path, show};
use crate::terraform::sources::RunSettings;

/// Evaluates `inputs.x` of the unit in folder `a/b`, whose root module just declares it.
fn input(all: &[(&str, &str)]) -> String {
    let mut all = all.to_vec();
    all.push(("a/b/main.tf", "variable \"x\" {}\n"));
    ask_in(&all, &RunSettings::default(), "a/b", "", "var.x")
}

fn expression(expr: &str) -> String {
    let unit = format!(
        "include \"top\" {{\n  path = find_in_parent_folders(\"top.hcl\")\n}}\ninputs = {{\n  x = {expr}\n}}\n"
    );
    input(&[
        ("a/b/terragrunt.hcl", &unit),
        ("top.hcl", ""),
        (
            "a/near.hcl",
            "locals {\n  n = \"near\"\n  d = get_terragrunt_dir()\n  o = get_original_terragrunt_dir()\n}\ninputs = {\n  i = 1\n}\n",
        ),
        ("a/b/f.txt", "text"),
        ("t.tfvars", "t = \"1.2\"\n"),
    ])
}

#[test]
fn path_functions_give_paths_below_the_top() {
    let cases = [
        (
            "find_in_parent_folders(\"near.hcl\")",
            "\"/repo/a/near.hcl\"",
        ),
        (
            "find_in_parent_folders(\"none.hcl\", \"fallback\")",
            "\"fallback\"",
        ),
        (
            "find_in_parent_folders(\"none.hcl\")",
            "Missing none.hcl in the folders above a/b",
        ),
        ("get_terragrunt_dir()", "\"/repo/a/b\""),
        ("basename(get_terragrunt_dir())", "\"b\""),
        (
            "dirname(find_in_parent_folders(\"near.hcl\"))",
            "\"/repo/a\"",
        ),
        ("get_parent_terragrunt_dir()", "\"/repo\""),
        ("get_parent_terragrunt_dir(\"top\")", "\"/repo\""),
        ("path_relative_to_include()", "\"a/b\""),
        ("path_relative_from_include()", "\"../..\""),
        ("get_repo_root()", "\"/repo\""),
        ("get_path_to_repo_root()", "\"../..\""),
        ("get_path_from_repo_root()", "\"a/b\""),
        ("file(\"${get_terragrunt_dir()}/f.txt\")", "\"text\""),
        ("file(\"f.txt\")", "\"text\""),
        (
            "read_terragrunt_config(find_in_parent_folders(\"near.hcl\")).locals.n",
            "\"near\"",
        ),
        ("read_terragrunt_config(\"../near.hcl\").inputs.i", "1"),
        (
            "read_terragrunt_config(\"../near.hcl\").locals.d",
            "\"/repo/a\"",
        ),
        (
            "read_terragrunt_config(\"../near.hcl\").locals.o",
            "\"/repo/a/b\"",
        ),
        (
            "jsondecode(read_tfvars_file(\"../../t.tfvars\")).t",
            "\"1.2\"",
        ),
        (
            "read_terragrunt_config(\"none.hcl\", { locals = { n = 2 } }).locals.n",
            "2",
        ),
    ];
    for (expr, expected) in cases {
        assert_eq!(expression(expr), expected, "{expr}");
    }
}

#[test]
fn what_only_a_run_knows_is_unknown() {
    let cases = [
        ("get_env(\"X\")", "Environment X"),
        ("get_env(\"X\", \"d\")", "\"d\""),
        (
            "dependency.d.outputs.y",
            "Dependency dependency.d.outputs.y",
        ),
        ("run_cmd(\"date\")", "RunTime run_cmd"),
        ("get_platform()", "RunTime get_platform"),
        ("get_aws_account_id()", "Environment get_aws_account_id"),
        (
            "yamldecode(sops_decrypt_file(\"s.yaml\")).a",
            "UnreadableSource sops_decrypt_file s.yaml",
        ),
        ("local.nothing", "NotDeclared local.nothing"),
    ];
    for (expr, expected) in cases {
        assert_eq!(expression(expr), expected, "{expr}");
    }
}

const INCLUDED: &str = "locals {\n  l = \"exposed\"\n}\ninputs = {\n  x = { a = \"top\", b = \"top\" }\n  y = [1]\n}\n";

fn merged_input(include: &str, inputs: &str) -> String {
    let unit = format!("{include}inputs = {inputs}\n");
    input(&[
        ("a/b/terragrunt.hcl", &unit),
        ("top.hcl", INCLUDED),
        ("a/mid.hcl", "inputs = {\n  x = \"mid\"\n}\n"),
    ])
}

#[test]
fn includes_are_merged_by_their_strategy() {
    let top = |strategy: &str| {
        format!(
            "include \"top\" {{\n  path           = find_in_parent_folders(\"top.hcl\")\n  merge_strategy = \"{strategy}\"\n}}\n"
        )
    };
    assert_eq!(
        merged_input(&top("shallow"), "{ x = { a = \"unit\" } }"),
        "{\"a\":\"unit\"}"
    );
    assert_eq!(
        merged_input(&top("deep"), "{ x = { a = \"unit\" } }"),
        "{\"a\":\"unit\",\"b\":\"top\"}"
    );
    assert_eq!(merged_input(&top("no_merge"), "{}"), "VariableNotSet var.x");
    assert_eq!(
        merged_input(&top("shallow"), "{}"),
        "{\"a\":\"top\",\"b\":\"top\"}"
    );
}

#[test]
fn of_two_includes_the_later_one_is_stronger() {
    let include = |name: &str| {
        format!("include \"{name}\" {{\n  path = find_in_parent_folders(\"{name}.hcl\")\n}}\n")
    };
    assert_eq!(
        merged_input(&(include("top") + &include("mid")), "{}"),
        "\"mid\""
    );
    assert_eq!(
        merged_input(&(include("mid") + &include("top")), "{}"),
        "{\"a\":\"top\",\"b\":\"top\"}"
    );
}

#[test]
fn exposed_includes_show_their_locals_and_inputs() {
    let labelled =
        "include \"top\" {\n  path   = find_in_parent_folders(\"top.hcl\")\n  expose = true\n}\n";
    let bare = "include {\n  path   = find_in_parent_folders(\"top.hcl\")\n  expose = true\n}\n";
    let hidden = "include \"top\" {\n  path = find_in_parent_folders(\"top.hcl\")\n}\n";
    assert_eq!(
        merged_input(labelled, "{ x = include.top.locals.l }"),
        "\"exposed\""
    );
    assert_eq!(
        merged_input(labelled, "{ x = include.top.inputs.y }"),
        "[1]"
    );
    assert_eq!(
        merged_input(bare, "{ x = include.locals.l }"),
        "\"exposed\""
    );
    assert!(merged_input(hidden, "{ x = include.top.locals.l }").starts_with("NotDeclared"));
}

#[test]
fn inputs_may_be_a_merge_of_which_a_part_is_unknown() {
    let all = |order: &str| {
        let unit = format!(
            "locals {{\n  s = jsondecode(sops_decrypt_file(\"s.json\"))\n}}\ninputs = merge({order})\n"
        );
        input(&[("a/b/terragrunt.hcl", &unit)])
    };
    assert_eq!(all("local.s, { x = 1 }"), "1");
    assert_eq!(all("{ x = 1 }, local.s"), "1");
    assert_eq!(all("local.s"), "UnreadableSource var.x");
    let unit = "inputs = merge({ x = 1 }, jsondecode(sops_decrypt_file(\"s.json\")))\n";
    let all = [
        ("a/terragrunt.hcl", unit),
        ("a/main.tf", "variable \"x\" {}\n"),
    ];
    let overrides = in_first(&all, &RunSettings::default(), |walk| {
        walk.instances()[0].unreadable_overrides("x")
    });
    assert_eq!(overrides, [path("a/terragrunt.hcl")]);
}

#[test]
fn a_source_is_local_or_remote() {
    let cases = [
        ("../../modules//app", Location::Local(path("modules/app"))),
        (
            "${get_repo_root()}/modules/app?ref=x",
            Location::Local(path("modules/app")),
        ),
        (
            "${get_repo_root()}//modules/app",
            Location::Local(path("modules/app")),
        ),
        (
            "${find_in_parent_folders(\"modules\")}/app",
            Location::Local(path("modules/app")),
        ),
        (".", Location::Local(path("a/b"))),
        (
            "git::https://git.example.com/x.git//m?ref=v1",
            Location::Remote("git::https://git.example.com/x.git//m?ref=v1".into()),
        ),
        (
            "tfr:///a/b/c?version=1",
            Location::Remote("tfr:///a/b/c?version=1".into()),
        ),
        ("${get_env(\"BASE\")}//m", Location::Remote("?//m".into())),
        (
            "../../../outside",
            Location::Remote("../../../outside".into()),
        ),
    ];
    for (source, expected) in cases {
        let unit = format!("terraform {{\n  source = \"{source}\"\n}}\n");
        let all = files(&[
            ("a/b/terragrunt.hcl", &unit),
            ("modules/app/main.tf", ""),
            ("modules/x.txt", ""),
        ]);
        let sources = Sources::read(&all, &RunSettings::default());
        let unit = TerragruntUnit::open(&all, &sources, &path("a/b")).unwrap();
        assert_eq!(
            unit.source().map(|(location, _)| location),
            Some(expected),
            "{source}"
        );
    }
}

#[test]
fn extra_arguments_of_an_include_come_first_and_are_replaced_by_name() {
    let parent = "terraform {\n  extra_arguments \"a\" {\n    optional_var_files = [\"${get_parent_terragrunt_dir()}/p.tfvars\"]\n  }\n  extra_arguments \"b\" {\n    arguments = [\"-var-file=b.tfvars\"]\n  }\n}\n";
    let child = "include {\n  path = find_in_parent_folders(\"top.hcl\")\n}\nterraform {\n  extra_arguments \"b\" {\n    arguments = [\"-var-file\", \"c.tfvars\"]\n  }\n}\n";
    let all = files(&[("a/b/terragrunt.hcl", child), ("top.hcl", parent)]);
    let sources = Sources::read(&all, &RunSettings::default());
    let unit = TerragruntUnit::open(&all, &sources, &path("a/b")).unwrap();
    let paths: Vec<String> = unit
        .arguments()
        .iter()
        .map(|argument| {
            if let ExtraArgument::VarFile { path, .. } = argument {
                show(path)
            } else {
                String::new()
            }
        })
        .collect();
    assert_eq!(paths, ["\"/repo/p.tfvars\"", "\"c.tfvars\""]);
}
