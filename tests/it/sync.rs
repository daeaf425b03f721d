//! The whole line with the built program on real bare remotes: what is committed, to the byte, in
//! how many commits and pushes, and what is left alone.

use std::collections::BTreeMap;

use crate::support::git::BRANCH;
use crate::support::line::{Line, executable, path, stack};

const TOKEN: &str = "s3cret-of-the-remote";

/// One file of each kind a user can have; the image stands in each of them once.
fn odd_files() -> Vec<(&'static str, &'static str, String)> {
    let plain = |name: &str, image: &str| stack(name, &[image]);
    let tabs =
        plain("tabs", "quay.io/team/tabs:stable").replace("  ", "\t") + "\n# the end, äöü\t \n\n\n";
    let no_end = plain("noend", "ghcr.io/team/noend:v3");
    vec![
        (
            "plain",
            "docker.io/library/nginx:latest",
            plain("plain", "docker.io/library/nginx:latest"),
        ),
        (
            "crlf",
            "ghcr.io/team/crlf:latest",
            plain("crlf", "ghcr.io/team/crlf:latest").replace('\n', "\r\n"),
        ),
        (
            "bom",
            "ghcr.io/team/bom:latest",
            format!("\u{feff}{}", plain("bom", "ghcr.io/team/bom:latest")),
        ),
        ("tabs", "quay.io/team/tabs:stable", tabs),
        (
            "noend",
            "ghcr.io/team/noend:v3",
            no_end.trim_end_matches('\n').to_owned(),
        ),
        (
            "version",
            "quay.io/team/version:1.29.3",
            plain("version", "quay.io/team/version:1.29.3"),
        ),
    ]
}

fn odd_line() -> Line {
    let files = odd_files();
    let paths: Vec<String> = files.iter().map(|(name, ..)| path(name)).collect();
    let mut all: Vec<(&str, &[u8])> = files
        .iter()
        .zip(&paths)
        .map(|((_, _, text), path)| (path.as_str(), text.as_bytes()))
        .collect();
    all.push((
        "README.md",
        b"image = \"docker.io/library/nginx:latest\"\r\n",
    ));
    Line::new(&all, "")
}

/// The way a remote is reached.
#[derive(Clone, Copy, Debug)]
enum Way {
    Path,
    File,
    Http,
}

/// First pins, then nothing, then one move: each of them to the byte.
fn first_pins_and_a_move(way: Way) {
    let line = odd_line();
    let (files, start) = (odd_files(), line.remote.tip());
    let pushes = line.count_pushes();
    let host = matches!(way, Way::Http).then(|| line.host(TOKEN));
    let address = match (way, &host) {
        (_, Some(host)) => host.url(),
        (Way::File, _) => line.remote.url(),
        _ => line.remote.path().display().to_string(),
    };
    let sync = || {
        line.pintle_at(&address, line.clones(), "sync", &[])
            .env("PINTLE_TOKEN", TOKEN)
            .run()
    };
    let mut digests: BTreeMap<&str, String> = files
        .iter()
        .map(|(_, image, _)| (*image, line.registries.put(image, "first")))
        .collect();

    let first = sync();
    assert_eq!(first.code, Some(0), "{way:?} {first:?}");
    for (name, image, text) in &files {
        let want = text.replace(image, &format!("{image}@{}", digests[image]));
        assert_eq!(
            line.remote.file(BRANCH, &path(name)),
            want.as_bytes(),
            "{way:?} {name}"
        );
    }
    let changed = line.remote.ask(&["diff", "--name-only", &start, BRANCH]);
    assert_eq!(changed.lines().count(), files.len(), "{changed}");
    let subjects = line
        .remote
        .ask(&["log", "--format=%s", &format!("{start}..{BRANCH}")]);
    let stacks: Vec<&str> = subjects
        .lines()
        .filter_map(|subject| subject.split(':').next())
        .collect();
    assert_eq!(stacks, ["version", "tabs", "plain", "noend", "crlf", "bom"]);
    assert_eq!(pushes.take(), [[format!("refs/heads/{BRANCH}")]], "{way:?}");
    assert_eq!(
        first.stdout.lines().count(),
        files.len(),
        "{}",
        first.stdout
    );

    let before = line.refs();
    let second = sync();
    assert_eq!(
        (second.code, second.stdout.as_str()),
        (Some(0), ""),
        "{second:?}"
    );
    assert!(
        second.stderr.contains("nothing was written"),
        "{}",
        second.stderr
    );
    assert_eq!(
        (line.refs(), pushes.take()),
        (before, Vec::new()),
        "{way:?}"
    );

    let (crlf, version) = ("ghcr.io/team/crlf:latest", "quay.io/team/version:1.29.3");
    let moved = line.registries.put(crlf, "second");
    line.registries.put(version, "pushed again");
    let tip = line.remote.tip();
    let third = sync();
    assert_eq!(third.code, Some(0), "{third:?}");
    let from = digests.insert(crlf, moved.clone()).expect("it was there");
    for (name, image, text) in &files {
        let want = text.replace(image, &format!("{image}@{}", digests[image]));
        assert_eq!(
            line.remote.file(BRANCH, &path(name)),
            want.as_bytes(),
            "{way:?} {name}"
        );
    }
    assert_eq!(
        line.remote
            .ask(&["rev-list", "--count", &format!("{tip}..{BRANCH}")]),
        "1"
    );
    let trailers = line
        .remote
        .ask(&["log", "-1", "--format=%(trailers:only,unfold)"]);
    let want = format!(
        "Pintle-Action: update\nPintle-Site: stacks/crlf/main.tf#kubernetes_deployment.crlf/container[crlf].image\nPintle-Use: deployment/crlf/crlf:crlf\nPintle-Image: {crlf}\n\
         Pintle-From: {from}\nPintle-To: {moved}\nPintle-Cause: tag-moved\n"
    );
    assert_eq!(trailers.trim_end(), want.trim_end(), "{way:?}");
    assert_eq!(pushes.take().len(), 1);
    line.remote.fsck();
    if let Some(host) = host {
        assert!(
            host.seen()
                .iter()
                .any(|seen| seen.target.ends_with("git-receive-pack") && seen.status == 200)
        );
    }
}

#[test]
fn pins_land_to_the_byte_over_a_path() {
    first_pins_and_a_move(Way::Path);
}

#[test]
fn pins_land_to_the_byte_over_a_file_address() {
    first_pins_and_a_move(Way::File);
}

#[test]
fn pins_land_to_the_byte_over_http_with_a_token() {
    first_pins_and_a_move(Way::Http);
}

#[test]
fn the_log_tells_what_was_pinned() {
    let line = Line::of_stacks(
        &[
            ("web", "docker.io/library/nginx:latest"),
            ("db", "quay.io/team/db:15"),
        ],
        "",
    );
    line.sync();
    let from = line
        .text("web")
        .split("nginx:latest@")
        .nth(1)
        .and_then(|rest| rest.split('"').next())
        .map(str::to_owned);
    let to = line
        .registries
        .put("docker.io/library/nginx:latest", "second");
    line.sync();
    let output = line.run("log", &["--output", "json"]);
    assert_eq!(output.code, Some(0), "{output:?}");
    let log: serde_json::Value = serde_json::from_str(&output.stdout).unwrap();
    let pins = log["pins"].as_array().unwrap();
    assert_eq!(pins.len(), 3, "{}", output.stdout);
    assert_eq!(
        (pins[0]["from"].as_str(), pins[0]["to"].as_str()),
        (from.as_deref(), Some(to.as_str()))
    );
    assert_eq!(pins[0]["commit"].as_str(), Some(line.remote.tip().as_str()));
    let only = line.run("log", &["--only", "quay.io/team/db"]);
    assert_eq!(
        only.stdout.matches("quay.io/team/db:15").count(),
        1,
        "{}",
        only.stdout
    );
}

#[test]
fn plans_of_one_state_are_the_same_bytes() {
    let line = odd_line();
    for (_, image, _) in odd_files() {
        line.registries.put(image, "first");
    }
    let plan = || line.run("plan", &["--output", "json", "--exit-code"]);
    let (one, two) = (plan(), plan());
    assert_eq!(one.code, Some(10), "{one:?}");
    assert_eq!(one.stdout.as_bytes(), two.stdout.as_bytes());
    line.sync();
    let (one, two) = (plan(), plan());
    assert_eq!((one.code, two.code), (Some(0), Some(0)), "{one:?}");
    assert_eq!(one.stdout.as_bytes(), two.stdout.as_bytes());
    assert_eq!(line.run("plan", &[]).code, Some(0));
}

#[test]
fn a_sync_of_targets_pins_them_alone() {
    let line = Line::of_stacks(
        &[
            ("web", "docker.io/library/nginx:latest"),
            ("db", "docker.io/library/postgres:16"),
            ("ci", "ghcr.io/team/ci:latest"),
        ],
        "",
    );
    let pinned = || ["web", "db", "ci"].map(|stack| line.text(stack).contains("@sha256:"));
    let missing = line.run("sync", &["web", "--target", "nothing"]);
    assert_eq!(missing.code, Some(1), "{missing:?}");
    assert_eq!(pinned(), [false; 3]);
    let dry = line.run("sync", &["web", "--dry-run"]);
    assert!(
        dry.stdout.contains("stacks/web/main.tf") && !dry.stdout.contains("stacks/db/main.tf"),
        "{dry:?}"
    );
    let output = line.run("sync", &["web"]);
    assert_eq!(output.code, Some(0), "{output:?}");
    assert_eq!(pinned(), [true, false, false]);
    let output = line.run("sync", &["--target", "ghcr.io/team/ci"]);
    assert_eq!(output.code, Some(0), "{output:?}");
    assert_eq!(pinned(), [true, false, true]);
    line.sync();
    assert_eq!(pinned(), [true; 3]);
}

#[test]
fn a_dry_run_shows_the_commits_and_writes_nothing() {
    let line = Line::of_stacks(&[("web", "docker.io/library/nginx:latest")], "");
    let (before, pushes) = (line.refs(), line.count_pushes());
    let digest = line
        .registries
        .put("docker.io/library/nginx:latest", "first");
    let output = line.run("sync", &["--dry-run"]);
    assert_eq!(output.code, Some(0), "{output:?}");
    assert!(
        output
            .stdout
            .contains("--- a/stacks/web/main.tf\n+++ b/stacks/web/main.tf\n"),
        "{}",
        output.stdout
    );
    let removed = "-          image = \"docker.io/library/nginx:latest\"\n";
    assert!(output.stdout.contains(removed), "{}", output.stdout);
    assert!(
        output.stdout.contains(&format!(
            "+          image = \"docker.io/library/nginx:latest@{digest}\"\n"
        )),
        "{}",
        output.stdout
    );
    assert!(
        output.stderr.contains("nothing was pushed"),
        "{}",
        output.stderr
    );
    assert_eq!((line.refs(), pushes.take().len()), (before, 0));
}

#[test]
fn what_may_not_move_does_not() {
    let config = "\n[[hold]]\nstack = \"held\"\nbecause = \"the migration runs\"\n\n[deny]\nstacks = [\"denied\"]\n\n\
                  [[rule]]\nmatch = { stack = \"off\" }\nmode = \"off\"\n";
    let image = |name: &str| format!("quay.io/team/{name}:latest");
    let mut files: Vec<(String, String)> = ["free", "held", "denied", "off"]
        .iter()
        .map(|name| (path(name), stack(name, &[&image(name)])))
        .collect();
    let never =
        stack("never", &[&image("never")]).replace(":latest\"", ":latest\" # pintle: never");
    let locked = stack("locked", &[&image("locked")])
        .replace(":latest\"", ":latest\" # do not bump: breaks the importer");
    files.extend([(path("never"), never), (path("locked"), locked)]);
    let all: Vec<(&str, &[u8])> = files
        .iter()
        .map(|(path, text)| (path.as_str(), text.as_bytes()))
        .collect();
    let line = Line::new(&all, config);
    let mut free = String::new();
    for name in ["free", "held", "denied", "off", "never", "locked"] {
        let digest = line.registries.put(&image(name), "first");
        free = if name == "free" { digest } else { free };
    }
    let start = line.remote.tip();
    line.sync();
    assert_eq!(
        line.remote.ask(&["diff", "--name-only", &start, BRANCH]),
        path("free")
    );
    assert!(line.text("free").contains(&free));
    let plan = line.plan();
    let verdict = |name: &str| {
        let site = plan["sites"]
            .as_array()
            .unwrap()
            .iter()
            .find(|site| site["stack"] == name)
            .unwrap();
        site["verdict"].as_str().unwrap().to_owned()
    };
    let verdicts = ["free", "held", "denied", "off", "never", "locked"].map(verdict);
    assert_eq!(
        verdicts,
        ["in-sync", "held", "blocked", "frozen", "frozen", "frozen"]
    );
}

/// A person's commit that is on the remote and on no branch.
fn waiting_commit(line: &mut Line) -> (String, String) {
    let start = line.remote.tip();
    let text = format!("# somebody was here\n\n{}", line.text("web"));
    let other = line.remote.commit(
        "Somebody else",
        &[(&path("web"), text.as_bytes()), ("note", b"new")],
    );
    line.remote.ask(&["update-ref", "refs/heads/aside", &other]);
    line.remote
        .ask(&["update-ref", &format!("refs/heads/{BRANCH}"), &start]);
    (start, other)
}

fn lands_on_top(line: &Line, start: &str, other: &str) {
    let digest = line
        .registries
        .put("docker.io/library/nginx:latest", "first");
    let history = line.remote.history();
    assert_eq!(
        history.get(1..),
        Some([other.to_owned(), start.to_owned()].as_slice()),
        "{history:?}"
    );
    let want = format!(
        "# somebody was here\n\n{}",
        stack(
            "web",
            &[&format!("docker.io/library/nginx:latest@{digest}")]
        )
    );
    assert_eq!(line.text("web"), want);
    line.remote.fsck();
}

#[test]
fn a_tip_that_moves_before_the_push_is_planned_again() {
    let mut line = Line::of_stacks(&[("web", "docker.io/library/nginx:latest")], "");
    let (start, other) = waiting_commit(&mut line);
    // Only the push starts `git receive-pack`; this one lets somebody else push first, once.
    let wrapper = line.clones().join("bin");
    std::fs::create_dir(&wrapper).unwrap();
    let path = std::env::var("PATH").unwrap();
    let script = format!(
        "#!/bin/sh\nPATH='{path}'\nif [ \"$1\" = receive-pack ] && [ ! -e '{0}/done' ]; then\n  touch '{0}/done'\n  \
         git --git-dir='{1}' update-ref refs/heads/{BRANCH} {other}\nfi\nexec git \"$@\"\n",
        wrapper.display(),
        line.remote.path().display(),
    );
    executable(&wrapper.join("git"), &script);
    let output = line
        .pintle("sync", &[])
        .env("PATH", format!("{}:{path}", wrapper.display()))
        .run();
    assert_eq!(output.code, Some(0), "{output:?}");
    assert!(wrapper.join("done").exists());
    lands_on_top(&line, &start, &other);
}

#[test]
fn a_tip_that_moves_within_the_push_is_planned_again() {
    let mut line = Line::of_stacks(&[("web", "docker.io/library/nginx:latest")], "");
    let (start, other) = waiting_commit(&mut line);
    // The server compared the old id with its list already; it compares again when it writes.
    let script = format!(
        "#!/bin/sh\ncat >/dev/null\n[ -e raced ] && exit 0\ntouch raced\nunset GIT_QUARANTINE_PATH\n\
         git update-ref refs/heads/{BRANCH} {other}\n"
    );
    line.hook("pre-receive", &script);
    let output = line.sync();
    assert!(line.remote.path().join("raced").exists(), "{output:?}");
    lands_on_top(&line, &start, &other);
}

#[test]
fn a_protected_branch_is_an_error_that_says_so() {
    for http in [false, true] {
        let line = Line::of_stacks(&[("web", "docker.io/library/nginx:latest")], "");
        line.hook(
            "pre-receive",
            "#!/bin/sh\necho 'main is protected: open a pull request' >&2\nexit 1\n",
        );
        let before = line.refs();
        let host = http.then(|| line.host(TOKEN));
        let address = host.as_ref().map_or_else(
            || line.remote.path().display().to_string(),
            |host| host.url(),
        );
        let output = line
            .pintle_at(&address, line.clones(), "sync", &[])
            .env("PINTLE_TOKEN", TOKEN)
            .run();
        assert_eq!(
            (output.code, output.stdout.as_str()),
            (Some(1), ""),
            "{output:?}"
        );
        assert!(
            output
                .stderr
                .contains(&format!("error: {address} refuses the push\n")),
            "{}",
            output.stderr
        );
        assert!(
            output
                .stderr
                .contains("main is protected: open a pull request"),
            "{}",
            output.stderr
        );
        assert!(
            output.stderr.contains("hint: is the branch protected"),
            "{}",
            output.stderr
        );
        assert_eq!(line.refs(), before);
        std::fs::remove_file(line.remote.path().join("hooks/pre-receive")).unwrap();
        let again = line
            .pintle_at(&address, line.clones(), "sync", &[])
            .env("PINTLE_TOKEN", TOKEN)
            .run();
        assert_eq!(again.code, Some(0), "{again:?}");
        assert_eq!(line.remote.history().len(), 2);
    }
}

#[test]
fn ninety_images_are_a_commit_a_stack_and_one_push() {
    let names: Vec<String> = (0..30).map(|n| format!("stack{n:02}")).collect();
    let images: Vec<Vec<String>> = names
        .iter()
        .map(|name| {
            (0..3)
                .map(|n| format!("registry.example.com/{name}/app{n}:latest"))
                .collect()
        })
        .collect();
    let text = |seed: Option<&[Vec<String>]>| -> Vec<(String, String)> {
        let each = names.iter().zip(&images).enumerate();
        let pinned = |at: usize, n: usize, image: &str| {
            seed.map_or_else(|| image.to_owned(), |all| format!("{image}@{}", all[at][n]))
        };
        each.map(|(at, (name, images))| {
            let images: Vec<String> = images
                .iter()
                .enumerate()
                .map(|(n, image)| pinned(at, n, image))
                .collect();
            (
                path(name),
                stack(name, &images.iter().map(String::as_str).collect::<Vec<_>>()),
            )
        })
        .collect()
    };
    let files = text(None);
    let line = Line::new(
        &files
            .iter()
            .map(|(path, text)| (path.as_str(), text.as_bytes()))
            .collect::<Vec<_>>(),
        "",
    );
    let put = |seed: &str| -> Vec<Vec<String>> {
        images
            .iter()
            .map(|all| {
                all.iter()
                    .map(|image| line.registries.put(image, seed))
                    .collect()
            })
            .collect()
    };
    let pushes = line.count_pushes();
    for seed in ["first", "second"] {
        let (tip, digests) = (line.remote.tip(), put(seed));
        line.sync();
        assert_eq!(
            line.remote.ask(&[
                "rev-list",
                "--count",
                "--no-merges",
                &format!("{tip}..{BRANCH}")
            ]),
            "30",
            "{seed}"
        );
        assert_eq!(pushes.take().len(), 1, "{seed}");
        for (path, want) in text(Some(&digests)) {
            assert_eq!(
                String::from_utf8(line.remote.file(BRANCH, &path)).unwrap(),
                want,
                "{seed} {path}"
            );
        }
    }
    let log = line
        .remote
        .ask(&["log", "--format=%(trailers:key=Pintle-To,valueonly)"]);
    assert_eq!(log.lines().filter(|line| !line.is_empty()).count(), 180);
}

#[test]
fn groups_that_share_a_file_are_commits_of_their_own_in_one_push() {
    let images = [
        "docker.io/library/nginx:latest",
        "ghcr.io/team/app:latest",
        "quay.io/team/db:stable",
    ];
    let groups = "\n[[group]]\nname = \"front\"\nimages = [\"docker.io/library/nginx\"]\n\n[[group]]\nname = \"back\"\nimages = [\"quay.io/team/db\"]\n";
    let line = Line::new(
        &[(path("web").as_str(), stack("web", &images).as_bytes())],
        groups,
    );
    let pushes = line.count_pushes();
    for seed in ["first", "second"] {
        let tip = line.remote.tip();
        let digests = images.map(|image| format!("{image}@{}", line.registries.put(image, seed)));
        let output = line.sync();
        assert_eq!(
            line.text("web"),
            stack("web", &digests.each_ref().map(String::as_str)),
            "{seed} {output:?}"
        );
        let subjects = line
            .remote
            .ask(&["log", "--format=%s", &format!("{tip}..{BRANCH}")]);
        let mut names: Vec<&str> = subjects
            .lines()
            .filter_map(|subject| subject.split(':').next())
            .collect();
        names.sort_unstable();
        assert_eq!(names, ["back", "front", "web"], "{seed}");
        for commit in ["main", "main~1", "main~2"] {
            let numbers = line
                .remote
                .ask(&["diff", "--numstat", &format!("{commit}^"), commit]);
            assert_eq!(numbers, format!("1\t1\t{}", path("web")), "{seed} {commit}");
        }
        assert_eq!(pushes.take().len(), 1, "{seed}");
    }
    line.remote.fsck();
}

#[test]
fn pins_that_came_by_a_merge_are_known() {
    let line = Line::of_stacks(
        &[
            ("web", "docker.io/library/nginx:latest"),
            ("db", "quay.io/team/db:15"),
        ],
        "",
    );
    let start = line.remote.tip();
    line.sync();
    let pinned = line.remote.tip();
    let merge = line.remote.ask(&[
        "commit-tree",
        "-p",
        &start,
        "-p",
        &pinned,
        "-m",
        "Merge pull request 'pins'",
        &format!("{pinned}^{{tree}}"),
    ]);
    line.remote
        .ask(&["update-ref", &format!("refs/heads/{BRANCH}"), &merge]);
    let output = line.run("log", &["--output", "json"]);
    let log: serde_json::Value = serde_json::from_str(&output.stdout).unwrap();
    let pins = log["pins"].as_array().unwrap();
    let commits: Vec<&str> = pins
        .iter()
        .filter_map(|pin| pin["commit"].as_str())
        .collect();
    assert_eq!(
        commits,
        [
            pinned.clone(),
            line.remote.ask(&["rev-parse", &format!("{pinned}^")])
        ]
    );
    // They were pinned when they were merged.
    let merged = line.remote.ask(&[
        "log",
        "-1",
        "--format=%cd",
        "--date=format:%Y-%m-%dT%H:%M:%SZ",
        &merge,
    ]);
    assert!(
        pins.iter().all(|pin| pin["at"] == merged.as_str()),
        "{}",
        output.stdout
    );
    assert_eq!(line.run("sync", &[]).stdout, "");
    line.remote.fsck();
}

#[test]
fn no_more_moves_are_committed_than_the_budget_has_and_first_pins_do_not_count() {
    let images: Vec<(String, String)> = (0..4)
        .map(|n| {
            (
                format!("stack{n}"),
                format!("registry.example.com/stack{n}/app:latest"),
            )
        })
        .collect();
    let stacks: Vec<(&str, &str)> = images
        .iter()
        .map(|(name, image)| (name.as_str(), image.as_str()))
        .collect();
    let line = Line::of_stacks(&stacks, "");
    let own = tempfile::NamedTempFile::new().expect("a temporary file");
    let text = line
        .registries
        .config()
        .replace("budget = \"off\"", "budget = \"3 per 1h\"");
    std::fs::write(own.path(), text).expect("it can be written");
    let config = own.path().display().to_string();
    let commits = || -> usize {
        let tip = line.remote.tip();
        let output = line.run("sync", &["--config", &config]);
        assert_eq!(output.code, Some(0), "{output:?}");
        line.remote
            .ask(&["rev-list", "--count", &format!("{tip}..{BRANCH}")])
            .parse()
            .expect("a number")
    };
    assert_eq!(commits(), 4, "first pins");
    images
        .iter()
        .for_each(|(_, image)| drop(line.registries.put(image, "second")));
    assert_eq!(commits(), 3);
    assert_eq!(commits(), 0, "the next is for another hour");
    let plan = line.run("plan", &["--config", &config]);
    assert!(
        plan.stdout.contains("[defaults] budget") || plan.stdout.contains("budget"),
        "{}",
        plan.stdout
    );
}
