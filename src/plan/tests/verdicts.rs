use super::*;
use crate::model::hold::Hold;
use crate::model::policy::Policy;
use crate::model::schedule::Schedule;
use crate::model::tag::Class;
use crate::pipeline::Verdict::{self, *};
use crate::pipeline::cluster::Cluster;
use crate::terraform::files::Entry;
use jiff::SignedDuration;

const IMAGE: &str = "ghcr.io/immich-app/immich-server:release";

/// A floating site without a pin; upstream says `b`.
fn unpinned() -> Snapshot {
    snapshot(vec![site("immich", 7, IMAGE)]).says(IMAGE, 'b')
}

/// A floating site pinned at `a`; upstream says `b` since long ago.
fn behind(change: impl FnOnce(Literal) -> Literal) -> Snapshot {
    snapshot(vec![change(site("immich", 7, &pinned(IMAGE, 'a')))])
        .says(IMAGE, 'b')
        .seen(IMAGE, 'b', "2026-11-22T08:00:00Z")
}

/// Checks verdict and first reason.
fn expect(snapshot: &Snapshot, verdict: Verdict, reason: Reason) {
    let decision = snapshot.decided();
    assert_eq!(
        (decision.verdict, decision.reasons.first()),
        (verdict, Some(&reason)),
        "{decision:?}"
    );
    let writes = matches!(verdict, Adopt | Update);
    assert_eq!(!snapshot.plan().changes.is_empty(), writes);
}

/// Checks that the site is blocked by what it or the configuration says, and that the sentence
/// names all of these.
fn expect_error(snapshot: &Snapshot, names: &[&str]) {
    let decision = snapshot.decided();
    let Some(Reason::ConfigurationError { what }) = decision.reasons.first() else {
        panic!("{decision:?}")
    };
    assert!(names.iter().all(|name| what.contains(name)), "{what}");
    expect(
        snapshot,
        Blocked,
        Reason::ConfigurationError { what: what.clone() },
    );
}

fn not_pinned(class: Class, follows: bool) -> Reason {
    Reason::NotPinned { class, follows }
}

fn update_available(image: &str) -> Reason {
    Reason::UpdateAvailable {
        image: image.into(),
        to: digest('b'),
    }
}

fn up_to_date(image: &str) -> Reason {
    Reason::UpToDate {
        image: image.into(),
    }
}

fn never(source: &str) -> Reason {
    Reason::PolicyNever {
        source: source.into(),
    }
}

fn because(text: &str) -> Hold {
    Hold {
        because: Some(text.into()),
        ..Hold::default()
    }
}

fn held(hold: Hold, source: &str) -> Reason {
    Reason::Held {
        hold,
        source: source.into(),
    }
}

fn not_due(schedule: &str, next: Option<&str>, source: &str) -> Reason {
    Reason::ScheduleNotDue {
        schedule: Schedule::parse(schedule).expect(schedule),
        next: next.map(at),
        source: source.into(),
    }
}

fn settling(first: Option<&str>, settle: SignedDuration, source: &str) -> Reason {
    Reason::Settling {
        first: first.map(at),
        settle,
        source: source.into(),
    }
}

#[test]
fn an_update_is_committed_after_its_soak_time() {
    let soaks =
        |mode: &str| behind(|s| s).configured(&format!("[defaults]\nsoak = '7d'\nmode = '{mode}'"));
    let soaking = Reason::Soaking {
        first: Some(at("2026-11-22T08:00:00Z")),
        soak: SignedDuration::from_hours(7 * 24),
        source: "[defaults]".into(),
    };
    expect(&soaks("commit"), Waiting, soaking);
    assert_eq!(soaks("commit").plan().changes, []);
    let old = soaks("commit").later("2026-11-29T08:00:00Z");
    expect(&old, Update, update_available(IMAGE));
    let first = unpinned().configured("[defaults]\nsoak = '7d'");
    assert_eq!(first.decided().verdict, Adopt, "first pins do not wait");
    let unknown = Snapshot {
        ledger: Seen::Unknown("no answer".into()),
        ..soaks("commit").configured("[defaults]\nsoak = '7d'\nsettle = '0s'")
    };
    let why = Reason::LedgerUnknown {
        why: "no answer".into(),
    };
    expect(&unknown, Waiting, why);
}

#[test]
fn first_pins_spend_the_budget_where_they_are_spread() {
    let both = vec![site("one", 1, "x/a:v1"), site("two", 1, "x/b:v1")];
    let both = snapshot(both).says("x/a:v1", 'b').says("x/b:v1", 'b');
    let plan = |config: &str| both.clone().configured(config).plan();
    let at_once = plan("[defaults]\nbudget = '1 per 6h'");
    assert_eq!(at_once.changes.len(), 2, "{:?}", at_once.decisions);
    let spread = plan("[defaults]\nbudget = '1 per 6h'\nadopt_batch = 5");
    assert_eq!(spread.changes.len(), 1, "{:?}", spread.decisions);
    assert_eq!(spread.decisions[1].verdict, Waiting);
    assert_eq!(codes(&spread.decisions[1])[0], "budget-spent");
}

#[test]
fn a_floating_tag_is_adopted_and_followed() {
    expect(&unpinned(), Adopt, not_pinned(Class::Name, true));
    let moved = behind(|s| s);
    expect(&moved, Update, update_available(IMAGE));
    let first_seen = Reason::FirstSeen {
        at: Some(at("2026-11-22T08:00:00Z")),
        settled: Some(SignedDuration::from_mins(10)),
    };
    assert_eq!(moved.decided().reasons[1..], [first_seen]);
    assert_eq!(
        (moved.decided().from, moved.decided().to),
        (Some(digest('a')), Some(digest('b')))
    );
    let same = snapshot(vec![site("immich", 7, &pinned(IMAGE, 'b'))]).says(IMAGE, 'b');
    expect(&same, InSync, up_to_date(IMAGE));
    assert_eq!(same.decided().to, None);
    let tagless = snapshot(vec![site("x", 1, "alpine")]).says("alpine", 'b');
    expect(&tagless, Adopt, not_pinned(Class::Name, true));
    assert_eq!(tagless.plan().changes[0].pins[0].image, "alpine:latest");
}

#[test]
fn a_version_keeps_its_own_digest() {
    let one = |image: &str| snapshot(vec![site("x", 1, image)]).says("redis:7.2.4", 'b');
    expect(
        &one("redis:7.2.4"),
        Adopt,
        not_pinned(Class::Version, false),
    );
    expect(
        &one(&pinned("redis:7.2.4", 'b')),
        InSync,
        up_to_date("redis:7.2.4"),
    );
    let pushed_again = one(&pinned("redis:7.2.4", 'a'));
    let not_followed = || Reason::NotFollowed {
        class: Class::Version,
    };
    expect(&pushed_again, InSync, not_followed());
    assert_eq!(
        pushed_again.decided().reasons[1..],
        [Reason::TagPushedAgain { to: digest('b') }]
    );
    let forced = pushed_again.configured("[defaults]\npolicy = 'force'\nsettle = '0'");
    expect(&forced, Update, update_available("redis:7.2.4"));
    let dark = snapshot(vec![site("x", 1, &pinned("redis:7.2.4", 'a'))])
        .upstream("redis:7.2.4", Seen::Unknown("timed out".into()));
    expect(&dark, InSync, not_followed());
    assert_eq!(
        dark.decided().reasons[1..],
        [Reason::UpstreamUnknown {
            image: "redis:7.2.4".into(),
            why: "timed out".into()
        }]
    );
}

#[test]
fn a_digest_alone_has_no_channel() {
    let alone = || site("x", 1, &pinned("registry.example.com/app", 'a'));
    let says = |literal| {
        snapshot(vec![literal])
            .says("registry.example.com/app:latest", 'b')
            .seen(
                "registry.example.com/app:latest",
                'b',
                "2026-11-20T00:00:00Z",
            )
    };
    expect(&says(alone()), Blocked, Reason::NoChannel);
    let named = says(beside(alone(), "pintle: channel=latest"));
    expect(
        &named,
        Update,
        update_available("registry.example.com/app:latest"),
    );
    assert_eq!(
        crate::plan::channels_to_ask(&named.scan, &named.config, &named.forge)
            .into_iter()
            .collect::<Vec<_>>(),
        [channel("registry.example.com/app:latest")]
    );
    let other = beside(site("immich", 7, IMAGE), "pintle: channel=main");
    expect_error(
        &snapshot(vec![other]).says(IMAGE, 'b'),
        &["stacks/immich/main.tf:7", "channel", "`main`", "`release`"],
    );
}

#[test]
fn what_upstream_does_not_say_is_not_guessed() {
    let s = || snapshot(vec![site("immich", 7, IMAGE)]);
    let image = || IMAGE.to_owned();
    let limited = s().upstream(IMAGE, Seen::Unknown("429".into()));
    expect(
        &limited,
        Unknown,
        Reason::UpstreamUnknown {
            image: image(),
            why: "429".into(),
        },
    );
    expect(
        &s().upstream(IMAGE, Seen::NotAsked),
        Unknown,
        Reason::UpstreamNotAsked { image: image() },
    );
    expect(&s(), Unknown, Reason::UpstreamNotAsked { image: image() });
    expect(
        &s().upstream(IMAGE, Seen::Known(Upstream::Missing)),
        Blocked,
        Reason::TagMissing { image: image() },
    );
}

#[test]
fn policies_come_from_the_nearest_source() {
    let rule = "[[rule]]\nmatch = { stack = 'immich' }\npolicy = 'never'";
    expect(&behind(|s| s).configured(rule), Frozen, never("[[rule]] 1"));
    let annotated_force = behind(|s| annotated(s, "keel.sh/policy", "force"));
    assert_eq!(annotated_force.configured(rule).decided().verdict, Update);
    let frozen = behind(|s| annotated(s, "keel.sh/policy", "never"));
    expect(&frozen, Frozen, never("the annotation keel.sh/policy"));
    let both = behind(|s| beside(annotated(s, "keel.sh/policy", "never"), "pintle: force"));
    assert_eq!(both.decided().verdict, Update);
    expect(
        &behind(|s| beside(s, "pintle: never")),
        Frozen,
        never("the directive at stacks/immich/main.tf:7"),
    );
    expect(
        &behind(|s| s).configured("[defaults]\npolicy = 'never'"),
        Frozen,
        never("[defaults]"),
    );
    let first = "[[rule]]\nmatch = { image = 'other' }\npolicy = 'never'\n[[rule]]\nmatch = {}\npolicy = 'force'\n[[rule]]\nmatch = {}\npolicy = 'never'";
    assert_eq!(behind(|s| s).configured(first).decided().verdict, Update);
    let hands_off = behind(|s| beside(s, "pintle: keel hands off"));
    assert_eq!(hands_off.decided().verdict, Update);
}

#[test]
fn a_policy_of_levels_follows_the_digest_of_a_tag_without_a_version() {
    let minor = behind(|s| annotated(s, "keel.sh/policy", "minor"));
    assert_eq!(minor.decided().verdict, Update);
}

#[test]
fn a_policy_of_levels_says_that_a_date_has_none() {
    let image = "x/minio:RELEASE.2026-01-01T00-00-00Z";
    let minor = snapshot(vec![annotated(
        site("s3", 7, &pinned(image, 'a')),
        "keel.sh/policy",
        "minor",
    )]);
    let no_levels = Reason::NoLevels {
        policy: Policy::parse("minor").expect("a policy"),
        tag: crate::model::reference::Tag::parse("RELEASE.2026-01-01T00-00-00Z").expect("a tag"),
        source: "the annotation keel.sh/policy".into(),
    };
    expect(&minor.says(image, 'b'), Blocked, no_levels);
}

#[test]
fn annotations_that_disagree_take_the_safe_side_or_none() {
    let two = |a: &str, b: &str| {
        behind(|s| annotated(annotated(s, "keel.sh/policy", a), "keel.sh/policy", b))
    };
    expect(
        &two("force", "never"),
        Frozen,
        never("the annotation keel.sh/policy"),
    );
    expect_error(
        &two("force", "minor"),
        &["disagree", "keel.sh/policy", "`force`", "`minor`"],
    );
    let wrong = behind(|s| annotated(s, "keel.sh/policy", "nevr"));
    expect_error(
        &wrong,
        &[
            "`nevr`",
            "policy",
            "`never`",
            "(the annotation keel.sh/policy)",
        ],
    );
}

#[test]
fn a_directive_that_cannot_be_read_blocks_its_site() {
    let typo = behind(|s| beside(s, "pintle: nevr"));
    expect_error(
        &typo,
        &[
            "directive",
            "`nevr`",
            "`never`",
            "(stacks/immich/main.tf:7)",
        ],
    );
    let stranger = behind(|s| beside(s, "pintle: servr: never"));
    expect_error(
        &stranger,
        &[
            "directive",
            "container",
            "`servr`",
            "(stacks/immich/main.tf:7)",
        ],
    );
}

#[test]
fn a_line_with_two_sites_says_which() {
    let comment = "pintle: a: never";
    let both = snapshot(vec![
        beside(site("x", 1, "a:latest"), comment),
        beside(site("x", 1, "b:latest"), comment),
    ]);
    let verdicts: Vec<_> = both
        .says("a:latest", 'b')
        .says("b:latest", 'b')
        .plan()
        .decisions
        .iter()
        .map(|d| d.verdict)
        .collect();
    assert_eq!(verdicts, [Frozen, Adopt]);
}

#[test]
fn holds_stop_until_they_end() {
    let waits = behind(|s| beside(s, "pintle: hold until=2026-12-01 by=ana because='waits'"));
    let hold = Hold {
        until: Some(at("2026-12-01T00:00:00Z")),
        by: Some("ana".into()),
        because: Some("waits".into()),
    };
    expect(
        &waits,
        Held,
        held(hold, "the directive at stacks/immich/main.tf:7"),
    );
    assert_eq!(waits.decided().to, Some(digest('b')));
    let over = behind(|s| beside(s, "pintle: hold until=2026-11-22"));
    assert_eq!(over.decided().verdict, Update);
    for (what, holds) in [
        ("site = 'stacks/immich/*'", true),
        ("image = 'ghcr.io/immich-app/*'", true),
        ("stack = 'immich'", true),
        ("stack = 'immich'\nimage = 'redis'", false),
    ] {
        let config = format!("[[hold]]\n{what}\nbecause = 'broken'");
        let world = behind(|s| s).configured(&config);
        if holds {
            expect(&world, Held, held(because("broken"), "[[hold]] 1"));
        } else {
            assert_eq!(world.decided().verdict, Update);
        }
    }
    let rule =
        "[[rule]]\nmatch = { container = 'immich-server', kind = 'deployment' }\nhold = 'broken'";
    expect(
        &behind(|s| s).configured(rule),
        Held,
        held(because("broken"), "[[rule]] 1"),
    );
}

#[test]
fn what_is_locked_stays() {
    let denied = Reason::Denied {
        stack: "stacks/immich".into(),
        pattern: "imm*".into(),
    };
    expect(
        &behind(|s| s).configured("[deny]\nstacks = ['imm*']"),
        Blocked,
        denied,
    );
    let comment = behind(|s| beside(s, "Do NOT bump — schema"));
    let file = RepoPath::new("stacks/immich/main.tf").expect("path");
    expect(
        &comment,
        Frozen,
        Reason::DoNotBumpComment {
            file,
            line: 7,
            text: "Do NOT bump — schema".into(),
        },
    );
    let own_words = behind(|s| beside(s, "leave this alone"))
        .configured("[do_not_bump]\npatterns = ['leave .* alone']");
    assert_eq!(own_words.decided().verdict, Frozen);
    assert_eq!(
        behind(|s| beside(s, "Do NOT bump"))
            .configured("[do_not_bump]\npatterns = []")
            .decided()
            .verdict,
        Update
    );
    expect(
        &behind(|s| s).configured("[defaults]\nmode = 'off'"),
        Frozen,
        Reason::ModeOff {
            source: "[defaults]".into(),
        },
    );
    let no_forge = Reason::NoForge {
        source: "[defaults]".into(),
    };
    expect(
        &behind(|s| s).configured("[defaults]\nmode = 'pull-request'"),
        Blocked,
        no_forge,
    );
    let switched_off = behind(|s| s)
        .configured("[defaults]\nmode = 'pull-request'")
        .forged(|forge| forge.has_pull_requests = false);
    expect(&switched_off, Blocked, Reason::PullRequestsOff);
    let in_sync = snapshot(vec![site("immich", 7, &pinned(IMAGE, 'b'))])
        .says(IMAGE, 'b')
        .configured("[defaults]\nmode = 'pull-request'");
    assert_eq!(in_sync.decided().verdict, InSync);
}

#[test]
fn what_an_unreadable_file_may_set_is_blocked() {
    let file = || RepoPath::new("config.tfvars").expect("path");
    let unsure = behind(|s| with(s, |site| site.unsure.push(("var.tag".into(), file()))));
    expect(
        &unsure,
        Blocked,
        Reason::UnreadableVarFile {
            file: file(),
            variable: "var.tag".into(),
        },
    );
}

#[test]
fn what_a_var_file_may_set_that_nothing_names_is_blocked() {
    let file = || RepoPath::new("config/production.tfvars").expect("path");
    let unsure = behind(|s| with(s, |site| site.unnamed.push(("var.tag".into(), file()))));
    expect(
        &unsure,
        Blocked,
        Reason::UnnamedVarFile {
            file: file(),
            variable: "var.tag".into(),
        },
    );
}

#[test]
fn a_job_is_replaced_only_where_its_own_policy_says_so() {
    let job = || {
        behind(|mut s| {
            s.uses[0].kind = WorkloadKind::Job;
            s
        })
    };
    let reruns = || Reason::JobWouldRerun {
        job: "immich-server".into(),
    };
    expect(&job(), Blocked, reruns());
    expect(
        &job().configured("[defaults]\npolicy = 'force'"),
        Blocked,
        reruns(),
    );
    assert_eq!(
        job()
            .configured("[[rule]]\nmatch = { kind = 'job' }\npolicy = 'force'")
            .decided()
            .verdict,
        Update
    );
}

#[test]
fn every_kind_of_refusal_is_reported_once_the_strongest_first() {
    let all = behind(|s| beside(beside(s, "pintle: never"), "do not bump"))
        .configured("[deny]\nstacks = ['immich']");
    assert_eq!(all.decided().verdict, Blocked);
    let file = RepoPath::new("stacks/immich/main.tf").expect("path");
    assert_eq!(
        all.decided().reasons,
        [
            Reason::Denied {
                stack: "stacks/immich".into(),
                pattern: "immich".into()
            },
            Reason::DoNotBumpComment {
                file,
                line: 7,
                text: "do not bump".into()
            },
            never("the directive at stacks/immich/main.tf:7"),
        ]
    );
    let site = |mut s: Literal| {
        (s.uses[0].kind, s.uses[0].ignored) = (WorkloadKind::Job, Some(true));
        let s = with(s, |site| {
            site.unsure.extend(
                ["var.tag", "var.image"]
                    .map(|name| (name.into(), RepoPath::new("config.tfvars").expect("path"))),
            );
        });
        [
            "do not bump",
            "pintle: hold",
            "do not touch",
            "pintle: nonsense",
        ]
        .into_iter()
        .fold(s, beside)
    };
    let off = "mode = 'off'\n[[hold]]\nstack = 'immich'\nbecause = 'broken'\n[deny]\nstacks = ['imm*', 'immich']\n";
    let said = |policy: &str| {
        let decision = behind(site)
            .configured(&format!("[defaults]\npolicy = '{policy}'\n{off}"))
            .decided();
        assert_eq!(decision.verdict, Blocked);
        codes(&decision)
    };
    let first = [
        "configuration-error",
        "denied",
        "do-not-bump-comment",
        "mode-off",
    ];
    let after = ["unreadable-var-file", "job-would-rerun"];
    assert_eq!(
        said("never"),
        [
            &first[..],
            &["policy-never", "held"],
            &after,
            &["ignored-by-terraform"]
        ]
        .concat()
    );
    assert_eq!(
        said("minor"),
        [&first[..], &["held"], &after, &["ignored-by-terraform"]].concat()
    );
}

/// The verdict is that of the first.
#[test]
fn of_several_refusals_the_first_decides() {
    let frozen = behind(|s| beside(beside(s, "pintle: hold"), "do not bump"));
    assert_eq!(
        (frozen.decided().verdict, codes(&frozen.decided())),
        (Frozen, vec!["do-not-bump-comment", "held"])
    );
    let image = "x/minio:2026-01-27";
    let minor = annotated(
        site("s3", 7, &pinned(image, 'a')),
        "keel.sh/policy",
        "minor",
    );
    let held = snapshot(vec![beside(minor, "pintle: hold")]).says(image, 'b');
    assert_eq!(
        (held.decided().verdict, codes(&held.decided())),
        (Held, vec!["held", "no-levels"])
    );
}

#[test]
fn an_ignored_image_is_blocked_with_its_line() {
    let mut ignored = behind(|mut s| {
        s.uses[0].ignored = Some(true);
        s.uses[0].ignore_spans = vec![Span::new(4, 6)];
        s
    });
    let mut files = Files::default();
    files.insert(
        RepoPath::new("stacks/immich/main.tf").expect("path"),
        Entry::Text(b"1\n2\n3".to_vec().into()),
    );
    ignored.files = Arc::new(files);
    expect(
        &ignored,
        Blocked,
        Reason::IgnoredByTerraform {
            place: "stacks/immich/main.tf:3".into(),
        },
    );
    // Where a cluster is named, that alone forbids nothing.
    ignored.cluster = Seen::Known(Cluster::default());
    assert!(!codes(&ignored.decided()).contains(&"ignored-by-terraform"));
}

#[test]
fn an_update_settles_first() {
    let new = snapshot(vec![site("immich", 7, &pinned(IMAGE, 'a'))]).says(IMAGE, 'b');
    let ten = SignedDuration::from_mins(10);
    expect(&new, Waiting, settling(None, ten, "built in"));
    // What it waits for comes first, and what waits stands behind.
    assert_eq!(
        codes(&new.decided()),
        ["settling", "update-available", "first-seen"]
    );
    assert_eq!(
        new.plan().ledger.first_seen,
        BTreeMap::from([((channel(IMAGE), digest('b')), at(NOW))])
    );
    assert_eq!(new.decided().to, Some(digest('b')));
    let edge = snapshot(vec![site("immich", 7, &pinned(IMAGE, 'a'))])
        .says(IMAGE, 'b')
        .seen(IMAGE, 'b', "2026-11-22T11:50:00Z");
    assert_eq!(edge.decided().verdict, Update);
    let longer = behind(|s| beside(s, "pintle: settle=1d"));
    let day = SignedDuration::from_hours(24);
    expect(
        &longer,
        Waiting,
        settling(
            Some("2026-11-22T08:00:00Z"),
            day,
            "the directive at stacks/immich/main.tf:7",
        ),
    );
    let at_once = new.clone().configured("[defaults]\nsettle = '0'");
    assert_eq!(at_once.decided().verdict, Update);
    assert_eq!(
        at_once.decided().reasons[1..],
        [Reason::FirstSeen {
            at: None,
            settled: None
        }]
    );
    let hourly = new.configured("[defaults]\nsettle = '0'\nschedule = '@every 1h'");
    expect(&hourly, Waiting, not_due("@every 1h", None, "[defaults]"));
    assert_eq!(
        codes(&hourly.decided()),
        ["schedule-not-due", "update-available", "first-seen"]
    );
}

#[test]
fn an_update_waits_for_its_schedule() {
    let daily = behind(|s| s).configured("[defaults]\nschedule = '@daily'");
    expect(
        &daily,
        Waiting,
        not_due("@daily", Some("2026-11-23T00:00:00Z"), "[defaults]"),
    );
    let every = |text: &str| behind(|s| annotated(s, "keel.sh/pollSchedule", text));
    assert_eq!(every("@every 1h").decided().verdict, Update);
    let six = every("0 0 3 * * *").decided();
    assert_eq!(codes(&six).last(), Some(&"schedule-warning"), "{six:?}");
    assert!(!codes(&every("0 3 * * *").decided()).contains(&"schedule-warning"));
    let lately = every("@every 1h").wrote(IMAGE, Some('c'), 'a', "2026-11-22T11:30:00Z");
    expect(
        &lately,
        Waiting,
        not_due(
            "@every 1h",
            Some("2026-11-22T12:30:00Z"),
            "the annotation keel.sh/pollSchedule",
        ),
    );
}

#[test]
fn without_memory_updates_wait_and_first_pins_go_on() {
    let no_ledger = Snapshot {
        ledger: Seen::Unknown("no answer".into()),
        ..behind(|s| s)
    };
    expect(
        &no_ledger,
        Waiting,
        Reason::LedgerUnknown {
            why: "no answer".into(),
        },
    );
    let no_history = Snapshot {
        history: Seen::Unknown("no answer".into()),
        ..behind(|s| s)
    };
    expect(
        &no_history,
        Waiting,
        Reason::HistoryUnknown {
            why: "no answer".into(),
        },
    );
    let adopting = Snapshot {
        ledger: Seen::Unknown("x".into()),
        history: Seen::Unknown("x".into()),
        ..unpinned()
    };
    assert_eq!(adopting.decided().verdict, Adopt);
    let settled = Snapshot {
        ledger: Seen::Unknown("x".into()),
        ..behind(|s| s)
    }
    .configured("[defaults]\nsettle = '0'");
    assert_eq!(settled.decided().verdict, Update);
    let folder = Snapshot {
        ledger: Seen::NotAsked,
        history: Seen::NotAsked,
        ..behind(|s| s)
    };
    assert_eq!(folder.decided().verdict, Update);
    assert_eq!(folder.decided().reasons[1..], [Reason::SettleNotChecked]);
}

#[test]
fn a_tag_that_goes_back_is_not_followed() {
    let back = behind(|s| s)
        .wrote(IMAGE, None, 'b', "2026-11-01T00:00:00Z")
        .wrote(IMAGE, Some('b'), 'a', "2026-11-10T00:00:00Z");
    expect(
        &back,
        Blocked,
        Reason::UpstreamReverted {
            image: IMAGE.into(),
            digest: digest('b'),
            commit: "aaaaaaaaaa".into(),
        },
    );
    let reverted = behind(|s| s).wrote(IMAGE, Some('a'), 'b', "2026-11-10T00:00:00Z");
    let taken_back = Reason::TakenBack {
        digest: digest('b'),
        at: at("2026-11-10T00:00:00Z"),
        commit: "bbbbbbbbbb".into(),
    };
    expect(&reverted, Blocked, taken_back);
    let other_image = behind(|s| s).wrote(
        "ghcr.io/immich-app/immich-server:main",
        Some('a'),
        'b',
        "2026-11-10T00:00:00Z",
    );
    assert_eq!(other_image.decided().verdict, Update);
    // Whoever spells the image otherwise has not allowed it.
    for (declared, written) in [
        ("nginx:stable", "docker.io/library/nginx:stable"),
        ("docker.io/nginx:latest", "nginx"),
    ] {
        let spelled = snapshot(vec![site("web", 7, &pinned(declared, 'a'))])
            .says(declared, 'b')
            .seen(declared, 'b', "2026-11-22T08:00:00Z");
        assert_eq!(spelled.decided().verdict, Update);
        assert_eq!(
            spelled
                .wrote(written, Some('a'), 'b', "2026-11-10T00:00:00Z")
                .decided()
                .verdict,
            Blocked,
            "{written}"
        );
    }
}

#[test]
fn the_cache_is_a_reason_and_never_a_verdict() {
    let serves = digest('a');
    for (answer, reason, note) in [
        (CacheAnswer::Fresh, Reason::CacheFresh, "Cache: fresh."),
        (
            CacheAnswer::Stale {
                serves: serves.clone(),
            },
            Reason::CacheStale {
                serves: serves.clone(),
                is_pinned: false,
            },
            "Cache: stale, it still serves sha256:aaaaaaaaaaaa.",
        ),
        (
            CacheAnswer::Bypass { status: 404 },
            Reason::CacheBypassed { status: 404 },
            "Cache: not used for this image, it answers 404.",
        ),
        (
            CacheAnswer::Unreachable("refused".into()),
            Reason::CacheUnreachable {
                why: "refused".into(),
            },
            "Cache: could not be asked.",
        ),
        (
            CacheAnswer::Unproven {
                serves: serves.clone(),
            },
            Reason::CacheUnproven {
                serves: serves.clone(),
            },
            "Cache: serves sha256:aaaaaaaaaaaa, which proves nothing while the\nregistry cannot be asked.",
        ),
    ] {
        let cached = unpinned().cached(IMAGE, answer);
        assert_eq!(cached.decided().verdict, Adopt);
        assert_eq!(cached.decided().reasons.last(), Some(&reason));
        assert!(
            cached.plan().changes[0].message.ends_with(note),
            "{}",
            cached.plan().changes[0].message
        );
    }
    let stale = behind(|s| s).cached(
        IMAGE,
        CacheAnswer::Stale {
            serves: serves.clone(),
        },
    );
    assert_eq!(stale.decided().verdict, Update);
    assert_eq!(
        stale.decided().reasons[2],
        Reason::CacheStale {
            serves,
            is_pinned: true
        }
    );
}
