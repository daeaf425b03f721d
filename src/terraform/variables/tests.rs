use super::*;
use crate::terraform::project::tests::{ask, ask_in, in_first, path, show};
use crate::terraform::sources::{RootEnvironment, RunSettings};

const DECLARED: &str = "variable \"v\" {\n  type    = string\n  default = \"default\"\n}\n";

/// Every place that can set a variable of a unit, strongest first; each sets `v` to its own name.
fn places() -> Vec<(Setter, &'static str, String)> {
    vec![
        (
            Setter::VarFile,
            "env.tfvars",
            "v = \"environment\"\n".into(),
        ),
        (Setter::VarFile, "all.tfvars", "v = \"settings\"\n".into()),
        (
            Setter::ExtraArguments,
            "u/later.tfvars",
            "v = \"later\"\n".into(),
        ),
        (
            Setter::ExtraArguments,
            "u/extra.tfvars",
            "v = \"extra\"\n".into(),
        ),
        (
            Setter::AutoTfvars,
            "u/b.auto.tfvars",
            "v = \"auto b\"\n".into(),
        ),
        (
            Setter::AutoTfvars,
            "u/a.auto.tfvars.json",
            "{\"v\": \"auto a\"}".into(),
        ),
        (
            Setter::Tfvars,
            "u/terraform.tfvars.json",
            "{\"v\": \"tfvars json\"}".into(),
        ),
        (
            Setter::Tfvars,
            "u/terraform.tfvars",
            "v = \"tfvars\"\n".into(),
        ),
        (Setter::Inputs, "u/terragrunt.hcl", String::new()),
        (Setter::Default, "u/main.tf", DECLARED.into()),
    ]
}

fn unit(inputs: bool) -> String {
    let inputs = if inputs {
        "inputs = {\n  v = \"inputs\"\n}\n"
    } else {
        ""
    };
    format!(
        "terraform {{\n  extra_arguments \"x\" {{\n    commands = [\"plan\", \"apply\"]\n    optional_var_files = [\"extra.tfvars\", \"${{get_terragrunt_dir()}}/later.tfvars\"]\n  }}\n}}\n{inputs}"
    )
}

#[test]
fn each_setter_beats_the_ones_below_it() {
    let places = places();
    for (strong, first) in places.iter().enumerate() {
        for weak in &places[strong + 1..] {
            let uses_inputs = first.0 == Setter::Inputs || weak.0 == Setter::Inputs;
            let unit = unit(uses_inputs);
            let mut all = vec![
                ("u/terragrunt.hcl", unit.as_str()),
                (
                    "u/main.tf",
                    if weak.0 == Setter::Default {
                        DECLARED
                    } else {
                        "variable \"v\" {}\n"
                    },
                ),
            ];
            all.extend(
                [first, weak]
                    .iter()
                    .filter(|place| !matches!(place.0, Setter::Inputs | Setter::Default))
                    .map(|place| (place.1, place.2.as_str())),
            );
            let has = |name: &str| all.iter().any(|(file, _)| *file == name);
            let environment = RootEnvironment {
                root: path("u"),
                name: "e".into(),
                var_files: if has("env.tfvars") {
                    vec!["../env.tfvars".into()]
                } else {
                    Vec::new()
                },
                workspace: None,
            };
            let var_files = if has("all.tfvars") {
                vec!["all.tfvars".into()]
            } else {
                Vec::new()
            };
            let settings = RunSettings {
                var_files,
                environments: vec![environment],
                ..RunSettings::default()
            };
            in_first(&all, &settings, |walk| {
                let binding = walk.instances()[0].binding("v").unwrap();
                assert_eq!(
                    binding
                        .setter
                        .as_ref()
                        .map(|(setter, place)| (*setter, place.file.as_str())),
                    Some((first.0, first.1)),
                    "{all:?}"
                );
                let overridden: Vec<_> = binding
                    .overridden
                    .iter()
                    .map(|given| (given.setter, given.place.file.as_str()))
                    .collect();
                assert_eq!(overridden, [(weak.0, weak.1)], "{all:?}");
            });
        }
    }
}

#[test]
fn a_module_call_beats_the_default_and_nothing_else_reaches_a_child() {
    let all = &[
        (
            "main.tf",
            "module \"m\" {\n  source = \"./m\"\n  v = \"call\"\n}\n",
        ),
        ("terraform.tfvars", "v = \"tfvars\"\n"),
        ("m/main.tf", DECLARED),
    ];
    in_first(all, &RunSettings::default(), |walk| {
        let binding = walk.instances()[1].binding("v").unwrap();
        assert_eq!(show(&binding.value), "\"call\"");
        assert_eq!(
            binding
                .setter
                .as_ref()
                .map(|(setter, place)| (*setter, place.line)),
            Some((Setter::Call, 3))
        );
        assert_eq!(binding.overridden.len(), 1);
        let undeclared = walk.instances()[0].undeclared();
        assert_eq!(
            undeclared
                .iter()
                .map(|(name, given)| (name.as_str(), given.place.file.as_str()))
                .collect::<Vec<_>>(),
            [("v", "terraform.tfvars")]
        );
    });
}

#[test]
fn var_arguments_and_environment_variables_of_terragrunt_count() {
    let unit = "terraform {\n  extra_arguments \"x\" {\n    commands  = [\"plan\"]\n    arguments = [\"-var\", \"v=one\", \"-var=w=two=2\"]\n    env_vars  = { TF_VAR_e = \"env\" }\n  }\n  extra_arguments \"init\" {\n    commands  = [\"init\"]\n    arguments = [\"-var\", \"v=no\"]\n  }\n}\n";
    let all = &[
        ("terragrunt.hcl", unit),
        (
            "main.tf",
            "variable \"v\" {}\nvariable \"w\" {}\nvariable \"e\" {}\n",
        ),
    ];
    assert_eq!(
        ask(all, "[var.v, var.w, var.e]"),
        "[\"one\",\"two=2\",\"env\"]"
    );
    in_first(all, &RunSettings::default(), |walk| {
        assert_eq!(
            walk.instances()[0]
                .binding("v")
                .unwrap()
                .setter
                .as_ref()
                .unwrap()
                .1
                .line,
            4
        );
    });
}

#[test]
fn an_unreadable_var_file_may_set_what_nothing_stronger_sets() {
    let unit = "terraform {\n  extra_arguments \"x\" {\n    commands           = [\"plan\"]\n    required_var_files = [\"${get_repo_root()}/secret.tfvars\"]\n  }\n}\n";
    let all = &[
        ("u/terragrunt.hcl", unit),
        ("secret.tfvars", "\0GITCRYPT\0"),
        ("env.tfvars", "strong = \"s\"\n"),
        (
            "u/main.tf",
            "variable \"strong\" {}\nvariable \"weak\" {\n  default = \"w\"\n}\nvariable \"none\" {}\n",
        ),
    ];
    let environment = RootEnvironment {
        root: path("u"),
        name: "e".into(),
        var_files: vec!["env.tfvars".into()],
        workspace: None,
    };
    let settings = RunSettings {
        environments: vec![environment],
        ..RunSettings::default()
    };
    let unreadable = |name: &str| {
        in_first(all, &settings, |walk| {
            walk.instances()[0].unreadable_overrides(name)
        })
    };
    assert_eq!(unreadable("strong"), []);
    assert_eq!(unreadable("weak"), [path("secret.tfvars")]);
    assert_eq!(ask_in(all, &settings, "u@e", "", "var.weak"), "\"w\"");
    assert_eq!(
        ask_in(all, &settings, "u@e", "", "var.none"),
        "UnreadableSource var.none"
    );
}

#[test]
fn values_are_converted_to_the_declared_type() {
    let cases = [
        ("string", "12", "\"12\""),
        ("string", "true", "\"true\""),
        ("number", "\"3\"", "3"),
        ("bool", "\"false\"", "false"),
        ("list(string)", "[1, \"b\"]", "[\"1\",\"b\"]"),
        ("set(string)", "[\"b\", \"a\", \"b\"]", "[\"a\",\"b\"]"),
        ("map(number)", "{ a = \"1\" }", "{\"a\":1}"),
        (
            "object({ a = string, b = optional(number, 5), c = optional(string) })",
            "{ a = 1, z = 2 }",
            "{\"a\":\"1\",\"b\":5,\"c\":null}",
        ),
        (
            "map(object({ t = optional(string, \"x\") }))",
            "{ k = { t = null } }",
            "{\"k\":{\"t\":\"x\"}}",
        ),
        ("tuple([string, number])", "[1, \"2\"]", "[\"1\",2]"),
        ("any", "{ a = 1 }", "{\"a\":1}"),
        (
            "list(string)",
            "\"a\"",
            "Invalid var.v is of another type than declared",
        ),
        (
            "object({ a = string })",
            "{}",
            "Invalid var.v.a is required and not set",
        ),
    ];
    for (of, value, expected) in cases {
        let declared = format!("variable \"v\" {{\n  type = {of}\n}}\n");
        let given = format!("v = {value}\n");
        assert_eq!(
            ask(
                &[("main.tf", &declared), ("terraform.tfvars", &given)],
                "var.v"
            ),
            expected,
            "{of} = {value}"
        );
    }
}

#[test]
fn null_falls_back_to_the_default_only_where_null_is_refused() {
    let child = |nullable: &str| format!("variable \"v\" {{\n  default = \"d\"\n{nullable}}}\n");
    let ask = |nullable: &str| {
        ask_in(
            &[
                (
                    "main.tf",
                    "module \"m\" {\n  source = \"./m\"\n  v = null\n}\n",
                ),
                ("m/main.tf", &child(nullable)),
            ],
            &RunSettings::default(),
            ".",
            "module.m",
            "var.v",
        )
    };
    assert_eq!(ask(""), "null");
    assert_eq!(ask("  nullable = false\n"), "\"d\"");
}

#[test]
fn a_value_keeps_the_place_of_its_literal() {
    let all = &[
        (
            "main.tf",
            "variable \"v\" {\n  type = object({ image = string })\n}\n",
        ),
        (
            "terraform.tfvars.json",
            "{\n \"v\": {\"image\": \"nginx:1\"}\n}\n",
        ),
    ];
    in_first(all, &RunSettings::default(), |walk| {
        let value = crate::terraform::project::tests::evaluate(&walk.instances()[0], "var.v.image");
        let Value::Text(text) = value else {
            panic!("{value:?}")
        };
        let Piece::Known {
            origin: Some(origin),
            ..
        } = &text.pieces()[0]
        else {
            panic!("no origin")
        };
        assert_eq!(&all[1].1[origin.span.range()], "nginx:1");
    });
}
