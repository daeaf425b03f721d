//! `setup forgejo`: makes what is missing, once, and says clearly what a person has to put right.

use secrecy::ExposeSecret;
use serde_json::{Value, json};

use super::NGINX;
use crate::support::cmd::{Output, Pintle};
use crate::support::forge_line::ForgeLine;
use crate::support::forge_proxy::Seen;
use crate::support::gitea::{Account, text};

const HOOK: &str = "http://127.0.0.1:9/hooks/forgejo";
const SECRET: &str = "s3cret-of-the-hooks";

/// A run of `setup forgejo` as somebody, on the repo of that name.
fn setup(line: &ForgeLine, who: &Account, more: &[&str]) -> Output {
    at(&line.forge(), who, more)
}

fn at(forge: &str, who: &Account, more: &[&str]) -> Output {
    let folder = tempfile::tempdir().expect("it is there");
    let args = [&["setup", "forgejo", "--forge", forge], more].concat();
    let run = Pintle::new(folder.path(), args).env("PINTLE_TOKEN", who.token.expose_secret());
    run.env("PINTLE_WEBHOOK_SECRET", SECRET).run()
}

#[test]
fn it_makes_what_is_missing_and_run_again_it_changes_nothing() {
    let line = ForgeLine::behind_a_proxy(&[("web", NGINX)], "");
    let proxy = line.proxy.as_ref().expect("it is there");
    let hook = ["--hook-url", HOOK];
    proxy.take();
    let dry = setup(&line, &line.bot, &[&hook[..], &["--dry-run"]].concat());
    assert_eq!(dry.code, Some(0), "{}", dry.stderr);
    assert!(
        dry.stdout.contains("missing label pintle\n")
            && dry.stdout.contains(&format!("missing webhook to {HOOK}\n")),
        "{}",
        dry.stdout
    );
    assert!(!proxy.take().iter().any(Seen::writes));

    let first = setup(&line, &line.bot, &hook);
    assert_eq!(first.code, Some(0), "{}", first.stderr);
    assert!(first.stderr.contains("made 3 things"), "{}", first.stderr);
    for part in [
        "ok      Gitea 1.26.0 at ",
        "ok      the token is that of pintle-bot (id ",
        "made    label pintle\n",
        "made    label pintle/urgent\n",
    ] {
        assert!(
            first.stdout.contains(part),
            "{part} is not in:\n{}",
            first.stdout
        );
    }
    let mut labels: Vec<String> = line
        .repo
        .labels()
        .iter()
        .map(|label| text(&label["name"]))
        .collect();
    labels.sort();
    assert_eq!(labels, ["pintle", "pintle/urgent"]);
    let hooks = line.repo.hooks();
    assert_eq!(
        (hooks.len(), &hooks[0]["config"]["url"], &hooks[0]["active"]),
        (1, &json!(HOOK), &json!(true))
    );
    assert_eq!(proxy.take().iter().filter(|seen| changes(seen)).count(), 3);

    let again = setup(&line, &line.bot, &hook);
    assert_eq!(again.code, Some(0), "{}", again.stderr);
    assert!(
        again.stderr.contains("nothing was changed")
            && again
                .stdout
                .contains(&format!("ok      webhook to {HOOK}\n")),
        "{again:?}"
    );
    assert!(!proxy.take().iter().any(changes));
    let made = |hooks: &[Value]| {
        hooks
            .iter()
            .map(|hook| (hook["id"].clone(), hook["updated_at"].clone()))
            .collect::<Vec<_>>()
    };
    assert_eq!(made(&line.repo.hooks()), made(&hooks));

    let anew = setup(&line, &line.bot, &[&hook[..], &["--replace-hook"]].concat());
    assert_eq!(
        (anew.code, line.repo.hooks().len()),
        (Some(0), 1),
        "{}",
        anew.stderr
    );
    assert_ne!(line.repo.hooks()[0]["id"], hooks[0]["id"]);
}

/// Whether a request may change something: to ask what a token may do, what there never is is
/// written to.
fn changes(seen: &Seen) -> bool {
    seen.writes() && !seen.target.ends_with("/pulls/0") && !seen.target.ends_with("/comments/0")
}

#[test]
fn a_token_that_only_reads_and_a_repo_that_has_moved_are_told() {
    let line = ForgeLine::of_stacks(&[("web", NGINX)], "");
    assert_eq!(setup(&line, &line.bot, &[]).code, Some(0));
    let readers = [
        (["read:repository", "read:issue"], "repository"),
        (["write:repository", "read:issue"], "issue"),
        (["read:repository", "write:issue"], "repository"),
    ];
    for (scopes, lacks) in readers {
        let output = setup(
            &line,
            &line.bot.scoped(&[&scopes[..], &["read:user"]].concat()),
            &[],
        );
        let told = format!("lacks the scope write:{lacks}");
        assert!(
            output.code == Some(1) && output.stderr.contains(&told),
            "{scopes:?}: {output:?}"
        );
    }
    line.repo
        .owner
        .must("PATCH", &line.repo.path(""), &json!({"name": "infra2"}));
    let moved = setup(&line, &line.bot, &[]);
    assert!(
        moved.code == Some(1)
            && moved
                .stdout
                .contains("wrong   ops/infra is called ops/infra2 now"),
        "{moved:?}"
    );
    let sync = line.pintle("sync", &[]).run();
    assert!(
        sync.code == Some(1) && sync.stderr.contains("redirects to 127.0.0.1/ops/infra2/"),
        "{sync:?}"
    );
}

#[test]
fn it_says_what_a_person_has_to_put_right() {
    let line = ForgeLine::of_stacks(&[("web", NGINX)], "");
    let full = [
        ("write:repository", "write:issue"),
        ("write:issue", "write:repository"),
    ];
    for (lacks, has) in full {
        let output = setup(&line, &line.bot.scoped(&[has, "read:user"]), &[]);
        assert_eq!(output.code, Some(1), "{output:?}");
        let scope = lacks.trim_start_matches("write:");
        assert!(
            output.stderr.contains("lacks the scope") && output.stderr.contains(scope),
            "{lacks}: {}",
            output.stderr
        );
    }
    let output = setup(
        &line,
        &line.bot.scoped(&["write:repository", "write:issue"]),
        &[],
    );
    assert!(
        output.code == Some(1)
            && output.stderr.contains("lacks the scope")
            && output.stderr.contains("read:user"),
        "{output:?}"
    );
    let right = setup(
        &line,
        &line
            .bot
            .scoped(&["write:repository", "write:issue", "read:user"]),
        &["--hook-url", HOOK],
    );
    assert_eq!(
        right.code,
        Some(0),
        "the scopes of the guide are enough: {}",
        right.stderr
    );

    let writer = setup(&line, &line.ana, &[]);
    assert_eq!(writer.code, Some(0), "{writer:?}");
    assert!(
        writer
            .stdout
            .contains("note    the account does not administrate the repo"),
        "{}",
        writer.stdout
    );
    let writer = setup(&line, &line.ana, &["--hook-url", HOOK]);
    assert!(
        writer.code == Some(1)
            && writer
                .stdout
                .contains("wrong   a webhook takes an administrator of the repo"),
        "{writer:?}"
    );
    let stranger = setup(&line, &line.gitea.user("eve"), &[]);
    assert_eq!(stranger.code, Some(1), "{stranger:?}");
    assert!(
        stranger
            .stdout
            .contains("wrong   the account may not write to "),
        "{stranger:?}"
    );

    let missing = at(&format!("{}x", line.forge()), &line.bot, &[]);
    assert!(
        missing.code == Some(1) && missing.stderr.contains("ops/infrax"),
        "{missing:?}"
    );
    let branch = setup(&line, &line.bot, &["--branch", "nowhere"]);
    assert!(
        branch.code == Some(1) && branch.stderr.contains("has no branch nowhere"),
        "{branch:?}"
    );
    line.repo.protect("main", &json!({"enable_push": false}));
    let protected = setup(&line, &line.bot, &[]);
    assert!(
        protected
            .stdout
            .contains("main is protected: every change will be a pull request"),
        "{protected:?}"
    );

    line.repo
        .owner
        .must("PATCH", &line.repo.path(""), &json!({"archived": true}));
    let archived = setup(&line, &line.bot, &[]);
    assert!(
        archived.code == Some(1)
            && archived
                .stdout
                .contains("is archived: nothing can be written"),
        "{archived:?}"
    );
    let sync = line.pintle("sync", &[]).run();
    assert!(
        sync.code != Some(0) && sync.stderr.contains("is archived"),
        "{sync:?}"
    );
}

#[test]
fn it_reports_rules_that_cover_pintle_s_own_branches() {
    let line = ForgeLine::of_stacks(&[("web", NGINX)], "");
    line.repo
        .protect("release/*", &json!({"enable_push": false}));
    let free = setup(&line, &line.bot, &[]);
    assert!(!free.stdout.contains("covers"), "{}", free.stdout);
    line.repo
        .protect("pintle/*", &json!({"enable_push": false}));
    let covered = setup(&line, &line.bot, &[]);
    assert!(
        covered
            .stdout
            .contains("the protection rule pintle/* covers pintle's own branches"),
        "{}",
        covered.stdout
    );
}
