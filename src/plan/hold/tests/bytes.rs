//! What exactly is written, and where; each case is let go again byte for byte.

use super::*;
use crate::model::reference::{Reference, Tag};

/// A workload whose container has this line for its image.
pub(super) fn tf(line: &str) -> String {
    format!(
        "resource \"kubernetes_deployment\" \"a\" {{\n  metadata {{\n    name = \"a\"\n  }}\n  spec {{\n    template {{\n      spec {{\n        container {{\n          name = \"a\"\n{line}\n        }}\n      }}\n    }}\n  }}\n}}\n"
    )
}

pub(super) fn ana() -> Hold {
    hold("2026-12-01T00:00:00Z", "ana", "why")
}

const WORDS: &str = "hold until=2026-12-01 by=ana because=\"why\"";

/// Puts the hold on the site with that image, proves it and lets it go; returns the repo with the
/// hold.
fn held(snapshot: &Snapshot, image: &str, hold: &Hold) -> Snapshot {
    let (literal, site) = snapshot
        .scan
        .sites()
        .find(|(_, site)| site.image.to_string() == image)
        .unwrap_or_else(|| panic!("{image}"));
    let edits = put(snapshot, literal, site, hold).unwrap_or_else(|why| panic!("{image}: {why}"));
    let held = after(snapshot, &edits, is_held(site))
        .unwrap_or_else(|why| panic!("{image}: {why} {edits:?}"));
    assert!(
        holds(&held, &site.id.0).contains(&hold.tidied())
            || edits.iter().all(|edit| edit.file == config::path()),
        "{edits:?}"
    );
    held
}

/// The same, and back: nothing may be left of it.
fn there_and_back(snapshot: &Snapshot, image: &str) -> Snapshot {
    let held = held(snapshot, image, &ana());
    let (literal, site) = held
        .scan
        .sites()
        .find(|(_, site)| site.image.to_string() == image)
        .expect(image);
    let edits =
        lift(&held, literal, site, Which::Standing).unwrap_or_else(|why| panic!("{image}: {why}"));
    let free = after(&held, &edits, is_released(site))
        .unwrap_or_else(|why| panic!("{image}: {why} {edits:?}"));
    for (path, entry) in free.files.iter() {
        let was = snapshot
            .files
            .get(path)
            .cloned()
            .unwrap_or(Entry::Text([][..].into()));
        assert_eq!(was, *entry, "{path}");
    }
    held
}

#[test]
fn a_hold_goes_to_the_end_of_the_line_or_above_it() {
    let i = "          ";
    for (line, wanted) in [
        (
            format!("{i}image = \"x:3\""),
            format!("{i}image = \"x:3\" # pintle: {WORDS}"),
        ),
        (
            format!("{i}image = \"x:3\"  "),
            format!("{i}image = \"x:3\" # pintle: {WORDS}  "),
        ),
        (
            "\t\timage = \"x:3\" # ana's".to_owned(),
            format!("\t\t# pintle: {WORDS}\n\t\timage = \"x:3\" # ana's"),
        ),
        (
            format!("{i}image = \"x:3\" // ana's"),
            format!("{i}# pintle: {WORDS}\n{i}image = \"x:3\" // ana's"),
        ),
        (
            format!("{i}image = \"x:3\" /* a */"),
            format!("{i}# pintle: {WORDS}\n{i}image = \"x:3\" /* a */"),
        ),
        (
            format!("{i}image = \"x:3\" # pintle: settle=1h"),
            format!("{i}image = \"x:3\" # pintle: settle=1h, {WORDS}"),
        ),
        (
            format!("{i}image = \"x:3\" // pintle: a: settle=1h "),
            format!("{i}image = \"x:3\" // pintle: a: settle=1h, {WORDS} "),
        ),
        (
            format!("{i}image = \"x:3\" /* pintle: force */"),
            format!("{i}image = \"x:3\" /* pintle: force, {WORDS} */"),
        ),
        (
            format!("{i}image = \"x:3\" # pintle: keel hands off"),
            format!("{i}image = \"x:3\" # pintle: keel hands off; {WORDS}"),
        ),
        (
            format!("{i}image = \"x:3\" # pintle: nevr"),
            format!("{i}# pintle: {WORDS}\n{i}image = \"x:3\" # pintle: nevr"),
        ),
        (
            format!("{i}# pintle: force\n{i}image = \"x:3\""),
            format!("{i}# pintle: force\n{i}image = \"x:3\" # pintle: {WORDS}"),
        ),
        (
            format!("{i}image = \"x:3\" /* two\n lines */"),
            format!("{i}# pintle: {WORDS}\n{i}image = \"x:3\" /* two\n lines */"),
        ),
        (
            format!("{i}image = tostring(\n{i}\"x:3\"\n)"),
            format!("{i}image = tostring(\n{i}\"x:3\" # pintle: {WORDS}\n)"),
        ),
    ] {
        let snapshot = repo(&[("a/main.tf", &tf(&line))]);
        assert_eq!(
            text(&there_and_back(&snapshot, "x:3"), "a/main.tf"),
            tf(&wanted)
        );
        let crlf = |text: &str| tf(text).replace('\n', "\r\n");
        let snapshot = repo(&[("a/main.tf", &crlf(&line))]);
        assert_eq!(
            text(&there_and_back(&snapshot, "x:3"), "a/main.tf"),
            crlf(&wanted)
        );
    }
}

#[test]
fn a_hold_takes_the_place_of_the_one_that_stands_there() {
    for (line, wanted) in [
        (
            "image = \"x:3\" # pintle: hold until=2026-01-01",
            format!("image = \"x:3\" # pintle: {WORDS}"),
        ),
        (
            "image = \"x:3\" # pintle: hold settle=1h by=bo",
            format!("image = \"x:3\" # pintle: {WORDS} settle=1h"),
        ),
        (
            "# pintle: a: hold; a: force\nimage = \"x:3\" # by ana",
            format!("# pintle: a: {WORDS}; a: force\nimage = \"x:3\" # by ana"),
        ),
    ] {
        let snapshot = repo(&[("a/main.tf", &tf(line))]);
        assert_eq!(
            text(&held(&snapshot, "x:3", &ana()), "a/main.tf"),
            tf(&wanted)
        );
    }
}

#[test]
fn of_a_directive_only_the_hold_is_lifted() {
    for (line, wanted) in [
        ("image = \"x:3\" # pintle: hold", "image = \"x:3\""),
        ("image = \"x:3\" /* pintle: hold */ ", "image = \"x:3\" "),
        (
            "image = \"x:3\" # pintle: hold until=2027-01-01, settle=1h",
            "image = \"x:3\" # pintle: settle=1h",
        ),
        (
            "image = \"x:3\" # pintle: hold force by=ana, settle=1h because=x",
            "image = \"x:3\" # pintle: force, settle=1h",
        ),
        (
            "  # pintle: hold because='for now'\nimage = \"x:3\"",
            "image = \"x:3\"",
        ),
        (
            "# pintle: a: hold, force; a: settle=1h\nimage = \"x:3\"",
            "# pintle: a: force; a: settle=1h\nimage = \"x:3\"",
        ),
        (
            "# pintle: a: hold; settle=1h\nimage = \"x:3\"",
            "# pintle: settle=1h\nimage = \"x:3\"",
        ),
        (
            "# pintle: settle=1h; a: hold\nimage = \"x:3\" # pintle: force; hold",
            "# pintle: settle=1h\nimage = \"x:3\" # pintle: force",
        ),
    ] {
        let snapshot = repo(&[("a/main.tf", &tf(line))]);
        let (literal, site) = snapshot.scan.sites().next().expect("a site");
        let edits = lift(&snapshot, literal, site, Which::Standing).unwrap();
        assert_eq!(lift(&snapshot, literal, site, Which::Ended), Ok(Vec::new()));
        assert_eq!(
            text(
                &after(&snapshot, &edits, is_released(site)).unwrap(),
                "a/main.tf"
            ),
            tf(wanted)
        );
    }
}

#[test]
fn only_ended_holds_are_lifted_when_their_time_is_over() {
    let line = "# pintle: hold until=2026-01-01\nimage = \"x:3\" # pintle: hold until=2027-01-01";
    let snapshot = repo(&[("a/main.tf", &tf(line))]);
    let (literal, site) = snapshot.scan.sites().next().expect("a site");
    let edits = lift(&snapshot, literal, site, Which::Ended).unwrap();
    let now = after(&snapshot, &edits, has_no_ended_holds(site)).unwrap();
    assert_eq!(
        text(&now, "a/main.tf"),
        tf("image = \"x:3\" # pintle: hold until=2027-01-01")
    );
}

const VARS: &str = "variable \"image\" {}\n";

fn with_vars(vars: &str) -> Snapshot {
    repo(&[
        ("a/main.tf", &format!("{VARS}{}", tf("image = var.image"))),
        ("a/terraform.tfvars", vars),
    ])
}

#[test]
fn files_keep_their_mark_their_end_and_their_line_ends() {
    for (vars, wanted) in [
        (
            "image = \"x:3\"",
            format!("image = \"x:3\" # pintle: {WORDS}"),
        ),
        (
            "\u{feff}image = \"x:3\"",
            format!("\u{feff}image = \"x:3\" # pintle: {WORDS}"),
        ),
        (
            "\u{feff}image = \"x:3\" # a",
            format!("\u{feff}# pintle: {WORDS}\nimage = \"x:3\" # a"),
        ),
        (
            "b = 1\r\nimage = \"x:3\" # a",
            format!("b = 1\r\n# pintle: {WORDS}\r\nimage = \"x:3\" # a"),
        ),
        (
            "# pintle: x\nimage = \"x:3\" # \u{e9}",
            format!("# pintle: x\n# pintle: {WORDS}\nimage = \"x:3\" # \u{e9}"),
        ),
    ] {
        assert_eq!(
            text(
                &there_and_back(&with_vars(vars), "x:3"),
                "a/terraform.tfvars"
            ),
            wanted
        );
    }
}

const TWO: &str = "locals {\n  images = { a = \"x:3\", b = \"y:7\" }\n}\n";

pub(super) fn two(line: &str) -> Snapshot {
    let b = tf("image = local.images.b").replace("\"a\"", "\"b\"");
    repo(&[
        ("a/main.tf", &TWO.replace("\n}", &format!("{line}\n}}"))),
        ("a/a.tf", &tf("image = local.images.a")),
        ("a/b.tf", &b),
    ])
}

#[test]
fn where_a_line_has_several_sites_the_container_is_named() {
    let snapshot = two("");
    let first = there_and_back(&snapshot, "x:3");
    assert_eq!(
        text(&first, "a/main.tf"),
        TWO.replace(" }\n", &format!(" }} # pintle: a: {WORDS}\n"))
    );
    let both = there_and_back(&first, "y:7");
    assert_eq!(
        text(&both, "a/main.tf"),
        TWO.replace(" }\n", &format!(" }} # pintle: a: {WORDS}; b: {WORDS}\n"))
    );
    let shared = there_and_back(&two(" # pintle: settle=1h"), "y:7");
    assert_eq!(
        text(&shared, "a/main.tf"),
        TWO.replace(" }\n", &format!(" }} # pintle: settle=1h; b: {WORDS}\n"))
    );
    let above = there_and_back(&two(" # images"), "y:7");
    assert_eq!(
        text(&above, "a/main.tf"),
        TWO.replace("  images", &format!("  # pintle: b: {WORDS}\n  images"))
            .replace(" }\n", " } # images\n")
    );
    let mut draft = Draft::new(&snapshot);
    snapshot
        .scan
        .sites()
        .for_each(|(literal, site)| draft.put(literal, site, &ana()).unwrap());
    let made = edit_files(&snapshot.files, &draft.edits()).unwrap();
    assert_eq!(
        text(&looked_at(made), "a/main.tf"),
        text(&both, "a/main.tf")
    );
}

#[test]
fn sites_that_no_name_tells_apart_are_held_in_the_configuration() {
    let b = tf("image = local.images.b")
        .replace(
            "metadata {\n    name = \"a\"",
            "metadata {\n    name = \"b\"",
        )
        .replace("\"a\" {", "\"b\" {");
    let snapshot = repo(&[
        ("a/main.tf", TWO),
        ("a/a.tf", &tf("image = local.images.a")),
        ("a/b.tf", &b),
    ]);
    let held = there_and_back(&snapshot, "x:3");
    let wanted = "[[hold]]\nsite = [\"a/main.tf#local.images.a\", \"deployment/default/a:a\"]\nuntil = \"2026-12-01\"\nby = \"ana\"\nbecause = \"why\"\n";
    assert_eq!(text(&held, "pintle.toml"), wanted);
    let both = self::held(&held, "y:7", &hold("", "", ""));
    let more = "\n[[hold]]\nsite = [\"a/main.tf#local.images.b\", \"deployment/default/b:a\"]\nbecause = \"no reason given\"\n";
    assert_eq!(text(&both, "pintle.toml"), format!("{wanted}{more}"));
    let again = self::held(&both, "x:3", &hold("", "bo", "an \"it's\""));
    let other = "[[hold]]\nsite = [\"a/main.tf#local.images.a\", \"deployment/default/a:a\"]\nby = \"bo\"\nbecause = \"an \\\"it's\\\"\"\n";
    assert_eq!(text(&again, "pintle.toml"), format!("{other}{more}"));
    let mut draft = Draft::new(&both);
    draft
        .lift(&both.scan.sites().collect::<Vec<_>>(), Which::Standing)
        .unwrap();
    assert_eq!(
        text(
            &looked_at(edit_files(&both.files, &draft.edits()).unwrap()),
            "pintle.toml"
        ),
        ""
    );
}

const POD: &str = "[[extra]]\nfile = \"pod.yaml\"\npath = \"spec.containers.*.image\"\n";

#[test]
fn yaml_files_are_held_in_their_comments() {
    let pod =
        |lines: &str| format!("kind: Pod\nmetadata:\n  name: p\nspec:\n  containers:\n{lines}");
    for (lines, wanted) in [
        (
            "    - name: a\n      image: x:3\n",
            format!("    - name: a\n      image: x:3 # pintle: {WORDS}\n"),
        ),
        (
            "    - image: 'x:3'  # ours\n      name: a\n",
            format!("    # pintle: {WORDS}\n    - image: 'x:3'  # ours\n      name: a\n"),
        ),
        (
            "    - name: a\n      image: \"x:3\" # pintle: force\n",
            format!("    - name: a\n      image: \"x:3\" # pintle: force, {WORDS}\n"),
        ),
        (
            "    - name: a\n      image: x:3",
            format!("    - name: a\n      # pintle: {WORDS}\n      image: x:3"),
        ),
        (
            "    - {name: a, image: x:3}\n",
            format!("    - {{name: a, image: x:3}} # pintle: {WORDS}\n"),
        ),
        (
            "    - {name: a, image: x:3, o: [1,\n        2]}\n",
            format!("    - {{name: a, image: x:3, o: [1, # pintle: {WORDS}\n        2]}}\n"),
        ),
    ] {
        for newline in ["\n", "\r\n"] {
            let snapshot = repo(&[
                ("pintle.toml", POD),
                ("pod.yaml", &pod(lines).replace('\n', newline)),
            ]);
            assert_eq!(
                text(&there_and_back(&snapshot, "x:3"), "pod.yaml"),
                pod(&wanted).replace('\n', newline)
            );
        }
    }
}

pub(super) const HEREDOC: &str = "resource \"kubectl_manifest\" \"a\" {\n  yaml_body = <<-EOT\n    kind: Pod\n    metadata:\n      name: a\n    spec:\n      containers:\n        - name: a\n          image: x:3\n  EOT\n}\n";

#[test]
fn where_a_comment_would_be_part_of_a_value_the_configuration_is_written() {
    let names = "[\"a/main.tf#kubectl_manifest.a/yaml_body:spec.containers[a].image\", \"pod/default/a:a\"]";
    let entry = format!(
        "[[hold]]\nsite = {names}\nuntil = \"2026-12-01\"\nby = \"ana\"\nbecause = \"why\""
    );
    for (toml, wanted) in [
        (None, format!("{entry}\n")),
        (Some(""), format!("{entry}\n")),
        (Some("\u{feff}"), format!("\u{feff}{entry}\n")),
        (Some("# only this\n"), format!("# only this\n\n{entry}\n")),
        (
            Some("[defaults]\nmode = \"commit\""),
            format!("[defaults]\nmode = \"commit\"\n\n{entry}"),
        ),
        (
            Some("[defaults]\r\nmode = \"commit\"\r\n"),
            format!("[defaults]\nmode = \"commit\"\n\n{entry}\n").replace('\n', "\r\n"),
        ),
        (
            Some("version = 1\n\n\n"),
            format!("version = 1\n\n\n\n{entry}\n"),
        ),
        (
            Some("[[hold]] # old\nstack = \"b\"\nbecause = \"#\" # [[hold]]\n# end\n"),
            format!(
                "[[hold]] # old\nstack = \"b\"\nbecause = \"#\" # [[hold]]\n# end\n\n{entry}\n"
            ),
        ),
    ] {
        let mut files = vec![("a/main.tf", HEREDOC)];
        files.extend(toml.map(|toml| ("pintle.toml", toml)));
        assert_eq!(
            text(&there_and_back(&repo(&files), "x:3"), "pintle.toml"),
            wanted,
            "{toml:?}"
        );
    }
}

#[test]
fn an_entry_goes_with_its_comments_and_one_blank_line() {
    let site = "site = 'pod/default/a:a'";
    for (toml, wanted) in [
        (
            format!(
                "version = 1\n\n# for ana\n# until May\n[[hold]] # x\n{site}\nbecause = \"\"\"a\n#b\"\"\" # y\n\n# git\n[git]\n"
            ),
            "version = 1\n\n# git\n[git]\n",
        ),
        (
            format!("[[hold]]\n{site}\nbecause = 'a'\n\n[git]\n"),
            "[git]\n",
        ),
        (
            format!("# mine\n[[hold]]\r\n{site}\r\nbecause = 'a'\r\n\r\n[git]\r\n"),
            "[git]\r\n",
        ),
        (
            format!("[git]\n[[hold]]\n{site}\nbecause = 'a'\n[[hold]]\nstack = 'b'\nbecause = 'c'"),
            "[git]\n[[hold]]\nstack = 'b'\nbecause = 'c'",
        ),
        (
            "[git]\n\n[[hold]]\nstack = 'b'\nbecause = 'c'\n\n[[hold]]\nbecause = 'a'\nstack = 'a'"
                .to_owned(),
            "[git]\n\n[[hold]]\nstack = 'b'\nbecause = 'c'",
        ),
    ] {
        let snapshot = repo(&[("a/main.tf", HEREDOC), ("pintle.toml", &toml)]);
        let (literal, site) = snapshot.scan.sites().next().expect("a site");
        let edits = lift(&snapshot, literal, site, Which::Standing).unwrap();
        assert_eq!(
            text(
                &after(&snapshot, &edits, is_released(site)).unwrap(),
                "pintle.toml"
            ),
            wanted
        );
    }
}

/// Before sites had addresses, an entry named the file and the first use, with `?` for a namespace
/// that the text does not name.
#[test]
fn an_entry_with_the_name_of_an_older_version_holds_and_is_lifted() {
    for name in ["a/main.tf#pod/default/a:a", "a/main.tf#pod/[?]/a:a"] {
        let snapshot = repo(&[
            ("a/main.tf", HEREDOC),
            (
                "pintle.toml",
                &format!("[[hold]]\nsite = '{name}'\nbecause = 'a'\n"),
            ),
        ]);
        let (literal, site) = snapshot.scan.sites().next().expect("a site");
        assert_eq!(holds(&snapshot, &site.id.0), [hold("", "", "a")], "{name}");
        let edits = lift(&snapshot, literal, site, Which::Standing).unwrap();
        assert_eq!(
            text(
                &after(&snapshot, &edits, is_released(site)).unwrap(),
                "pintle.toml"
            ),
            "",
            "{name}"
        );
    }
}

/// Why the hold of the first site is not lifted.
fn refused(snapshot: &Snapshot) -> String {
    let (literal, site) = snapshot.scan.sites().next().expect("a site");
    lift(snapshot, literal, site, Which::Standing)
        .expect_err("kept")
        .0
}

#[test]
fn what_covers_more_than_the_site_is_not_lifted_for_it() {
    let files = |toml: &'static str, line: &str| {
        repo(&[
            ("a/main.tf", &tf(line)),
            ("a/b.tf", HEREDOC),
            ("pintle.toml", toml),
        ])
    };
    let line = "image = \"y:3\"";
    let rule = "[[rule]]\nmatch = { image = \"*\" }\nhold = \"x\"\n";
    let first = |toml, line: &str| {
        let snapshot = files(toml, line);
        let (literal, site) = snapshot.scan.sites().last().expect("a site");
        lift(&snapshot, literal, site, Which::Standing)
            .expect_err("kept")
            .0
    };
    assert_eq!(
        first(rule, line),
        "held by `[[rule]] 1` of pintle.toml, which covers 1 more site: change it there"
    );
    let one = "[[rule]]\nmatch = { image = \"y\" }\nhold = \"x\"\n";
    assert_eq!(
        first(one, line),
        "held by `[[rule]] 1` of pintle.toml: change it there"
    );
    let entry = "[[hold]]\nstack = \"a\"\nbecause = \"x\"\n";
    assert_eq!(
        first(entry, line),
        "held by `[[hold]] 1` of pintle.toml, which covers 1 more site: change it there"
    );
    assert_eq!(
        refused(&two(" # pintle: hold")),
        "held by the comment at a/main.tf:2, which covers 1 more site: change it there"
    );
    let heredoc = HEREDOC.replace("x:3", "x:3 # pintle: hold");
    let inside = "held by a comment inside a string at a/main.tf:9, where an edit would change the value: change it there";
    assert_eq!(refused(&repo(&[("a/main.tf", &heredoc)])), inside);
    let inline = "hold = [{ site = \"a/*\", because = \"x\" }]\n";
    let own = refused(&repo(&[("a/main.tf", HEREDOC), ("pintle.toml", inline)]));
    assert_eq!(
        own,
        "held by `[[hold]] 1` of pintle.toml, which cannot be taken out: it is not a table of its own"
    );
    let all = files(entry, line);
    let mut draft = Draft::new(&all);
    draft
        .lift(&all.scan.sites().collect::<Vec<_>>(), Which::Standing)
        .unwrap();
    assert_eq!(
        text(
            &looked_at(edit_files(&all.files, &draft.edits()).unwrap()),
            "pintle.toml"
        ),
        ""
    );
}

#[test]
fn a_hold_that_no_place_can_take_is_refused_with_the_reason() {
    let snapshot = repo(&[
        ("a/main.tf", HEREDOC),
        (
            "pintle.toml",
            "hold = [{ site = \"b\", because = \"x\" }]\n",
        ),
    ]);
    let (literal, site) = snapshot.scan.sites().next().expect("a site");
    assert_eq!(
        put(&snapshot, literal, site, &ana()),
        Err("no hold can be written to pintle.toml: pintle.toml:3 is wrong: duplicate key".into())
    );
    let other = Snapshot {
        config: Arc::new(Config::parse("[git]\nbranch = \"x\"", "other.toml").unwrap()),
        ..repo(&[("a/main.tf", HEREDOC)])
    };
    let (literal, site) = other.scan.sites().next().expect("a site");
    let why =
        "the hold would have to go to pintle.toml, but the configuration in use is another file";
    assert_eq!(put(&other, literal, site, &ana()), Err(why.into()));
}

fn tag(text: &str) -> Tag {
    Tag::parse(text).expect(text)
}

fn has_image(site: &Site, under: &str, to: &Digest) -> Claim {
    let image = Reference {
        tag: Some(tag(under)),
        digest: Some(to.clone()),
        ..site.image.clone()
    };
    Claim::Image {
        site: site.id.clone(),
        image,
    }
}

#[test]
fn a_pin_and_its_hold_are_made_together() {
    let pod = "kind: Pod\nspec:\n  containers:\n    - name: a\n      image: x:3\n    - image: y:7";
    let snapshot = repo(&[("pintle.toml", POD), ("pod.yaml", pod)]);
    let to = Digest::parse(&format!("sha256:{}", "a".repeat(64))).expect("a digest");
    let mut draft = Draft::new(&snapshot);
    let (mut edits, mut claims) = (Vec::new(), Vec::new());
    for (literal, site) in snapshot.scan.sites() {
        draft.put(literal, site, &ana()).unwrap();
        edits.extend(retag(literal, site, &tag("v9"), &to).unwrap());
        claims.extend([has_image(site, "v9", &to), is_held(site)]);
    }
    edits.extend(draft.edits());
    prove_changes(&snapshot, &[change(edits.clone(), claims.clone())]).unwrap();
    for place in 0..claims.len() {
        let mut fewer = claims.clone();
        fewer.remove(place);
        assert!(
            prove_changes(&snapshot, &[change(edits.clone(), fewer)]).is_err(),
            "without {:?}",
            claims[place]
        );
    }
    let made = text(
        &looked_at(edit_files(&snapshot.files, &edits).unwrap()),
        "pod.yaml",
    );
    let wanted = format!(
        "kind: Pod\nspec:\n  containers:\n    - name: a\n      image: x:v9@{to} # pintle: {WORDS}\n    # pintle: {WORDS}\n    - image: y:v9@{to}"
    );
    assert_eq!(made, wanted);
}

#[test]
fn a_tag_is_replaced_where_the_literal_holds_it_whole() {
    let to = Digest::parse(&format!("sha256:{}", "b".repeat(64))).expect("a digest");
    let old = format!("sha256:{}", "c".repeat(64));
    let why = |why: &str| format!("the tag of x at a/main.tf:10 is not in one place: {why}");
    let template = "image = \"x:3-${upper(\"a\")}\"";
    for (line, wanted) in [
        (
            "image = \"x:3\"".to_owned(),
            Ok(format!("image = \"x:v2@{to}\"")),
        ),
        (
            format!("image = \"x:3@{old}\""),
            Ok(format!("image = \"x:v2@{to}\"")),
        ),
        (
            "image = \"x\"".to_owned(),
            Ok(format!("image = \"x:v2@{to}\"")),
        ),
        (
            format!("image = \"x@{old}\""),
            Err(why("the image has no tag")),
        ),
        (
            template.to_owned(),
            Err(why("the tag is made of several parts")),
        ),
    ] {
        let snapshot = repo(&[("a/main.tf", &tf(&line))]);
        let (literal, site) = snapshot.scan.sites().next().expect("a site");
        let edits = retag(literal, site, &tag("v2"), &to);
        assert_eq!(
            edits.clone().map(|_| ()).err(),
            wanted.clone().err(),
            "{line}"
        );
        let (Ok(edits), Ok(wanted)) = (edits, wanted) else {
            continue;
        };
        prove_changes(
            &snapshot,
            &[change(edits.clone(), vec![has_image(site, "v2", &to)])],
        )
        .unwrap();
        assert!(
            prove_changes(
                &snapshot,
                &[change(edits.clone(), vec![has_image(site, "v3", &to)])]
            )
            .is_err()
        );
        assert!(prove_changes(&snapshot, &[change(edits.clone(), Vec::new())]).is_err());
        assert_eq!(
            text(
                &looked_at(edit_files(&snapshot.files, &edits).unwrap()),
                "a/main.tf"
            ),
            tf(&wanted)
        );
    }
    assert_eq!(Tag::parse("a b"), None, "what is no tag cannot be put");
}
