//! Pins that wait until upstream was quiet, and where it is kept when upstream moved: in the
//! remote, whatever refs it takes.

use crate::support::git::BRANCH;
use crate::support::line::{Line, path};

const IMAGE: &str = "quay.io/team/app:latest";
const REF: &str = "refs/pintle/ledger";
const OTHER: &str = "refs/heads/pintle-ledger";

/// A stack that was pinned, and whose tag moved since; pins wait for two hours.
fn waiting() -> (Line, String) {
    let line = Line::of_stacks(
        &[("app", IMAGE)],
        "\n[[rule]]\nmatch = { image = \"*\" }\nsettle = \"2h\"\n",
    );
    line.sync();
    let moved = line.registries.put(IMAGE, "second");
    (line, moved)
}

fn ledger(line: &Line, name: &str) -> Vec<String> {
    let text = line.remote.ask(&["show", &format!("{name}:ledger.tsv")]);
    text.lines().skip(1).map(str::to_owned).collect()
}

fn verdict(line: &Line) -> String {
    line.plan()["sites"][0]["verdict"]
        .as_str()
        .expect("a verdict is a word")
        .to_owned()
}

/// Lets the ledger say that everything in it was seen hours ago.
fn hours_pass(line: &Line, name: &str) {
    let text = line.remote.ask(&["show", &format!("{name}:ledger.tsv")]);
    let aged = |line: &str| match line.rsplit_once('\t') {
        Some((seen, _)) => format!("{seen}\t2026-01-01T00:00:00Z\n"),
        None => format!("{line}\n"),
    };
    let file = line.remote.path().join("aged");
    std::fs::write(&file, text.lines().map(aged).collect::<String>()).expect("it can be written");
    let blob = line.remote.ask(&["hash-object", "-w", "aged"]);
    line.remote.ask(&[
        "update-index",
        "--add",
        "--cacheinfo",
        &format!("100644,{blob},ledger.tsv"),
    ]);
    let tree = line.remote.ask(&["write-tree"]);
    let commit = line
        .remote
        .ask(&["commit-tree", "-m", "hours pass", "-p", name, &tree]);
    line.remote.ask(&["update-ref", name, &commit]);
}

/// Waits, remembers, moves once the time is over, and forgets.
fn settles(line: &Line, moved: &str, name: &str) {
    let tip = line.remote.tip();
    let first = line.sync();
    assert_eq!(
        (line.remote.tip(), verdict(line).as_str()),
        (tip.clone(), "waiting"),
        "{first:?}"
    );
    assert_eq!(ledger(line, name).len(), 1, "{first:?}");
    assert!(ledger(line, name)[0].starts_with(&format!("{IMAGE}\t{moved}\t")));
    let before = line.refs();
    line.sync();
    assert_eq!(
        line.refs(),
        before,
        "nothing new was seen, so nothing is written"
    );
    hours_pass(line, name);
    assert_eq!(verdict(line), "update");
    let last = line.sync();
    assert_eq!(last.stdout.lines().count(), 1, "{last:?}");
    assert!(line.text("app").contains(moved));
    assert_eq!(ledger(line, name), [] as [String; 0]);
    let before = line.refs();
    line.sync();
    assert_eq!(line.refs(), before);
    line.remote.fsck();
}

#[test]
fn a_pin_waits_until_upstream_was_quiet() {
    let (line, moved) = waiting();
    settles(&line, &moved, REF);
    let branches = line
        .remote
        .ask(&["for-each-ref", "--format=%(refname)", "refs/heads"]);
    assert_eq!(branches, format!("refs/heads/{BRANCH}"));
}

#[test]
fn a_server_that_takes_branches_only_keeps_the_ledger_in_one() {
    let (line, moved) = waiting();
    line.hook("update", "#!/bin/sh\ncase \"$1\" in refs/heads/*) exit 0 ;; esac\necho 'only branches' >&2\nexit 1\n");
    settles(&line, &moved, OTHER);
}

#[test]
fn a_server_that_takes_the_branch_only_gets_the_pins_all_the_same() {
    let (line, _) = waiting();
    line.hook("update", &format!("#!/bin/sh\n[ \"$1\" = refs/heads/{BRANCH} ] && exit 0\necho 'only {BRANCH}' >&2\nexit 1\n"));
    let mut line = line;
    let text = crate::support::line::stack("new", &["quay.io/team/new:latest"]);
    line.registries.put("quay.io/team/new:latest", "first");
    line.remote
        .commit("A new stack", &[(&path("new"), text.as_bytes())]);
    let output = line.sync();
    assert!(line.text("new").contains("@sha256:"), "{output:?}");
    assert!(
        output.stderr.contains("could not be kept"),
        "{}",
        output.stderr
    );
    assert_eq!(
        line.remote.ask(&["for-each-ref", "--format=%(refname)"]),
        format!("refs/heads/{BRANCH}")
    );
}

#[test]
fn a_plan_says_nothing_of_when_it_was_made() {
    let (mut line, moved) = waiting();
    let says_no_time = |line: &Line, verdict: &str| {
        let plan = line.plan();
        assert_eq!(
            (
                plan["sites"][0]["verdict"].as_str(),
                plan["sites"][0]["to"].as_str()
            ),
            (Some(verdict), Some(moved.as_str()))
        );
        assert!(!plan.to_string().contains(" UTC"), "{plan}");
    };
    says_no_time(&line, "waiting");
    for (end, verdict) in [
        ("settle = \"0s\"\nschedule = \"@every 1h\"\n", "waiting"),
        ("settle = \"0s\"\n", "update"),
    ] {
        let config = format!(
            "{}\n[[rule]]\nmatch = {{ image = \"*\" }}\n{end}",
            line.registries.config()
        );
        line.remote
            .commit("Other rules", &[("pintle.toml", config.as_bytes())]);
        says_no_time(&line, verdict);
    }
}

#[test]
fn a_tag_that_moves_again_settles_anew() {
    let (line, moved) = waiting();
    line.sync();
    hours_pass(&line, REF);
    let again = line.registries.put(IMAGE, "third");
    let output = line.sync();
    assert_eq!(output.stdout, "", "{output:?}");
    let entries = ledger(&line, REF);
    assert!(
        entries.len() == 1 && entries[0].contains(&again) && !entries[0].contains(&moved),
        "{entries:?}"
    );
    assert!(!entries[0].contains("2026-01-01T00"), "{entries:?}");
}

#[test]
fn a_ledger_that_nobody_can_read_holds_moves_and_nothing_else() {
    let (mut line, _) = waiting();
    line.sync();
    std::fs::write(line.remote.path().join("aged"), "something else\n").expect("it can be written");
    let blob = line.remote.ask(&["hash-object", "-w", "aged"]);
    line.remote.ask(&[
        "update-index",
        "--add",
        "--cacheinfo",
        &format!("100644,{blob},ledger.tsv"),
    ]);
    let tree = line.remote.ask(&["write-tree"]);
    let commit = line.remote.ask(&["commit-tree", "-m", "broken", &tree]);
    line.remote.ask(&["update-ref", REF, &commit]);
    line.registries.put("quay.io/team/new:latest", "first");
    let text = crate::support::line::stack("new", &["quay.io/team/new:latest"]);
    line.remote
        .commit("A new stack", &[(&path("new"), text.as_bytes())]);
    let output = line.run("sync", &[]);
    assert_eq!(output.stdout.lines().count(), 1, "{output:?}");
    assert!(line.text("new").contains("@sha256:"));
    assert_eq!(
        line.remote.ask(&["rev-parse", REF]),
        commit,
        "what cannot be read is not overwritten"
    );
    let plan = line.plan();
    let app = plan["sites"]
        .as_array()
        .and_then(|sites| sites.iter().find(|site| site["stack"] == "app"))
        .expect("it is planned");
    assert_eq!(app["verdict"], "waiting");
}
