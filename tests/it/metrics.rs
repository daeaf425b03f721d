//! `/metrics` of the built program: what a run found and did, as numbers. The page of each metric
//! is held to the code beside it (`src/daemon/metrics/tests.rs`).

use std::collections::BTreeMap;
use std::fs;

use secrecy::ExposeSecret;

use crate::support::daemon::{Daemon, Hook, probe};
use crate::support::forge_line::ForgeLine;
use crate::support::http::{ask, request};
use crate::support::line::{Line, path, stack};

const APP: &str = "quay.io/team/app:latest";
const HELD: &str = "quay.io/team/held:latest";
const LATE: &str = "quay.io/team/late:latest";
const SECRET: &str = "s3cret-of-the-hooks";
const ARGS: [&str; 6] = [
    "--every",
    "1h",
    "--listen",
    "127.0.0.1:0",
    "--log-format",
    "json",
];

/// What is scraped: values by name and labels, as they are on the page.
struct Scrape(BTreeMap<String, f64>);

impl Scrape {
    fn of(address: &str) -> Scrape {
        let reply = ask(address, "GET", "/metrics", &[]);
        let kind = reply.header("content-type").expect("it has a type");
        assert!(kind.starts_with("application/openmetrics-text;"), "{kind}");
        let page = String::from_utf8(reply.body).expect("it is text");
        assert!(page.ends_with("# EOF\n"), "{page}");
        let lines = page.lines().filter(|line| !line.starts_with('#'));
        let values = lines.map(|line| {
            let (name, value) = line.rsplit_once(' ').expect("a name and a value");
            (name.to_owned(), value.parse().expect("a number"))
        });
        Scrape(values.collect())
    }

    #[track_caller]
    fn value(&self, name: &str) -> f64 {
        let found = self.0.get(name).copied();
        found.unwrap_or_else(|| panic!("no {name} in {:#?}", self.0.keys()))
    }

    /// The only value whose name starts so.
    #[track_caller]
    fn only(&self, start: &str) -> f64 {
        let mut found = self.0.iter().filter(|(name, _)| name.starts_with(start));
        let (_, value) = found.next().unwrap_or_else(|| panic!("no {start}"));
        assert_eq!(found.next(), None, "one {start}");
        *value
    }
}

#[test]
fn a_run_shows_what_it_found_and_did() {
    let line = Line::of_stacks(&[("app", APP), ("held", HELD), ("late", LATE)], "");
    // The images of the registry are also those of its cache.
    let endpoint = line.registries.endpoint("quay.io");
    let config = format!(
        "{}\n[[cache]]\nregistry = \"quay.io\"\nurl = \"{endpoint}\"\n\
         \n[[hold]]\nimage = \"quay.io/team/held\"\nbecause = \"x\"\n\
         \n[[rule]]\nmatch = {{ image = \"quay.io/team/late\" }}\nmode = \"off\"\n",
        line.registries
            .config()
            .replace("budget = \"off\"", "budget = \"5 per 6h\""),
    );
    let first = line.registries.put(LATE, "first");
    let late = stack("late", &[&format!("{LATE}@{first}")]);
    let mut line = line;
    line.remote.commit(
        "late: pin",
        &[
            ("pintle.toml", config.as_bytes()),
            (&path("late"), late.as_bytes()),
        ],
    );
    line.registries.put(LATE, "second");
    let run = line
        .pintle("run", &ARGS)
        .env("PINTLE_WEBHOOK_SECRET", SECRET);
    let mut run = Daemon::start(run);
    let address = run.address();
    assert_eq!(run.pass(), ("start".into(), Ok(1)));
    // The next pass sees what the first one wrote.
    let hook = Hook::signed(SECRET, "package", "{}");
    assert_eq!(hook.send(&address).status, 202);
    assert_eq!(run.pass(), ("package".into(), Ok(0)));
    let unsigned = request(&address, "POST", "/hooks/forgejo", &[], b"{}").expect("an answer");
    assert_eq!(unsigned.status, 401);
    let nowhere = request(&address, "POST", "/hooks/nowhere", &[], b"{}").expect("an answer");
    assert_eq!(nowhere.status, 404);

    let page = Scrape::of(&address);
    let version = env!("CARGO_PKG_VERSION");
    assert_eq!(
        page.value(&format!("pintle_build_info{{version=\"{version}\"}}")),
        1.0
    );
    for (name, value) in [
        ("pintle_passes_total{trigger=\"start\",outcome=\"ok\"}", 1.0),
        (
            "pintle_passes_total{trigger=\"package\",outcome=\"ok\"}",
            1.0,
        ),
        (
            "pintle_pass_duration_seconds_count{trigger=\"start\",outcome=\"ok\"}",
            1.0,
        ),
        ("pintle_sites{verdict=\"in-sync\"}", 1.0),
        ("pintle_sites{verdict=\"held\"}", 1.0),
        ("pintle_sites{verdict=\"frozen\"}", 1.0),
        ("pintle_sites{verdict=\"blocked\"}", 0.0),
        ("pintle_site_reasons{reason=\"mode-off\"}", 1.0),
        (
            "pintle_commits_total{action=\"adopt\",cause=\"first-pin\"}",
            1.0,
        ),
        (
            "pintle_commits_total{action=\"rollback\",cause=\"undo\"}",
            0.0,
        ),
        ("pintle_hooks_total{kind=\"forgejo\",code=\"202\"}", 1.0),
        ("pintle_hooks_total{kind=\"forgejo\",code=\"401\"}", 1.0),
        (
            "pintle_cache_images{registry=\"quay.io\",answer=\"fresh\"}",
            3.0,
        ),
        ("pintle_budget_left", 5.0),
        ("pintle_lease_held", 1.0),
    ] {
        assert_eq!(page.value(name), value, "{name}");
    }
    assert!(!page.0.keys().any(|name| name.contains("nowhere")));
    let behind = "pintle_site_behind_seconds{site=\"stacks/late/main.tf#";
    assert!(page.only(behind) < 3_600.0);
    assert!(page.only("pintle_site_held_seconds{site=\"stacks/held/main.tf#") < 3_600.0);
    let host = endpoint.trim_start_matches("http://");
    let host = host.split('/').next().expect("a host");
    let answered = page.value(&format!(
        "pintle_http_requests_total{{host=\"{host}\",code=\"200\"}}"
    ));
    assert!(answered >= 3.0, "{answered}");
    let (start, last) = (
        page.value("pintle_start_time_seconds"),
        page.value("pintle_last_good_pass_timestamp_seconds"),
    );
    assert!(start > 1.7e9 && last >= start, "{start} {last}");
    assert_eq!(probe(&address, "/version"), (200, format!("{version}\n")));
    run.stop();
}

#[test]
fn a_failed_pass_is_counted_and_no_success_is_claimed() {
    let line = Line::of_stacks(&[("app", APP)], "");
    let refs = line.remote.path().join("refs");
    fs::rename(&refs, line.remote.path().join("gone")).expect("its own folder");
    let mut run = Daemon::start(line.pintle("run", &ARGS));
    let address = run.address();
    assert!(run.pass().1.is_err());
    let page = Scrape::of(&address);
    assert_eq!(page.value("pintle_last_good_pass_timestamp_seconds"), 0.0);
    assert_eq!(
        page.only("pintle_passes_total{trigger=\"start\",outcome="),
        1.0
    );
    assert!(
        !page
            .0
            .contains_key("pintle_passes_total{trigger=\"start\",outcome=\"ok\"}")
    );
    run.stop();
}

#[test]
fn pull_requests_are_counted() {
    let line = ForgeLine::of_stacks(&[("app", APP)], "");
    let mut run = Daemon::start(
        line.pintle("run", &ARGS)
            .env("PINTLE_WEBHOOK_SECRET", SECRET),
    );
    let address = run.address();
    assert!(run.pass().1.is_ok());
    assert_eq!(
        Hook::signed(SECRET, "status", "{}").send(&address).status,
        202
    );
    assert!(run.pass().1.is_ok());
    let page = Scrape::of(&address);
    assert_eq!(
        page.value("pintle_pull_requests_total{done=\"opened\"}"),
        1.0
    );
    assert_eq!(page.value("pintle_open_pull_requests"), 1.0);
    let secret = line.bot.token.expose_secret();
    assert!(!page.0.keys().any(|name| name.contains(secret)));
    run.stop();
}
