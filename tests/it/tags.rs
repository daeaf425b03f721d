//! `pintle tags try`: the exact JSON, every kind of policy, and what is wrong usage. Asks nobody.

use std::fs;
use std::io::Write;
use std::path::Path;
use std::process::Stdio;

use serde_json::{Value, json};

use crate::support::cmd::{Output, Pintle};
use crate::support::line::clones;

fn try_tags(folder: &Path, args: &[&str], available: &str) -> Output {
    fs::write(folder.join("tags.json"), available).expect("the list");
    let fixed = ["tags", "try", "--available", "tags.json"];
    Pintle::new(folder, fixed.iter().chain(args)).run()
}

fn answer(args: &[&str], available: &Value) -> Value {
    let folder = clones();
    let args: Vec<&str> = args.iter().copied().chain(["--output", "json"]).collect();
    let output = try_tags(folder.path(), &args, &available.to_string());
    assert_eq!(
        (output.code, output.stderr.as_str()),
        (Some(0), ""),
        "{output:?}"
    );
    serde_json::from_str(&output.stdout).expect("JSON")
}

fn tags(names: &[&str]) -> Value {
    names.iter().map(|tag| json!({ "tag": tag })).collect()
}

#[test]
fn the_answer_has_exactly_these_keys() {
    let available = json!([
        { "tag": "1.2.4", "created": "2026-01-02T03:04:05Z", "platforms": ["linux/amd64"] },
        { "tag": "1.3.0", "created": null, "platforms": null },
        { "tag": "2.0.0", "created": "2026-01-02T04:04:05+01:00", "platforms": null },
        { "tag": "1.2.3", "created": null, "platforms": null },
    ]);
    assert_eq!(
        answer(&["--policy", "minor", "--current", "1.2.3"], &available),
        json!({
            "chosen": "1.3.0",
            "follow_digest": false,
            "candidates": [
                { "tag": "1.2.4", "kept_out_by": null },
                { "tag": "1.3.0", "kept_out_by": null },
                { "tag": "2.0.0", "kept_out_by": "other-major" },
                { "tag": "1.2.3", "kept_out_by": "declared" },
            ],
        })
    );
}

#[test]
fn each_word_of_a_policy_is_understood() {
    let names = ["1.2.4", "1.3.0", "2.0.0", "2.0.1-rc1", "v9"];
    for (policy, chosen, follows) in [
        ("patch", json!("1.2.4"), false),
        ("minor", json!("1.3.0"), false),
        ("major", json!("2.0.0"), false),
        ("all", json!("2.0.1-rc1"), false),
        ("glob:1.*", json!("1.3.0"), false),
        (r"regexp:^(?P<compare>\d+)\.0\.0$", json!(null), false),
        (r"regexp:^1\.(?P<compare>\d+)\.\d$", json!("1.3.0"), false),
        ("force", json!(null), true),
        ("never", json!(null), false),
    ] {
        let answer = answer(&["--policy", policy, "--current", "1.2.3"], &tags(&names));
        let found = (&answer["chosen"], &answer["follow_digest"]);
        assert_eq!(found, (&chosen, &json!(follows)), "{policy}");
    }
}

#[test]
fn each_option_counts() {
    let names = tags(&["1.2.4", "1.3.0", "1.4.0", "1.5.0-rc1"]);
    let minor = ["--policy", "minor", "--current", "1.2.3"];
    for (options, chosen) in [
        (vec![], "1.4.0"),
        (vec!["--match-pre-release", "false"], "1.5.0-rc1"),
        (vec!["--match-pre-release=true"], "1.4.0"),
        (vec!["--running", "1.3.0"], "1.3.0"),
        (vec!["--step"], "1.3.0"),
        (vec!["--exclude", r"^1\.4\.", "--exclude", "^1.3"], "1.2.4"),
        (vec!["--platform", "linux/amd64", "linux/arm64"], "1.4.0"),
    ] {
        let args: Vec<&str> = minor.iter().chain(&options).copied().collect();
        assert_eq!(answer(&args, &names)["chosen"], chosen, "{options:?}");
    }
    let built = json!([
        { "tag": "1.3.0", "platforms": ["linux/amd64"] },
        { "tag": "1.2.4", "platforms": ["linux/amd64", "linux/arm64"] },
    ]);
    let platforms = ["--platform", "linux/amd64", "--platform", "linux/arm64"];
    let args: Vec<&str> = minor.iter().chain(&platforms).copied().collect();
    assert_eq!(answer(&args, &built)["chosen"], "1.2.4");
}

#[test]
fn nothing_to_choose_from_is_no_error() {
    let nothing = json!({ "chosen": null, "follow_digest": false, "candidates": [] });
    for list in [json!([]), json!(null)] {
        let answer = answer(&["--policy", "minor", "--current", "1.2.3"], &list);
        assert_eq!(answer, nothing);
    }
}

#[test]
fn the_list_may_come_from_standard_input() {
    let folder = clones();
    let args = [
        "tags",
        "try",
        "--policy",
        "patch",
        "--current",
        "1.2.3",
        "-o",
        "json",
    ];
    let args = args.into_iter().chain(["--available", "-"]);
    let (mut child, kept) = Pintle::new(folder.path(), args).start(|command| {
        let piped = command.stdin(Stdio::piped()).stdout(Stdio::piped());
        piped.stderr(Stdio::piped())
    });
    let mut stdin = child.stdin.take().expect("a pipe");
    stdin.write_all(br#"[{"tag": "1.2.4"}]"#).expect("written");
    drop(stdin);
    let output = kept.output(child);
    assert!(output.stdout.contains(r#""chosen": "1.2.4""#), "{output:?}");
}

#[test]
fn a_person_reads_a_table() {
    let folder = clones();
    let args = ["--policy", "minor", "--current", "1.2.3"];
    let list = tags(&["1.2.3", "1.2.4", "1.3.0", "2.0.0", "latest"]).to_string();
    let output = try_tags(folder.path(), &args, &list);
    assert_eq!((output.code, output.stderr.as_str()), (Some(0), ""));
    assert_eq!(
        output.stdout,
        "\
TAG     KEPT OUT BY  WHY
1.2.3   declared     it is the declared tag
1.2.4   -            allowed; a better one is chosen
1.3.0   -            chosen
2.0.0   other-major  another major version
latest  no-version   it has no version

1.2.3 is bumped to 1.3.0
"
    );
}

#[test]
fn wrong_input_is_wrong_usage() {
    let folder = clones();
    let right = r#"[{"tag": "1.2.4"}]"#;
    let policy = ["--policy", "minor", "--current", "1.2.3"];
    for (args, list, sentence) in [
        (policy.to_vec(), "{", "tags.json is not a list of tags"),
        (
            policy.to_vec(),
            r#"[{"created": null}]"#,
            "missing field `tag`",
        ),
        (
            vec!["--policy", "minro", "--current", "1.2.3"],
            right,
            "did you mean `minor`?",
        ),
        (
            vec!["--policy", "regexp:(", "--current", "1.2.3"],
            right,
            "--policy regexp:( cannot be used",
        ),
        (
            vec!["--policy", "minor", "--current", "a/b"],
            right,
            "--current \"a/b\" is not a tag",
        ),
        (
            [&policy[..], &["--running", ""]].concat(),
            right,
            "--running \"\" is not a tag",
        ),
        (
            [&policy[..], &["--platform", "amd64"]].concat(),
            right,
            "--platform amd64 is not a platform",
        ),
        (
            [&policy[..], &["--exclude", "["]].concat(),
            right,
            "--exclude [ is not a regular expression",
        ),
        (
            [&policy[..], &["--match-pre-release", "maybe"]].concat(),
            right,
            "invalid value 'maybe'",
        ),
        (vec!["--policy", "minor"], right, "--current <TAG>"),
    ] {
        let output = try_tags(folder.path(), &args, list);
        assert_eq!(
            (output.code, output.stdout.as_str()),
            (Some(2), ""),
            "{output:?}"
        );
        assert!(output.stderr.contains(sentence), "{sentence}: {output:?}");
    }
    let missing = ["tags", "try", "--available", "none.json"];
    let output = Pintle::new(folder.path(), missing.iter().chain(&policy)).run();
    assert_eq!(output.code, Some(2));
    assert!(
        output
            .stderr
            .contains("cannot read the tags from none.json")
    );
}
