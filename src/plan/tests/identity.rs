//! What a site is keeps its meaning while the repo around it changes: real text through the scan,
//! and commit messages of every age.

use super::forge::*;
use super::*;
use crate::model::settings::Setting;
use crate::pipeline::Verdict;
use crate::pipeline::{Blame, trailers};
use crate::plan::explain;
use crate::sites::lookup::find;
use strum::IntoEnumIterator;

const APP: &str = "ghcr.io/team/app:release";
const OTHER: &str = "ghcr.io/team/other:release";

/// A deployment that takes its image from the local `image`.
fn user(label: &str, name: &str, container: &str) -> String {
    format!(
        "resource \"kubernetes_deployment\" \"{label}\" {{\n  metadata {{\n    name      = \"{name}\"\n    namespace = \"app\"\n  }}\n  spec {{\n    \
         template {{\n      spec {{\n        container {{\n          name  = \"{container}\"\n          image = local.image\n        }}\n      }}\n    \
         }}\n  }}\n}}\n"
    )
}

fn locals(c: char) -> String {
    format!("locals {{\n  image = \"{}\"\n}}\n", pinned(APP, c))
}

/// A commit message as pintle wrote it at some time.
fn message(
    action: &str,
    site: &str,
    uses: &[&str],
    (from, to): (Option<char>, char),
    cause: &str,
) -> String {
    let from = from.map_or_else(|| "none".to_owned(), |c| digest(c).to_string());
    let uses: String = uses
        .iter()
        .map(|name| format!("Pintle-Use: {name}\n"))
        .collect();
    format!(
        "app: {action}\n\nPintle-Action: {action}\nPintle-Site: {site}\n{uses}Pintle-Image: {APP}\nPintle-From: {from}\nPintle-To: {}\n\
         Pintle-Cause: {cause}\n",
        digest(to)
    )
}

/// Adopted at a, updated to b, rolled back to a.
fn log(update: &str, site: &str, uses: &[&str]) -> Vec<String> {
    vec![
        message("adopt", site, uses, (None, 'a'), "first-pin"),
        message(update, site, uses, (Some('a'), 'b'), "tag-moved"),
        message("rollback", site, uses, (Some('b'), 'a'), "undo"),
    ]
}

/// The repo with this log, oldest first, while upstream still says b.
fn with_log(files: &[(&str, &str)], log: &[String]) -> Snapshot {
    let config = "[defaults]\nmode = \"commit\"\nsettle = \"0\"\n";
    let mut all = vec![("pintle.toml", config)];
    all.extend(files);
    let mut snapshot = repo(&all).says(APP, 'b');
    let mut records = Vec::new();
    for (number, text) in log.iter().enumerate() {
        let commit = CommitId::parse(&format!("{number}").repeat(40)).expect("an id");
        let time = at(&format!("2026-11-2{number}T08:00:00Z"));
        let found = trailers::parse(text);
        assert_eq!(found.len(), 1, "{text}");
        records.extend(found.into_iter().map(|pin| Recorded {
            landed: commit.clone(),
            commit: commit.clone(),
            at: time,
            author: "pintle".into(),
            subject: "x".into(),
            pin,
        }));
        let file = records
            .last()
            .and_then(|record| record.pin.site.split('#').next().map(str::to_owned))
            .expect("a file");
        let blame = Blame {
            commit: commit.clone(),
            at: time,
            before: None,
        };
        if let (Ok(path), Some(to)) = (
            RepoPath::new(&file).ok_or(()),
            records.last().and_then(|record| record.pin.to.clone()),
        ) {
            snapshot.blame.insert((path, to), Seen::Known(blame));
        }
    }
    records.reverse();
    snapshot.history = Seen::Known(records.into_iter().collect());
    snapshot
}

/// The site had an image of another repository before, whose digest was rolled back.
#[test]
fn a_record_of_another_repository_at_the_same_site_counts_for_that_one_only() {
    let (site, uses) = (
        "stacks/app/main.tf#local.image",
        ["deployment/app/app:server"],
    );
    let text = locals('a') + &user("main", "app", "server");
    let rollback = message("rollback", site, &uses, (Some('b'), 'a'), "undo");
    let adopt = message("adopt", site, &uses, (None, 'a'), "first-pin");
    let log = [rollback.replace(APP, OTHER), adopt.clone()];
    let plan = with_log(&[("stacks/app/main.tf", &text)], &log).plan();
    assert_eq!(plan.decisions[0].verdict, Verdict::Update);
    let plan = with_log(&[("stacks/app/main.tf", &text)], &[rollback, adopt]).plan();
    assert_eq!(codes(&plan.decisions[0])[0], "rolled-back");
}

/// Ordinary edits after the rollback: file and text.
fn edits() -> Vec<(&'static str, &'static str, String)> {
    let first = user("main", "app", "server");
    vec![
        ("nothing", "stacks/app/main.tf", locals('a') + &first),
        (
            "a second deployment above",
            "stacks/app/main.tf",
            user("above", "another", "web") + &locals('a') + &first,
        ),
        (
            "the resources change places",
            "stacks/app/main.tf",
            first.clone() + &user("below", "zzz", "web") + &locals('a'),
        ),
        ("git mv", "stacks/app/images.tf", locals('a') + &first),
        (
            "git mv of the stack",
            "stacks/renamed/main.tf",
            locals('a') + &first,
        ),
        (
            "the container is renamed",
            "stacks/app/main.tf",
            locals('a') + &user("main", "app", "renamed"),
        ),
        (
            "the local is renamed",
            "stacks/app/main.tf",
            (locals('a') + &first)
                .replace("image = \"", "app = \"")
                .replace("local.image", "local.app"),
        ),
    ]
}

#[test]
fn a_rollback_is_remembered_through_ordinary_edits() {
    let uses = ["deployment/app/app:server"];
    for (what, file, text) in edits() {
        let plan = with_log(
            &[(file, &text)],
            &log("update", "stacks/app/main.tf#local.image", &uses),
        )
        .plan();
        assert_eq!(plan.changes, [], "{what}");
        assert_eq!(
            (plan.decisions[0].verdict, codes(&plan.decisions[0])[0]),
            (Verdict::Blocked, "rolled-back"),
            "{what}"
        );
    }
}

#[test]
fn logs_of_older_versions_are_understood() {
    let site = "stacks/app/main.tf#deployment/app/app:server";
    for (what, file, text) in edits() {
        let plan = with_log(&[(file, &text)], &log("move", site, &[])).plan();
        assert_eq!(plan.changes, [], "{what}");
        let code = codes(&plan.decisions[0])[0];
        // The name had nothing but the container that is renamed here: then it was rolled back at
        // another site.
        let lost = what == "the container is renamed";
        assert_eq!(
            code,
            if lost {
                "rolled-back-elsewhere"
            } else {
                "rolled-back"
            },
            "{what}"
        );
    }
}

/// Older versions knew no namespace of a manifest that names none.
#[test]
fn a_log_without_the_default_namespace_is_understood() {
    let text = manifest(&pinned(APP, 'a'));
    for namespace in ["?", "default"] {
        let site = format!("stacks/app/main.tf#deployment/{namespace}/app:server");
        let plan = with_log(&[("stacks/app/main.tf", &text)], &log("move", &site, &[])).plan();
        assert_eq!(
            (&plan.changes[..], codes(&plan.decisions[0])[0]),
            (&[][..], "rolled-back"),
            "{namespace}"
        );
    }
}

fn own(name: &str) -> String {
    deployment(name, &[("server", APP, "")])
}

#[test]
fn a_denial_keeps_its_stack_when_another_gets_the_same_name() {
    for (section, codes_of) in [
        (
            "[deny]\nstacks = [\"vault\"]\n",
            ["denied", "ambiguous-stack"],
        ),
        (
            "[[hold]]\nstack = \"vault\"\nbecause = \"x\"\n",
            ["held", "ambiguous-stack"],
        ),
        (
            "[[rule]]\nmatch = { stack = \"vault\" }\nmode = \"off\"\n",
            ["mode-off", "ambiguous-stack"],
        ),
    ] {
        let text = own("vault");
        let alone = repo(&[("pintle.toml", section), ("stacks/vault/main.tf", &text)])
            .says(APP, 'b')
            .decided();
        assert_eq!(codes(&alone)[0], codes_of[0], "{section}");
        let both = repo(&[
            ("pintle.toml", section),
            ("stacks/vault/main.tf", &text),
            ("lab/vault/main.tf", &text),
        ])
        .says(APP, 'b')
        .plan();
        assert_eq!(both.changes, [], "{section}");
        for decision in &both.decisions {
            assert!(
                codes(decision).contains(&codes_of[1]),
                "{section}: {decision:?}"
            );
        }
        let path = section.replace("\"vault\"", "\"stacks/vault\"");
        let exact = repo(&[
            ("pintle.toml", &path),
            ("stacks/vault/main.tf", &text),
            ("lab/vault/main.tf", &text),
        ])
        .says(APP, 'b')
        .plan();
        let found: Vec<bool> = exact
            .decisions
            .iter()
            .map(|decision| codes(decision).contains(&codes_of[0]))
            .collect();
        assert_eq!(found, [false, true], "a path means one: {section}");
    }
}

#[test]
fn a_literal_is_denied_or_held_when_one_of_its_stacks_is() {
    let module = format!(
        "variable \"name\" {{}}\n{}",
        own("app").replace("\"app\"", "var.name")
    );
    let call = |name: &str| {
        format!("module \"app\" {{\n  source = \"../../modules/app\"\n  name   = \"{name}\"\n}}\n")
    };
    for (section, code) in [
        ("[deny]\nstacks = [\"secret\"]\n", "denied"),
        ("[[hold]]\nstack = \"secret\"\nbecause = \"x\"\n", "held"),
        (
            "[[rule]]\nmatch = { stack = \"secret\" }\npolicy = \"never\"\n",
            "policy-never",
        ),
    ] {
        for others in [vec![], vec!["web"], vec!["alpha", "web"]] {
            let mut files = vec![
                ("pintle.toml".to_owned(), section.to_owned()),
                ("modules/app/main.tf".to_owned(), module.clone()),
            ];
            files.extend(
                others
                    .iter()
                    .chain(&["secret"])
                    .map(|name| (format!("stacks/{name}/main.tf"), call(name))),
            );
            let files: Vec<(&str, &str)> = files
                .iter()
                .map(|(path, text)| (path.as_str(), text.as_str()))
                .collect();
            let plan = repo(&files).says(APP, 'b').plan();
            assert_eq!(
                (plan.decisions.len(), &plan.changes[..]),
                (1, &[][..]),
                "{section}, {others:?}"
            );
            assert_eq!(codes(&plan.decisions[0])[0], code, "{section}, {others:?}");
        }
    }
}

#[test]
fn a_hold_in_the_configuration_keeps_its_site() {
    for name in [
        "stacks/app/main.tf#local.image",
        "deployment/app/app:server",
        "stacks/app/main.tf#deployment/app/app:server",
    ] {
        let config = format!("[[hold]]\nsite = \"{name}\"\nbecause = \"x\"\n");
        let texts = [
            locals('a') + &user("main", "app", "server"),
            user("above", "another", "web") + &locals('a') + &user("main", "app", "server"),
            user("main", "app", "server") + &user("below", "zzz", "web") + &locals('a'),
        ];
        for text in texts {
            let decision = repo(&[("pintle.toml", &config), ("stacks/app/main.tf", &text)])
                .says(APP, 'b')
                .decided();
            assert_eq!(
                (decision.verdict, codes(&decision)[0]),
                (Verdict::Held, "held"),
                "{name}\n{text}"
            );
        }
    }
}

#[test]
fn entries_that_match_nothing_are_reported_with_every_plan() {
    let config = "[deny]\nstacks = [\"valut\"]\n\n[[hold]]\nsite = \"nothing\"\nbecause = \"x\"\n\n[[rule]]\nmatch = { stack = \"valut\" }\n\
                  mode = \"off\"\n\n[[group]]\nname = \"g\"\nimages = [\"ghcr.io/nobody/*\"]\n\n[[module]]\nsource = \"git::https://example.com/m\"\n\
                  reference = \"image\"\n\n[[environment]]\nroot = \"stacks/valut\"\nname = \"prod\"\n";
    let text = own("vault");
    let plan = repo(&[("pintle.toml", config), ("stacks/vault/main.tf", &text)]).plan();
    let entries: Vec<&str> = plan
        .unmatched
        .iter()
        .map(|one| one.entry.split([' ', '`']).next().unwrap_or_default())
        .collect();
    for section in [
        "[deny]",
        "[[hold]]",
        "[[rule]]",
        "[[group]]",
        "[[module]]",
        "[[environment]]",
    ] {
        assert_eq!(
            entries.iter().filter(|entry| **entry == section).count(),
            1,
            "{section} in {:?}",
            plan.unmatched
        );
    }
    let right = "[deny]\nstacks = [\"vault\"]\n";
    assert_eq!(
        repo(&[("pintle.toml", right), ("stacks/vault/main.tf", &text)])
            .plan()
            .unmatched,
        []
    );
}

#[test]
fn a_comment_that_almost_is_a_directive_blocks() {
    for comment in [
        "Pintle: hold",
        "pintle hold",
        "pintle : hold",
        "TODO pintle: hold",
        "PINTLE: never",
    ] {
        let text = deployment("app", &[("server", APP, &format!(" # {comment}"))]);
        let decision = repo(&[("stacks/app/main.tf", &text)])
            .says(APP, 'b')
            .decided();
        assert_eq!(
            (decision.verdict, codes(&decision)[0]),
            (Verdict::Blocked, "configuration-error"),
            "{comment}"
        );
        let Reason::ConfigurationError { what } = &decision.reasons[0] else {
            panic!("{decision:?}")
        };
        assert!(
            what.contains("`pintle: hold`") || what.contains("`pintle: never`"),
            "{what}"
        );
    }
}

#[test]
fn a_kind_is_matched_in_any_case() {
    for kind in ["Deployment", "deployment", "DEPLOYMENT"] {
        let config = format!("[[rule]]\nmatch = {{ kind = \"{kind}\" }}\nmode = \"off\"\n");
        let decision = repo(&[
            ("pintle.toml", &config),
            ("stacks/app/main.tf", &own("app")),
        ])
        .says(APP, 'b')
        .decided();
        assert_eq!(codes(&decision)[0], "mode-off", "{kind}");
    }
}

#[test]
fn a_setting_names_its_source_also_where_it_is_the_default_value() {
    let settle = |config: &str| -> Setting<jiff::SignedDuration> {
        let snapshot = repo(&[("pintle.toml", config), ("stacks/app/main.tf", &own("app"))]);
        let literals = find(&snapshot.scan, "app/app")
            .literals
            .iter()
            .map(|at| &snapshot.scan.literals[*at])
            .collect::<Vec<_>>();
        let explained = explain(&snapshot, &snapshot.plan(), &literals).remove(0);
        explained.settings.expect("a site").settle.clone()
    };
    let (built_in, written) = (settle(""), settle("[defaults]\nsettle = \"10m\"\n"));
    assert_eq!(built_in.value, written.value);
    assert_eq!(
        (&*built_in.source, &*written.source),
        ("built in", "[defaults]")
    );
}

/// A manifest that names no namespace.
fn manifest(image: &str) -> String {
    format!(
        "resource \"kubernetes_manifest\" \"app\" {{\n  manifest = {{\n    apiVersion = \"apps/v1\"\n    kind = \"Deployment\"\n    metadata = {{ name = \
         \"app\" }}\n    spec = {{ template = {{ spec = {{ containers = [{{ name = \"server\", image = \"{image}\" }}] }} }} }}\n  }}\n}}\n"
    )
}

#[test]
fn a_manifest_without_a_namespace_is_in_default() {
    let snapshot = repo(&[("stacks/app/main.tf", &manifest(OTHER))]);
    let (literal, site) = snapshot.scan.sites().next().expect("a site");
    assert_eq!(literal.uses[0].namespace.as_deref(), Some("default"));
    assert_eq!(
        site.aliases
            .iter()
            .map(|alias| &**alias)
            .collect::<Vec<_>>(),
        ["deployment/default/app:server"]
    );
}

#[test]
fn every_action_and_cause_is_written_and_read_back() {
    for action in Action::iter() {
        for cause in Cause::iter() {
            let pin = PinRecord {
                action,
                cause,
                ..trailers::parse(&log("update", "a.tf#local.image", &[])[1]).remove(0)
            };
            let text =
                trailers::render("app: x", std::slice::from_ref(&pin)).expect("it can be written");
            assert_eq!(trailers::parse(&text), [pin]);
        }
    }
}

#[test]
fn settings_that_differ_are_no_difference_of_holds() {
    let config =
        |text: &str| Config::parse(text, "pintle.toml").unwrap_or_else(|error| panic!("{error}"));
    let base = "[[hold]]\nstack = \"a\"\nbecause = \"x\"\n";
    let differs = |more: &str| {
        crate::config::differs_in_holds_only(&config(base), &config(&format!("{base}{more}")))
    };
    assert!(differs("") && differs("[[hold]]\nstack = \"b\"\nbecause = \"y\"\n"));
    for key in [
        "policy = \"never\"",
        "mode = \"off\"",
        "schedule = \"@daily\"",
        "settle = \"1h\"",
        "automerge = true",
        "soak = \"1h\"",
        "watch = \"1h\"",
        "auto_rollback = false",
        "drift = \"adopt\"",
        "budget = \"1 per 1h\"",
    ] {
        assert!(!differs(&format!("[defaults]\n{key}\n")), "{key}");
        if !key.starts_with("budget") {
            assert!(
                !differs(&format!("[[rule]]\nmatch = {{ stack = \"b\" }}\n{key}\n")),
                "{key}"
            );
        }
    }
    assert!(!differs("[deny]\nstacks = [\"b\"]\n"));
}
