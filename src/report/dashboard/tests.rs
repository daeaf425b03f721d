use super::*;
use crate::pipeline::history::History;
use crate::pipeline::{Cause, CommitId, PinRecord, Reason, Unmatched};
use crate::plan;

fn url() -> Url {
    Url::parse("https://forge.example/ops/infra").unwrap()
}

fn digest(c: char) -> Digest {
    Digest::parse(&format!("sha256:{}", c.to_string().repeat(64))).unwrap()
}

fn decision(site: &str, verdict: Verdict, reason: Reason) -> Decision {
    Decision {
        site: SiteId(site.into()),
        verdict,
        reasons: vec![reason],
        from: Some(digest('a')),
        to: Some(digest('b')),
        tags: None,
        runs: Seen::NotAsked,
    }
}

fn rollback(at: &str) -> Recorded {
    let commit = CommitId::parse(&"c".repeat(40)).unwrap();
    Recorded {
        landed: commit.clone(),
        commit,
        at: at.parse().unwrap(),
        author: "pintle".into(),
        subject: "web: roll back @ana".into(),
        pin: PinRecord {
            action: Action::Rollback,
            site: "main.tf#local.image".into(),
            uses: Vec::new(),
            image: "docker.io/library/nginx:1".into(),
            from_tag: None,
            from: Some(digest('b')),
            to: Some(digest('a')),
            cause: Cause::Undo,
            evidence: None,
            asked: None,
        },
    }
}

/// The dashboard of a plan at a time.
fn shown(at: &str, history: Vec<Recorded>, decisions: Vec<Decision>) -> Dashboard {
    let snapshot = Snapshot {
        at: at.parse().unwrap(),
        history: Seen::Known(History::from(history)),
        ..Snapshot::default()
    };
    let mut plan = plan::plan(&snapshot);
    plan.decisions = decisions;
    plan.unmatched = vec![Unmatched {
        entry: "[[hold]] 1".into(),
        what: "no site has image `x`".into(),
    }];
    render_dashboard(&snapshot, &plan, &url())
}

fn full(at: &str) -> Dashboard {
    let what = "two policies".to_owned();
    let stack = "web".into();
    let wait = Reason::HistoryUnknown {
        why: "<!channel> @ana".into(),
    };
    let decisions = vec![
        decision(
            "a.tf#x",
            Verdict::Blocked,
            Reason::ConfigurationError { what },
        ),
        decision("b.tf#x", Verdict::Waiting, wait),
        decision("c.tf#x", Verdict::Held, Reason::ModeOff { source: stack }),
    ];
    shown(at, vec![rollback("2026-11-20T10:00:00Z")], decisions)
}

#[test]
fn each_kind_of_news_has_its_section() {
    let body = full("2026-11-22T12:00:00Z").body;
    for part in [
        "**1 waiting, 1 held, 1 blocked**",
        "### What a person has to do\n\n- `a.tf#x`: two policies\n",
        "### What waits\n\n- `b.tf#x`: earlier pins could not be read",
        "### What is held\n\n- `c.tf#x`",
        "### What is behind\n\n- `a.tf#x`: `aaaaaaaaaaaa` → `bbbbbbbbbbbb`",
        "### Rolled back in the last 7 days\n\n- 2026-11-20 10:00 UTC: `docker.io/library/nginx:1` \
         from `bbbbbbbbbbbb` to `aaaaaaaaaaaa` (undo), [`ccccccc",
        "### Entries of `pintle.toml` that match nothing\n\n- ",
        "### Commands",
        "Last changed by the pass of 2026-11-22 12:00 UTC.",
    ] {
        assert!(body.contains(part), "{part:?} is not in\n{body}");
    }
}

#[test]
fn outside_text_is_harmless_and_no_command_is_posted() {
    let body = full("2026-11-22T12:00:00Z").body;
    assert!(
        !body.contains(" @ana") && !body.contains("<!channel>"),
        "{body}"
    );
    assert!(!body.lines().any(|line| line.starts_with('/')), "{body}");
}

#[test]
fn the_time_alone_changes_nothing() {
    let (first, second) = (full("2026-11-22T12:00:00Z"), full("2026-11-22T13:00:00Z"));
    assert_eq!(first.hash, second.hash);
    assert_ne!(first.body, second.body);
    assert_eq!(
        Marker::all(&first.body),
        [Marker::Dashboard(first.hash.clone())]
    );
}

#[test]
fn a_rollback_is_shown_for_a_week() {
    let at = |at: &str| shown(at, vec![rollback("2026-11-20T10:00:00Z")], Vec::new());
    let title = "Rolled back in the last 7 days";
    assert!(at("2026-11-27T10:00:00Z").body.contains(title));
    assert!(!at("2026-11-27T10:00:01Z").body.contains(title));
}

#[test]
fn a_thousand_images_fit() {
    let reason = |at: usize| Reason::ConfigurationError {
        what: format!("{at} {}", "x".repeat(500)),
    };
    let decisions: Vec<Decision> = (0..1_000)
        .map(|at| decision(&format!("{at}.tf#x"), Verdict::Blocked, reason(at)))
        .collect();
    let body = shown("2026-11-22T12:00:00Z", Vec::new(), decisions).body;
    assert!(
        body.len() < LONGEST && body.contains("more\n"),
        "{}",
        body.len()
    );
    assert!(body.contains("### Commands"));
}
