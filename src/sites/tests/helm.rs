//! What the values of a chart mean: the split forms, the numbers, nulls, and what is set by path.

use super::{scanned, word};
use crate::sites::Scan;

/// A release whose body is `body`.
fn release(body: &str) -> String {
    format!(
        "provider \"helm\" {{}}\nresource \"helm_release\" \"r\" {{\n  name      = \"r\"\n  namespace = \"ns\"\n  chart     = \"c\"\n{body}}}\n"
    )
}

/// A release with one document of values, written as YAML.
fn with_yaml(yaml: &str) -> Scan {
    scanned(&[(
        "s/main.tf",
        &release(&format!("  values = [<<EOT\n{yaml}\nEOT\n  ]\n")),
    )])
}

fn with_hcl(body: &str) -> Scan {
    scanned(&[("s/main.tf", &release(body))])
}

/// Each literal: its fate, its bytes, and its reference where it is a site, else the reason.
fn fates(scan: &Scan) -> Vec<String> {
    let one = |literal: &crate::sites::Literal| {
        let (fate, reason) = word(literal);
        let last = match fate {
            "site" => literal.reference.clone().unwrap_or_default(),
            "component" => String::new(),
            _ => reason.to_owned(),
        };
        format!("{fate} {} {last}", literal.literal)
            .trim_end()
            .to_owned()
    };
    scan.literals.iter().map(one).collect()
}

#[track_caller]
fn expect(scan: &Scan, want: &[&str]) {
    assert_eq!(fates(scan), want, "{:?}", scan.problems);
}

#[test]
fn the_parts_of_an_image_go_together_as_the_charts_do() {
    for (yaml, want) in [
        (
            "image: {repository: a/b, tag: v1}",
            &["component a/b", "site v1 a/b:v1"][..],
        ),
        (
            "image: {registry: quay.io, repository: a/b, tag: v1}",
            &[
                "component quay.io",
                "component a/b",
                "site v1 quay.io/a/b:v1",
            ],
        ),
        (
            "controller: {image: {registry: quay.io, image: a/b, tag: v1}}",
            &[
                "component quay.io",
                "component a/b",
                "site v1 quay.io/a/b:v1",
            ],
        ),
        (
            "web: {registry: quay.io, image: x/y, tag: v1}",
            &[
                "component quay.io",
                "component x/y",
                "site v1 quay.io/x/y:v1",
            ],
        ),
        (
            "image: {name: quay.io/a/b, tag: v1}",
            &["component quay.io/a/b", "site v1 quay.io/a/b:v1"],
        ),
        (
            "operator: {repository: nvcr.io/nvidia, image: gpu, tag: v1}",
            &[
                "component nvcr.io/nvidia",
                "component gpu",
                "site v1 nvcr.io/nvidia/gpu:v1",
            ],
        ),
        (
            "driver: {repository: nvcr.io/nvidia, image: driver, version: v1}",
            &[
                "component nvcr.io/nvidia",
                "component driver",
                "unpinnable v1 a chart with the key version may add text to it",
            ],
        ),
        (
            "image: a/b\nimageTag: v1",
            &["component a/b", "site v1 a/b:v1"],
        ),
        (
            "initImage: a/b\ninitImageTag: v1\ntag: v2",
            &["component a/b", "site v1 a/b:v1"],
        ),
        (
            "image: a/b:v1\ninitImage: busybox\ntag: v2",
            &["site a/b:v1 a/b:v1"],
        ),
        (
            "imageTag: v1",
            &[
                "unpinnable v1 the rest of the reference is not known: the chart chooses the repository",
            ],
        ),
        (
            "initImageTag: v1",
            &[
                "unpinnable v1 the rest of the reference is not known: the chart chooses the repository",
            ],
        ),
        (
            "image: {registry: quay.io, name: web, tag: v1}",
            &[
                "unpinnable quay.io it is not known how the chart puts registry, name and tag together",
                "unpinnable web it is not known how the chart puts registry, name and tag together",
                "unpinnable v1 it is not known how the chart puts registry, name and tag together",
            ],
        ),
        (
            "image: {registry: quay.io, repository: strimzi, name: operator, tag: v1}",
            &[
                "unpinnable quay.io it is not known how the chart puts registry, repository, name and tag together",
                "unpinnable strimzi it is not known how the chart puts registry, repository, name and tag together",
                "unpinnable operator it is not known how the chart puts registry, repository, name and tag together",
                "unpinnable v1 it is not known how the chart puts registry, repository, name and tag together",
            ],
        ),
        (
            "image: {registry: docker.io, repository: quay.io/a/b, tag: v1}",
            &[
                "unpinnable docker.io it is not known how the chart puts registry, repository and tag together",
                "unpinnable quay.io/a/b it is not known how the chart puts registry, repository and tag together",
                "unpinnable v1 it is not known how the chart puts registry, repository and tag together",
            ],
        ),
        (
            "image: {repository: a/b, tag: v1, tagSuffix: -alpine}",
            &[
                "component a/b",
                "unpinnable v1 the chart may add tagSuffix to the tag",
            ],
        ),
        (
            "server: {repository: a/b, tag: v1, side: {image: c/d:v2}}",
            &["component a/b", "site v1 a/b:v1", "site c/d:v2 c/d:v2"],
        ),
    ] {
        let scan = with_yaml(yaml);
        assert_eq!(fates(&scan), want, "{yaml}: {:?}", scan.problems);
    }
}

#[test]
fn a_digest_in_a_key_of_its_own_keeps_the_pin_away_from_the_tag() {
    let digits = "0".repeat(64);
    for key in ["sha", "sha256", "hash"] {
        expect(
            &with_yaml(&format!(
                "image: {{repository: a/b, tag: v1, {key}: \"{digits}\"}}"
            )),
            &[
                "component a/b",
                &format!(
                    "unpinnable v1 the chart takes the digest from {key}, which holds digits only"
                ),
            ],
        );
        expect(
            &with_yaml(&format!("image: {{repository: a/b, tag: v1, {key}: \"\"}}")),
            &["component a/b", "site v1 a/b:v1"],
        );
    }
    for key in ["digest", "imageDigest"] {
        expect(
            &with_yaml(&format!(
                "image: {{repository: a/b, tag: v1, {key}: \"sha256:{digits}\"}}"
            )),
            &[
                "component a/b",
                "component v1",
                &format!("site sha256:{digits} a/b:v1@sha256:{digits}"),
            ],
        );
    }
    expect(
        &with_yaml(&format!(
            "image: a/b\nimageTag: v1\nimageDigest: sha256:{digits}"
        )),
        &[
            "component a/b",
            "component v1",
            &format!("site sha256:{digits} a/b:v1@sha256:{digits}"),
        ],
    );
}

#[test]
fn a_number_without_quotes_is_the_number_that_helm_prints() {
    for (written, printed) in [
        ("1.10", "1.1"),
        ("2.0", "2"),
        ("0123", "83"),
        ("1e3", "1000"),
        ("20241119", "2.0241119e+07"),
        ("1_000", "1000"),
        ("0x1F", "31"),
        ("0b11", "3"),
        ("1000000", "1e+06"),
        ("+1", "1"),
        (".5", "0.5"),
    ] {
        let scan = with_yaml(&format!("image:\n  repository: a/b\n  tag: {written}"));
        assert_eq!(
            fates(&scan)[1..],
            [format!(
                "unpinnable {written} YAML reads it as the number {printed}: quote it"
            )],
            "{written}"
        );
        let image = scan.literals[1].reference.as_deref();
        assert_eq!(image, Some(&*format!("a/b:{printed}")), "{written}");
    }
    for written in [
        "1",
        "8.2",
        "123456",
        "1.10.0",
        "2024-11-19",
        "v1.10",
        "\"1.10\"",
        "'2.0'",
        "08",
        "1.2e",
    ] {
        let tag = written.trim_matches(['"', '\'']);
        let scan = with_yaml(&format!("image:\n  repository: a/b\n  tag: {written}"));
        let want = if tag == "08" {
            "unpinnable 08 YAML reads it as the number 8: quote it".to_owned()
        } else {
            format!("site {tag} a/b:{tag}")
        };
        assert_eq!(fates(&scan)[1..], [want], "{written}");
    }
}

#[test]
fn a_number_that_terraform_writes_is_read_by_helm_too() {
    for (tag, printed) in [
        ("20241119", "2.0241119e+07"),
        ("1.5", "1.5"),
        ("1.10", "1.1"),
    ] {
        let scan = with_hcl(&format!(
            "  values = [yamlencode({{ image = {{ repository = \"a/b\", tag = {tag} }} }})]\n"
        ));
        let image = scan.literals[0].uses[0].image.as_deref();
        assert_eq!(image, Some(&*format!("a/b:{printed}")), "{tag}");
    }
    expect(
        &with_hcl(
            "  values = [yamlencode({ image = { repository = \"a/b\", tag = \"1.10\" } })]\n",
        ),
        &["component a/b", "site 1.10 a/b:1.10"],
    );
}

#[test]
fn a_later_null_deletes() {
    let base = "yamlencode({ image = { repository = \"a/b\", tag = \"v1\" } })";
    let gone = "dead v1 overridden by a later value of the release";
    for over in [
        "values = [BASE, yamlencode({ image = { tag = null } })]",
        "values = [BASE, \"image: {tag: null}\"]",
        "values = [BASE, \"image: {tag: ~}\"]",
        "values = [BASE, \"image:\\n  tag:\\n\"]",
        "values = [BASE]\n  set {\n    name  = \"image.tag\"\n    value = \"null\"\n  }",
        "values = [BASE]\n  set = [{ name = \"image.tag\", value = \"null\" }]",
        "values = [BASE, yamlencode({ image = { tag = var.none } })]",
    ] {
        let text = format!(
            "variable \"none\" {{\n  default = null\n}}\n{}",
            release(&format!("  {}\n", over.replace("BASE", base)))
        );
        let scan = scanned(&[("s/main.tf", &text)]);
        assert_eq!(
            fates(&scan),
            ["component a/b", gone],
            "{over}: {:?}",
            scan.problems
        );
    }
    let text = "  values = [yamlencode({ image = \"a/b:v1\" }), yamlencode({ image = null })]\n";
    expect(
        &with_hcl(text),
        &["dead a/b:v1 overridden by a later value of the release"],
    );
}

#[test]
fn what_is_set_by_path_is_applied_in_the_order_of_the_provider() {
    let values = "  values = [yamlencode({ image = { repository = \"a/b\", tag = \"v1\" } })]\n";
    let gone = "dead v1 overridden by a later value of the release";
    for (kind, more) in [
        ("set", ""),
        ("set_sensitive", ""),
        ("set", "    type = \"string\"\n"),
    ] {
        let block =
            format!("  {kind} {{\n    name  = \"image.tag\"\n    value = \"v2\"\n{more}  }}\n");
        expect(
            &with_hcl(&format!("{values}{block}")),
            &["component a/b", gone, "site v2 a/b:v2"],
        );
    }
    let both = "  set_sensitive {\n    name  = \"image.tag\"\n    value = \"v3\"\n  }\n  set {\n    name  = \"image.tag\"\n    value = \"v2\"\n  }\n";
    expect(
        &with_hcl(&format!("{values}{both}")),
        &[
            "component a/b",
            gone,
            "site v3 a/b:v3",
            "dead v2 overridden by a later value of the release",
        ],
    );
}

#[test]
fn a_path_may_lead_through_a_list() {
    let values = "  values = [\"side:\\n  - image: a/b:v1\\n  - image: c/d:v1\\n\"]\n";
    let scan = with_hcl(&format!(
        "{values}  set {{\n    name  = \"side[1].image\"\n    value = \"c/d:v2\"\n  }}\n"
    ));
    let got = fates(&scan);
    assert!(got.contains(&"site a/b:v1 a/b:v1".to_owned()), "{got:?}");
    assert!(got.contains(&"site c/d:v2 c/d:v2".to_owned()), "{got:?}");
    assert!(
        got.contains(&"dead c/d:v1 overridden by a later value of the release".to_owned()),
        "{got:?}"
    );
    let list = with_hcl(
        "  set_list {\n    name  = \"images\"\n    value = [\"x\"]\n  }\n  set {\n    name  = \"side[2].spec.image\"\n    value = \"a/b:v1\"\n  }\n",
    );
    expect(&list, &["site a/b:v1 a/b:v1"]);
}

#[test]
fn a_registry_for_all_images_is_not_guessed_around() {
    expect(
        &with_yaml("global: {imageRegistry: quay.io}\nimage: {repository: a/b, tag: v1}"),
        &[
            "component a/b",
            "unpinnable v1 global.imageRegistry may take the place of its registry",
        ],
    );
    for path in ["image: {registry: quay.io}", "registry: quay.io"] {
        let scan = with_yaml(&format!(
            "global: {{{path}}}\nimage: {{repository: a/b, tag: v1}}"
        ));
        let tag = scan.literals.iter().find(|one| one.literal == "v1");
        assert_eq!(tag.map(|one| word(one).0), Some("unpinnable"), "{path}");
    }
    expect(
        &with_yaml("global: {imageRegistry: \"\"}\nimage: {repository: a/b, tag: v1}"),
        &["component a/b", "site v1 a/b:v1"],
    );
}

#[test]
fn a_number_that_is_set_by_path_is_text_to_the_chart() {
    for (value, image) in [
        ("20241119", "a/b:20241119"),
        ("\"1.10\"", "a/b:1.10"),
        ("\"0123\"", "a/b:0123"),
    ] {
        let scan = with_hcl(&format!(
            "  values = [\"image: {{repository: a/b}}\"]\n  set {{\n    name  = \"image.tag\"\n    value = {value}\n  }}\n"
        ));
        let used = scan.literals[0].uses[0].image.as_deref();
        assert_eq!(used, Some(image), "{value}");
    }
}

#[test]
fn yaml_inside_a_string_of_the_values_is_read() {
    for (key, is_read) in [
        ("extraInitContainers", true),
        ("sidecars", true),
        ("command", false),
        ("args", false),
    ] {
        let scan = with_yaml(&format!(
            "{key}: |\n  - name: wait\n    image: a/b:v1\n    # a comment"
        ));
        let want: &[&str] = if is_read {
            &["site a/b:v1 a/b:v1"]
        } else {
            &[]
        };
        assert_eq!(fates(&scan), want, "{key}");
    }
}

/// The rows of the table in `docs/finding-images.md`, each with values of that form and the literal
/// that is the site, if there is one.
const DOCUMENTED: [(&str, &str, Option<&str>); 13] = [
    ("`image: repo:tag`", "image: a/b:v1", Some("a/b:v1")),
    (
        "`repository`, `tag` *",
        "web: {repository: a/b, tag: v1}",
        Some("v1"),
    ),
    (
        "`registry`, `repository`, `tag` *",
        "web: {registry: quay.io, repository: a/b, tag: v1}",
        Some("v1"),
    ),
    (
        "`registry`, `image`, `tag` *",
        "web: {registry: quay.io, image: a/b, tag: v1}",
        Some("v1"),
    ),
    (
        "`repository`, `image`, `tag` *",
        "web: {repository: quay.io/a, image: b, tag: v1}",
        Some("v1"),
    ),
    (
        "`repository`, `image`, `version` *",
        "web: {repository: quay.io/a, image: b, version: v1}",
        None,
    ),
    ("`name`, `tag`", "image: {name: a/b, tag: v1}", Some("v1")),
    (
        "`image`, `imageTag` side by side",
        "image: a/b\nimageTag: v1",
        Some("v1"),
    ),
    ("`imageTag` alone", "imageTag: v1", None),
    (
        "with `digest` or `imageDigest`",
        "image: {repository: a/b, tag: v1, digest: \"sha256:0000000000000000000000000000000000000000000000000000000000000000\"}",
        Some("sha256:0000000000000000000000000000000000000000000000000000000000000000"),
    ),
    (
        "with `sha`, `sha256` or `hash`",
        "image: {repository: a/b, tag: v1, sha: \"0000000000000000000000000000000000000000000000000000000000000000\"}",
        None,
    ),
    (
        "with `tagSuffix`, `tagPrefix`",
        "image: {repository: a/b, tag: v1, tagPrefix: x-}",
        None,
    ),
    (
        "any other combination",
        "image: {registry: quay.io, name: b, tag: v1}",
        None,
    ),
];

#[test]
fn the_documented_forms_are_those_that_are_read() {
    let docs = include_str!("../../../docs/finding-images.md");
    let section = docs
        .split("## Images in the values of a chart")
        .nth(1)
        .and_then(|rest| rest.split("\n## ").next())
        .expect("the section");
    let rows: Vec<&str> = section
        .lines()
        .filter_map(|line| line.strip_prefix("| "))
        .filter(|row| !row.starts_with("keys") && !row.starts_with("---"))
        .collect();
    assert_eq!(rows.len(), DOCUMENTED.len(), "{rows:?}");
    for (row, (keys, yaml, site)) in rows.iter().zip(DOCUMENTED) {
        assert!(row.starts_with(keys), "{row}: {keys}");
        let scan = with_yaml(yaml);
        let sites: Vec<_> = scan.sites().map(|(one, _)| one.literal.as_str()).collect();
        assert_eq!(sites, site.into_iter().collect::<Vec<_>>(), "{keys}");
        let says_nothing = row.contains("| nothing");
        assert_eq!(says_nothing, site.is_none(), "{row}");
    }
}
