use crate::terraform::project::tests::{ask, ask_in, in_first, show};
use crate::terraform::sources::{RootEnvironment, RunSettings};

const RESOURCES: &str = r#"
locals {
  a = local.b
  b = local.a
  deep = { x = "found" }
}
resource "kubernetes_namespace" "one" {
  metadata {
    name = "ns"
    labels = { "a.b/c" = "l" }
  }
}
resource "kubernetes_namespace" "each" {
  for_each = toset(["k", "l"])
  metadata {
    name = "ns-${each.key}"
  }
}
resource "r" "counted" {
  count = 2
  name  = "n${count.index}"
}
resource "r" "null" {
  name  = null
  other = r.null.other
}
resource "r" "maybe" {
  for_each = toset([get_nothing()])
  name     = "m-${each.key}"
}
data "kubernetes_namespace" "d" {
  metadata {
    name = "data"
  }
}
"#;

#[test]
fn references_find_what_the_text_says() {
    let cases = [
        ("kubernetes_namespace.one.metadata[0].name", "\"ns\""),
        ("kubernetes_namespace.one.metadata.0.name", "\"ns\""),
        (
            "kubernetes_namespace.one.metadata[0].labels[\"a.b/c\"]",
            "\"l\"",
        ),
        (
            "kubernetes_namespace.one.metadata[0].uid",
            "KnownAfterApply kubernetes_namespace.one.uid",
        ),
        ("kubernetes_namespace.one.id", "\"ns\""),
        (
            "kubernetes_namespace.one.metadata[1].name",
            "Invalid kubernetes_namespace.one.metadata has no such element",
        ),
        ("kubernetes_namespace.one.metadata.*.name", "[\"ns\"]"),
        ("one(kubernetes_namespace.one.metadata[*].name)", "\"ns\""),
        (
            "kubernetes_namespace.each[\"k\"].metadata[0].name",
            "\"ns-k\"",
        ),
        (
            "kubernetes_namespace.each[\"x\"].metadata[0].name",
            "Invalid kubernetes_namespace.each has no such instance",
        ),
        (
            "[for n in kubernetes_namespace.each : n.metadata[0].name]",
            "[\"ns-k\",\"ns-l\"]",
        ),
        ("keys(kubernetes_namespace.each)", "[\"k\",\"l\"]"),
        ("r.counted[1].name", "\"n1\""),
        ("r.counted[*].name", "[\"n0\",\"n1\"]"),
        ("r.null.name", "KnownAfterApply r.null.name"),
        ("r.null.other", "Cycle r.null.other"),
        ("r.maybe[\"z\"].name", "\"m-z\""),
        ("data.kubernetes_namespace.d.metadata[0].name", "\"data\""),
        (
            "data.kubernetes_namespace.d.spec[0].x",
            "KnownAfterApply data.kubernetes_namespace.d.spec",
        ),
        ("data.http.none.body", "NotDeclared data.http.none"),
        ("r.none.name", "NotDeclared r.none"),
        ("local.deep.x", "\"found\""),
        ("local.a", "Cycle local.a"),
        ("var.none", "NotDeclared var.none"),
        ("path.module", "\".\""),
        ("path.root", "\".\""),
        ("path.cwd", "\"/repo\""),
        ("terraform.workspace", "RunTime terraform.workspace"),
        ("self.name", "KnownAfterApply self"),
    ];
    for (expr, expected) in cases {
        assert_eq!(ask(&[("main.tf", RESOURCES)], expr), expected, "{expr}");
    }
}

#[test]
fn the_workspace_and_the_paths_are_those_of_the_run() {
    let all = &[
        (
            "r/main.tf",
            "module \"m\" {\n  source = \"../modules/m\"\n}\nmodule \"n\" {\n  source = \"./n\"\n}\n",
        ),
        ("r/n/main.tf", ""),
        ("r/x.txt", "root"),
        ("modules/m/main.tf", ""),
        ("modules/m/x.txt", "module"),
    ];
    let environment = RootEnvironment {
        root: crate::terraform::project::tests::path("r"),
        name: "e".into(),
        workspace: Some("w".into()),
        ..RootEnvironment::default()
    };
    let settings = RunSettings {
        environments: vec![environment],
        ..RunSettings::default()
    };
    let ask = |address: &str, expr: &str| ask_in(all, &settings, "r@e", address, expr);
    assert_eq!(ask("", "terraform.workspace"), "\"w\"");
    assert_eq!(ask("module.m", "path.module"), "\"../modules/m\"");
    assert_eq!(ask("module.n", "path.module"), "\"n\"");
    assert_eq!(ask("module.m", "path.root"), "\".\"");
    assert_eq!(
        ask("module.m", "file(\"${path.module}/x.txt\")"),
        "\"module\""
    );
    assert_eq!(ask("module.m", "file(\"x.txt\")"), "\"root\"");
    assert_eq!(ask("module.m", "file(\"${path.cwd}/x.txt\")"), "\"root\"");
}

const CALLS: &str = r#"
variable "u" {}
module "one" {
  source = "./m"
  v      = "a"
}
module "each" {
  source   = "./m"
  for_each = { k = "K", l = "L" }
  v        = each.value
}
module "count" {
  source = "./m"
  count  = 2
  v      = count.index
}
module "none" {
  source = "./m"
  count  = 0
  v      = "never"
}
module "maybe" {
  source = "./m"
  count  = var.u
  v      = "maybe"
}
module "remote" {
  source  = "example/app/kubernetes"
  version = "1"
  image   = "nginx:1"
}
module "loop" {
  source = "./m"
  v      = module.loop.ref
}
"#;

const CALLED: &str = "variable \"v\" {}\noutput \"ref\" {\n  value = \"x:${var.v}\"\n}\nresource \"r\" \"x\" {\n  name = var.v\n}\n";

#[test]
fn module_outputs_go_through_the_call() {
    let all = &[("main.tf", CALLS), ("m/main.tf", CALLED)];
    let settings = RunSettings {
        roots: vec![Default::default()],
        ..RunSettings::default()
    };
    let cases = [
        ("module.one.ref", "\"x:a\""),
        ("module.each[\"k\"].ref", "\"x:K\""),
        ("module.count[1].ref", "\"x:1\""),
        ("[for k, m in module.each : m.ref]", "[\"x:K\",\"x:L\"]"),
        ("module.count[*].ref", "[\"x:0\",\"x:1\"]"),
        ("module.none[*].ref", "[]"),
        ("module.maybe[0].ref", "\"x:maybe\""),
        (
            "module.each[\"z\"].ref",
            "Invalid module.each has no such instance",
        ),
        ("module.one.none", "NotDeclared output.none"),
        ("module.remote.x", "RemoteModule module.remote"),
        ("module.nothing.x", "NotDeclared module.nothing"),
    ];
    for (expr, expected) in cases {
        assert_eq!(ask_in(all, &settings, ".", "", expr), expected, "{expr}");
    }
    assert!(ask_in(all, &settings, ".", "", "module.loop.ref").starts_with("Cycle"));
}

#[test]
fn every_call_gives_its_own_instances() {
    let settings = RunSettings {
        roots: vec![Default::default()],
        ..RunSettings::default()
    };
    in_first(
        &[("main.tf", CALLS), ("m/main.tf", CALLED)],
        &settings,
        |walk| {
            let instances = walk.instances();
            let all: Vec<_> = instances
                .iter()
                .map(|instance| (instance.address(), instance.instances()))
                .collect();
            let expected = [
                ("", Some(1)),
                ("module.one", Some(1)),
                ("module.each[\"k\"]", Some(1)),
                ("module.each[\"l\"]", Some(1)),
                ("module.count[0]", Some(1)),
                ("module.count[1]", Some(1)),
                ("module.none", Some(0)),
                ("module.maybe", None),
                ("module.loop", Some(1)),
            ];
            assert_eq!(all, expected);
            let view = |at: usize| {
                instances[at]
                    .expand(instances[at].resources().next().unwrap())
                    .remove(0)
            };
            assert_eq!(
                (
                    view(6).instances(),
                    view(7).instances(),
                    view(3).instances()
                ),
                (Some(0), None, Some(1))
            );
            assert_eq!(show(&view(3).value("name")), "\"L\"");
            assert_eq!(instances[1].called_at().map(|place| place.line), Some(3));
            let remote = instances[0].remote_calls();
            assert_eq!(
                (
                    remote.len(),
                    remote[0].label.as_deref(),
                    remote[0].source.as_str(),
                    remote[0].place.line
                ),
                (1, Some("remote"), "example/app/kubernetes", 27)
            );
            assert_eq!(
                remote[0]
                    .arguments
                    .iter()
                    .map(|argument| (argument.name.as_str(), show(&argument.value)))
                    .collect::<Vec<_>>(),
                [("image", "\"nginx:1\"".to_owned())]
            );
        },
    );
}

#[test]
fn what_nothing_reads_is_listed() {
    let main = "locals {\n  used   = \"a\"\n  unused = \"b\"\n}\nvariable \"unused\" {\n  default = \"c\"\n  validation {\n    condition = var.unused != \"\"\n  }\n}\nvariable \"used\" {\n  default = \"d\"\n}\noutput \"x\" {\n  value = \"${local.used}${var.used}\"\n}\n";
    in_first(&[("main.tf", main)], &RunSettings::default(), |walk| {
        let unread: Vec<_> = walk.instances()[0]
            .unread()
            .iter()
            .map(|unread| (unread.name.clone(), show(&unread.value), unread.place.line))
            .collect();
        assert_eq!(
            unread,
            [
                ("local.unused".to_owned(), "\"b\"".to_owned(), 3),
                ("var.unused".to_owned(), "\"c\"".to_owned(), 6)
            ]
        );
    });
}

#[test]
fn an_orphan_has_its_defaults_and_says_so() {
    let all = &[(
        "modules/m/main.tf",
        "variable \"a\" {\n  default = \"x\"\n}\nvariable \"b\" {}\n",
    )];
    in_first(all, &RunSettings::default(), |walk| {
        assert!(walk.instances()[0].is_orphan());
    });
    assert_eq!(
        ask_in(all, &RunSettings::default(), "modules/m", "", "[var.a]"),
        "[\"x\"]"
    );
    assert_eq!(
        ask_in(all, &RunSettings::default(), "modules/m", "", "var.b"),
        "VariableNotSet var.b"
    );
}

#[test]
fn a_shared_module_of_many_resources_called_often_is_walked() {
    let resource =
        |n: usize| format!("resource \"r\" \"x{n}\" {{\n  name = \"${{var.v}}-{n}\"\n}}\n");
    let module: String = std::iter::once("variable \"v\" {}\n".to_owned())
        .chain((0..100).map(resource))
        .collect();
    let calls: String = (0..50)
        .map(|n| format!("module \"m{n}\" {{\n  source = \"./m\"\n  v = \"{n}\"\n}}\n"))
        .collect();
    in_first(
        &[("main.tf", &calls), ("m/main.tf", &module)],
        &RunSettings::default(),
        |walk| {
            let names = walk
                .instances()
                .iter()
                .flat_map(|instance| {
                    instance
                        .resources()
                        .flat_map(|block| instance.expand(block))
                })
                .filter(|view| view.value("name").as_str().is_some())
                .count();
            assert_eq!(names, 5000);
        },
    );
}

#[test]
fn one_unknown_part_hides_no_other() {
    let text = "variable \"u\" {}\n";
    let unknown = "VariableNotSet var.u";
    let some = "Elements var.u has no value in the repo";
    for (expr, expected) in [
        ("merge({ a = \"x\" }, { b = var.u }).a", "\"x\""),
        ("merge({ a = \"x\" }, { b = var.u }).b", unknown),
        ("merge(var.u, { a = \"x\" }).a", "\"x\""),
        ("merge({ a = \"x\" }, var.u).a", unknown),
        ("merge(var.u, { a = 1 }).b", unknown),
        ("try(merge(var.u, { a = 1 }).b, 2)", unknown),
        ("try(merge({ a = 1 }, { c = var.u }).b, 2)", "2"),
        ("lookup(merge(var.u, { a = 1 }), \"a\", 3)", "1"),
        ("lookup(merge(var.u, { a = 1 }), \"b\", 3)", unknown),
        ("keys(merge({ a = 1 }, var.u))", unknown),
        ("length(merge({ a = 1 }, var.u))", unknown),
        ("merge({ a = 1 }, var.u) == { a = 1 }", unknown),
        ("concat([1], var.u)[0]", "1"),
        ("concat([1], var.u)[1]", some),
        ("concat(var.u, [1])[0]", some),
        ("length(concat([1], var.u))", some),
        ("concat([1], var.u) == [1]", some),
        ("contains(concat([1], var.u), 1)", some),
        ("compact([\"a\", var.u])[0]", "\"a\""),
        ("compact([var.u, \"a\"])[0]", some),
        ("flatten([[1], var.u])[0]", "1"),
        ("[for x in concat([1], var.u) : x][0]", "1"),
        ("[for x in concat(var.u, [1]) : x][0]", some),
        ("[for x in [1, 2] : x if x == var.u][0]", some),
        (
            "{ for x in [1, 2] : \"k${x}\" => x if x > 1 || var.u }[\"k2\"]",
            "2",
        ),
        (
            "{ for x in [1, 2] : \"k${x}\" => x if x > 1 || var.u }[\"k1\"]",
            unknown,
        ),
        ("{ for x in var.u : x => 1 }[\"a\"]", unknown),
        ("{ (var.u) = 1, a = 2 }.a", "2"),
        ("{ a = 2, (var.u) = 1 }.a", unknown),
        ("{ a = 2, \"x${var.u}\" = 1 }.a", "2"),
        ("{ xa = 2, \"x${var.u}\" = 1 }.xa", unknown),
        ("yamldecode(yamlencode({ a = var.u, b = 1 })).b", "1"),
        ("yamldecode(yamlencode({ a = var.u, b = 1 })).a", unknown),
        ("yamldecode(\"a: x-${var.u}\\nb: 2\").b", "2"),
        ("yamldecode(\"a: x-${var.u}\\nb: 2\").a", unknown),
        (
            "jsondecode(jsonencode({ a = var.u, b = [1, 2] })).b[1]",
            "2",
        ),
        (
            "jsondecode(\"{\\\"a\\\": \\\"x${var.u}\\\", \\\"b\\\": true}\").b",
            "true",
        ),
        ("jsondecode(jsonencode(merge({ a = 1 }, var.u))).b", unknown),
        ("(var.u ? { a = 1 } : { a = 1 }).a", "1"),
        ("(var.u ? { a = 1 } : { a = 2 }).a", unknown),
        ("(var.u ? { a = 1 } : {}).a", unknown),
        ("(var.u ? { a = 1, b = 2 } : { a = 1 }).a", "1"),
        ("(var.u ? [1, 2] : [1, 3])[0]", "1"),
        ("(var.u ? [1, 2] : [])[0]", some),
        ("var.u ? null : null", "null"),
        ("indent(2, \"a\\n${var.u}\")", unknown),
        ("format(\"%s\", [var.u][0])", unknown),
    ] {
        assert_eq!(ask(&[("main.tf", text)], expr), expected, "{expr}");
    }
}
