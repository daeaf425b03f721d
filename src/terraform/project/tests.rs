use super::*;
use crate::terraform::eval;
use crate::terraform::files::Entry;
use crate::terraform::hcl::Source;
use crate::terraform::instance::Instance;
use crate::terraform::sources::RootEnvironment;
use crate::terraform::value::Value;

pub fn path(path: &str) -> RepoPath {
    RepoPath::new(path).unwrap()
}

pub fn files(all: &[(&str, &str)]) -> Files {
    let mut files = Files::default();
    for (name, text) in all {
        files.insert(path(name), Entry::Text(text.as_bytes().into()));
    }
    files
}

pub fn show(value: &Value) -> String {
    eval::to_json(value).map_or_else(
        |why| format!("{:?} {}", why.kind, why.what),
        |json| json.to_string(),
    )
}

/// Looks at one root: `dir` or `dir@environment`.
pub fn in_root<T: Send>(
    all: &[(&str, &str)],
    settings: &RunSettings,
    root: &str,
    look: impl Fn(&RootWalk<'_>) -> T + Sync,
) -> T {
    let walked = each_root(&files(all), settings, |walk| {
        (name(walk.root()) == root).then(|| look(walk))
    });
    let names = names(&walked);
    walked
        .roots
        .into_iter()
        .find_map(|(_, found)| found)
        .unwrap_or_else(|| panic!("no root {root}: {names:?}"))
}

/// Looks at the first root.
pub fn in_first<T: Send>(
    all: &[(&str, &str)],
    settings: &RunSettings,
    look: impl Fn(&RootWalk<'_>) -> T + Sync,
) -> T {
    let walked = each_root(&files(all), settings, |_| ());
    in_root(
        all,
        settings,
        &name(&walked.roots.first().expect("a root").0),
        look,
    )
}

/// Evaluates an expression in a module instance of a root.
pub fn ask_in(
    all: &[(&str, &str)],
    settings: &RunSettings,
    root: &str,
    address: &str,
    expr: &str,
) -> String {
    in_root(all, settings, root, |walk| {
        let instances = walk.instances();
        let instance = instances
            .iter()
            .find(|instance| instance.address() == address)
            .unwrap_or_else(|| panic!("{instances:?}"));
        show(&evaluate(instance, expr))
    })
}

pub fn evaluate(instance: &Instance<'_>, expr: &str) -> Value {
    let source = Source::parse(path("ask.tf"), format!("x = {expr}\n").as_bytes().into()).unwrap();
    instance.eval(&source.body.get_attribute("x").unwrap().value, &source)
}

pub fn ask(all: &[(&str, &str)], expr: &str) -> String {
    ask_in(all, &RunSettings::default(), ".", "", expr)
}

fn name(root: &Root) -> String {
    root.environment.as_ref().map_or_else(
        || root.dir.to_string(),
        |environment| format!("{}@{environment}", root.dir),
    )
}

fn names<T>(walked: &Walked<T>) -> Vec<String> {
    let mark = |root: &Root| {
        if root.kind == RootKind::Orphan {
            "?"
        } else {
            ""
        }
    };
    walked
        .roots
        .iter()
        .map(|(root, _)| name(root) + mark(root))
        .collect()
}

/// Roots, orphans with a question mark.
fn roots(all: &[(&str, &str)], settings: &RunSettings) -> Vec<String> {
    names(&each_root(&files(all), settings, |_| ()))
}

fn problems(all: &[(&str, &str)]) -> Vec<String> {
    let mut walked = each_root(&files(all), &RunSettings::default(), |walk| {
        walk.instances();
        walk.problems()
    });
    walked
        .problems
        .extend(walked.roots.into_iter().flat_map(|(_, problems)| problems));
    walked
        .problems
        .iter()
        .map(|problem| format!("{}: {}", problem.file, problem.what))
        .collect()
}

#[test]
fn a_folder_that_nothing_calls_is_a_root_when_something_says_so() {
    let plain = "variable \"a\" {\n  default = 1\n}\n";
    let open = "variable \"a\" {}\n";
    type Case<'c> = (&'c [(&'c str, &'c str)], &'c [&'c str]);
    let cases: &[Case<'_>] = &[
        (&[("main.tf", plain)], &["."]),
        (&[("app/main.tf", open)], &["app?"]),
        (&[("modules/app/main.tf", plain)], &["modules/app?"]),
        (
            &[
                ("modules/app/main.tf", plain),
                ("modules/app/terraform.tfvars", "a = 2\n"),
            ],
            &["modules/app"],
        ),
        (
            &[("app/main.tf", open), ("app/x.tfvars", "a = 2\n")],
            &["app"],
        ),
        (
            &[("app/main.tf", open), ("app/.terraform.lock.hcl", "")],
            &["app"],
        ),
        (
            &[("app/main.tf", "variable \"a\" {}\nprovider \"x\" {}\n")],
            &["app"],
        ),
        (
            &[(
                "app/main.tf",
                "variable \"a\" {}\nterraform {\n  backend \"s3\" {}\n}\n",
            )],
            &["app"],
        ),
        (
            &[(
                "app/main.tf",
                "variable \"a\" {}\nterraform {\n  cloud {}\n}\n",
            )],
            &["app"],
        ),
        (
            &[
                ("main.tf", "module \"a\" {\n  source = \"./app\"\n}\n"),
                ("app/main.tf", plain),
            ],
            &["."],
        ),
    ];
    for (all, expected) in cases {
        assert_eq!(roots(all, &RunSettings::default()), *expected, "{all:?}");
    }
}

#[test]
fn the_settings_name_roots_and_environments_and_leave_folders_out() {
    let all = &[
        (
            "main.tf",
            "module \"a\" {\n  source = \"./modules/app\"\n}\n",
        ),
        ("modules/app/main.tf", ""),
        ("templates/x/main.tf", ""),
        ("b/main.tf", ""),
    ];
    let environment = |name: &str| RootEnvironment {
        root: path("b"),
        name: name.into(),
        ..RootEnvironment::default()
    };
    let settings = RunSettings {
        roots: vec![path("modules/app")],
        exclude: vec!["templates/**".into()],
        environments: vec![environment("prod"), environment("dev")],
        ..RunSettings::default()
    };
    assert_eq!(
        roots(all, &settings),
        [".", "b@prod", "b@dev", "modules/app"]
    );
}

#[test]
fn a_unit_is_a_root_unless_it_is_only_there_to_be_included() {
    let include = "include \"root\" {\n  path = find_in_parent_folders()\n}\n";
    let sourced = "include \"root\" {\n  path = find_in_parent_folders()\n}\nterraform {\n  source = \"../modules//app\"\n}\n";
    let all = &[
        ("terragrunt.hcl", "remote_state {}\n"),
        ("a/terragrunt.hcl", include),
        ("a/main.tf", ""),
        ("b/terragrunt.hcl", sourced),
        ("c/terragrunt.hcl", include),
        ("modules/app/main.tf", ""),
    ];
    assert_eq!(roots(all, &RunSettings::default()), ["a", "b"]);
    in_root(all, &RunSettings::default(), "b", |walk| {
        assert_eq!(walk.root().module, RootModule::Folder(path("modules/app")))
    });
}

#[test]
fn a_unit_with_a_remote_source_is_a_boundary_that_gets_the_inputs() {
    let all = &[(
        "a/terragrunt.hcl",
        "terraform {\n  source = \"tfr:///x/app/y?version=1\"\n}\ninputs = {\n  image = \"nginx:1\"\n}\n",
    )];
    in_first(all, &RunSettings::default(), |walk| {
        assert_eq!(walk.root().module, RootModule::Remote);
        let calls = walk.instances()[0].remote_calls();
        assert_eq!(
            (
                calls[0].label.as_deref(),
                calls[0].source.as_str(),
                calls[0].place.line
            ),
            (None, "tfr:///x/app/y?version=1", 2)
        );
        let argument = &calls[0].arguments[0];
        assert_eq!(
            (
                argument.name.as_str(),
                show(&argument.value),
                argument.place.line
            ),
            ("image", "\"nginx:1\"".to_owned(), 5)
        );
    });
}

#[test]
fn a_units_own_files_lie_over_its_source() {
    let all = &[
        (
            "a/terragrunt.hcl",
            "terraform {\n  source = \"../modules/app\"\n}\n",
        ),
        ("a/extra.tf", "locals {\n  x = \"unit\"\n}\n"),
        ("modules/app/extra.tf", "locals {\n  x = \"module\"\n}\n"),
        ("modules/app/main.tf", "locals {\n  y = local.x\n}\n"),
    ];
    assert_eq!(
        ask_in(all, &RunSettings::default(), "a", "", "local.y"),
        "\"unit\""
    );
}

#[test]
fn what_is_not_read_is_said_once() {
    let all = &[
        ("a/main.tf.json", "{}"),
        ("b/main.tofu.json", "{}"),
        ("c/terragrunt.hcl.json", "{}"),
        ("d/terragrunt.stack.hcl", ""),
        ("e/main.tf", "resource {{{\n"),
        ("f/main.tf", "locals {\n  a = 1\n  a = 2\n}\n"),
        ("g/secret.tfvars", "\0GITCRYPT\0abc"),
        (".terraform/modules/x/main.tf", "{{{"),
    ];
    let said = problems(all);
    let starts = [
        "a/main.tf.json: not read",
        "b/main.tofu.json: not read",
        "c/terragrunt.hcl.json: not read",
        "d/terragrunt.stack.hcl: not read",
        "e/main.tf: does not parse",
        "f/main.tf: does not parse",
        "g/secret.tfvars: encrypted",
    ];
    assert_eq!(said.len(), starts.len(), "{said:?}");
    for (said, start) in said.iter().zip(starts) {
        assert!(said.starts_with(start), "{said}");
    }
}

#[test]
fn hostile_repos_end() {
    let call =
        |name: &str, source: &str| format!("module \"{name}\" {{\n  source = \"{source}\"\n}}\n");
    let own = call("a", "./");
    let (to_b, to_a) = (call("b", "../b"), call("a", "../a"));
    let outside = call("a", "../../../etc");
    let said = problems(&[
        ("main.tf", &own),
        ("x/main.tf", &outside),
        ("a/main.tf", &to_b),
        ("b/main.tf", &to_a),
        ("c/main.tf", &to_a),
    ]);
    assert!(
        said.iter().any(|said| said.contains("calls itself")),
        "{said:?}"
    );
    assert!(
        said.iter().any(|said| said.contains("leaves the repo")),
        "{said:?}"
    );

    let twice: Vec<(String, String)> = (0..30)
        .map(|n| {
            (
                format!("m{n}/main.tf"),
                call("a", &format!("../m{}", n + 1)) + &call("b", &format!("../m{}", n + 1)),
            )
        })
        .collect();
    let mut all: Vec<(&str, &str)> = twice
        .iter()
        .map(|(name, text)| (name.as_str(), text.as_str()))
        .collect();
    all.push(("m30/main.tf", ""));
    let said = problems(&all);
    assert!(
        said.iter().any(|said| said.contains("module instances")),
        "{said:?}"
    );

    let include = "include {\n  path = \"./terragrunt.hcl\"\n}\nlocals {\n  a = local.b\n  b = local.a\n  c = read_terragrunt_config(\"terragrunt.hcl\")\n}\ninputs = local.c.inputs\n";
    problems(&[("u/terragrunt.hcl", include), ("u/main.tf", "")]);
}

#[test]
fn a_long_chain_ends_in_a_limit() {
    let chain: String = (0..3000)
        .map(|n| format!("  a{n} = \"${{local.a{}}}\"\n", n + 1))
        .collect();
    let main =
        format!("locals {{\n{chain}}}\nmodule \"m\" {{\n  source = \"./m\"\n  v = local.a0\n}}\n");
    let all = [
        ("main.tf", main.as_str()),
        ("m/main.tf", "variable \"v\" {}\n"),
    ];
    let shown = in_first(&all, &RunSettings::default(), |walk| {
        show(&evaluate(&walk.instances()[1], "var.v"))
    });
    assert!(shown.starts_with("Limit"), "{shown}");
}

#[test]
fn nothing_is_called_unread_beside_a_file_that_was_not_read() {
    let all = [("main.tf", "locals {\n  a = 1\n}\n"), ("broken.tf", "{{{")];
    in_first(&all, &RunSettings::default(), |walk| {
        assert_eq!(walk.instances()[0].unread().len(), 0)
    });
}

#[test]
fn roots_are_walked_on_two_threads_in_order() {
    let names: Vec<String> = (10..60).map(|n| format!("r{n}/main.tf")).collect();
    let all: Vec<(&str, &str)> = names.iter().map(|name| (name.as_str(), "")).collect();
    let walked = each_root(&files(&all), &RunSettings::default(), |walk| {
        walk.root().dir.to_string()
    });
    let dirs: Vec<String> = walked.roots.into_iter().map(|(_, dir)| dir).collect();
    assert_eq!(
        dirs,
        names
            .iter()
            .map(|name| name[..3].to_owned())
            .collect::<Vec<_>>()
    );
}

#[test]
fn a_module_that_the_text_does_not_show_is_found_all_the_same() {
    let lib = (
        "a/lib/main.tf",
        "output \"x\" {\n  value = \"found\"\n}\nvariable \"v\" {}\n",
    );
    for source in [
        "\"./${local.lib}\"",
        "format(\"./%s\", \"lib\")",
        "\"\\u002e/lib\"",
    ] {
        let main =
            format!("locals {{\n  lib = \"lib\"\n}}\nmodule \"m\" {{\n  source = {source}\n}}\n");
        let all = &[("a/main.tf", main.as_str()), lib];
        assert_eq!(
            ask_in(all, &RunSettings::default(), "a", "", "module.m.x"),
            "\"found\"",
            "{source}"
        );
        assert_eq!(problems(all), [""; 0], "{source}");
        let walked = each_root(&files(all), &RunSettings::default(), |walk| {
            walk.instances().len()
        });
        let of_a: Vec<usize> = walked
            .roots
            .iter()
            .filter(|(root, _)| root.dir == path("a"))
            .map(|(_, count)| *count)
            .collect();
        assert_eq!(of_a, [2], "{source}");
    }
    // A source that is computed says nothing of what is called; one that is written does, in
    // whatever way.
    let call = "module \"m\" {\n  source = \"\\u002e/lib\"\n}\n";
    assert_eq!(
        roots(&[("a/main.tf", call), lib], &RunSettings::default()),
        ["a"]
    );
}

#[test]
fn what_was_parsed_is_told_once_whoever_parsed_it() {
    let all = [
        ("a/main.tf", "module \"m\" {\n  source = \"../lib\"\n}\n"),
        ("a/x.tfvars", "x = 1\n"),
        ("b/broken.tf", "{{{"),
        ("b/main.tf", ""),
        ("c/terragrunt.hcl", ""),
        ("d/values.yaml", ""),
        ("lib/main.tf", ""),
    ];
    let walked = each_root(&files(&all), &RunSettings::default(), |_| ());
    let parsed: Vec<&str> = walked.parsed.iter().map(RepoPath::as_str).collect();
    assert_eq!(
        parsed,
        [
            "a/main.tf",
            "a/x.tfvars",
            "b/main.tf",
            "c/terragrunt.hcl",
            "lib/main.tf"
        ]
    );
}

#[test]
fn a_file_is_a_root_s_own_when_no_other_root_reads_it() {
    let call = "module \"m\" {\n  source = \"../lib\"\n}\n";
    let all = &[
        ("a/main.tf", call),
        ("a/x.tfvars", ""),
        ("a/sub/main.tf", ""),
        ("ab/main.tf", ""),
        ("lib/main.tf", ""),
        ("main.tf", ""),
    ];
    let own = |settings: &RunSettings, root: &str| {
        in_root(all, settings, root, |walk| {
            let names = all.iter().map(|(name, _)| *name);
            names
                .filter(|name| walk.is_own(&path(name)))
                .collect::<Vec<_>>()
                .join(" ")
        })
    };
    assert_eq!(own(&RunSettings::default(), "a"), "a/main.tf");
    assert_eq!(own(&RunSettings::default(), "."), "main.tf");
    let environment = |name: &str| RootEnvironment {
        root: path("a"),
        name: name.into(),
        ..RootEnvironment::default()
    };
    let two = RunSettings {
        environments: vec![environment("x"), environment("y")],
        ..RunSettings::default()
    };
    assert_eq!(own(&two, "a@x"), "");
    assert_eq!(
        own(
            &RunSettings {
                roots: vec![path("lib")],
                ..RunSettings::default()
            },
            "lib"
        ),
        ""
    );
}
