use super::*;
use crate::pipeline::Verdict::{self, *};
use crate::terraform::files::Entry;

const IMAGE: &str = "ghcr.io/immich-app/immich-server:release";

/// A floating site without a pin; upstream says `b`.
fn unpinned() -> Snapshot {
    snapshot(vec![site("immich", 7, IMAGE)]).says(IMAGE, 'b')
}

/// A floating site pinned at `a`; upstream says `b` since long ago.
fn behind(change: impl FnOnce(Literal) -> Literal) -> Snapshot {
    snapshot(vec![change(site("immich", 7, &pinned(IMAGE, 'a')))]).says(IMAGE, 'b').seen(IMAGE, 'b', "2026-11-22T08:00:00Z")
}

/// Checks verdict and first reason.
fn expect(snapshot: &Snapshot, verdict: Verdict, reason: &str) {
    let decision = snapshot.decided();
    assert_eq!((decision.verdict, decision.reasons.first().map(String::as_str)), (verdict, Some(reason)), "{decision:?}");
    let writes = matches!(verdict, Adopt | Move);
    assert_eq!(!snapshot.plan().changes.is_empty(), writes);
}

#[test]
fn a_floating_tag_is_adopted_and_followed() {
    expect(&unpinned(), Adopt, "not pinned yet: the tag is a floating name and floats");
    let moved = behind(|s| s);
    expect(&moved, Move, "upstream moved ghcr.io/immich-app/immich-server:release to sha256:bbbbbbbbbbbb");
    assert_eq!(moved.decided().reasons[1], "first seen 2026-11-22 08:00 UTC, quiet for 10m");
    assert_eq!((moved.decided().from, moved.decided().to), (Some(digest('a')), Some(digest('b'))));
    let same = snapshot(vec![site("immich", 7, &pinned(IMAGE, 'b'))]).says(IMAGE, 'b');
    expect(&same, InSync, "pinned at what ghcr.io/immich-app/immich-server:release means upstream");
    assert_eq!(same.decided().to, None);
    let tagless = snapshot(vec![site("x", 1, "alpine")]).says("alpine", 'b');
    expect(&tagless, Adopt, "not pinned yet: the tag is a floating name and floats");
    assert_eq!(tagless.plan().changes[0].pins[0].image, "alpine:latest");
}

#[test]
fn a_version_keeps_its_own_digest() {
    let one = |image: &str| snapshot(vec![site("x", 1, image)]).says("redis:7.2.4", 'b');
    expect(&one("redis:7.2.4"), Adopt, "not pinned yet: the tag is a version and is pinned to its own digest");
    expect(&one(&pinned("redis:7.2.4", 'b')), InSync, "pinned at what redis:7.2.4 means upstream");
    let pushed_again = one(&pinned("redis:7.2.4", 'a'));
    expect(&pushed_again, InSync, "pinned; the tag is a version and is not followed without the policy `force`");
    assert_eq!(pushed_again.decided().reasons[1], "upstream pushed the tag again: it is sha256:bbbbbbbbbbbb now");
    let forced = pushed_again.configured("[defaults]\npolicy = 'force'\nsettle = '0'");
    expect(&forced, Move, "upstream moved redis:7.2.4 to sha256:bbbbbbbbbbbb");
    let dark = snapshot(vec![site("x", 1, &pinned("redis:7.2.4", 'a'))]).upstream("redis:7.2.4", Seen::Unknown("timed out".into()));
    expect(&dark, InSync, "pinned; the tag is a version and is not followed without the policy `force`");
    assert_eq!(dark.decided().reasons[1], "upstream could not be asked for redis:7.2.4: timed out");
}

#[test]
fn a_digest_alone_has_no_channel() {
    let alone = || site("x", 1, &pinned("registry.example.com/app", 'a'));
    let says = |literal| {
        snapshot(vec![literal]).says("registry.example.com/app:latest", 'b').seen(
            "registry.example.com/app:latest",
            'b',
            "2026-11-20T00:00:00Z",
        )
    };
    expect(&says(alone()), Blocked, "the image has a digest and no tag: there is no channel to follow; `# pintle: channel=…` names one");
    let named = says(beside(alone(), "pintle: channel=latest"));
    expect(&named, Move, "upstream moved registry.example.com/app:latest to sha256:bbbbbbbbbbbb");
    assert_eq!(
        crate::plan::channels(&named.scan, &named.config, &named.forge).into_iter().collect::<Vec<_>>(),
        [channel("registry.example.com/app:latest")]
    );
    let other = beside(site("immich", 7, IMAGE), "pintle: channel=main");
    expect(
        &snapshot(vec![other]).says(IMAGE, 'b'),
        Blocked,
        "the directive at stacks/immich/main.tf:7 names the channel `main`, but the image says `release`",
    );
}

#[test]
fn what_upstream_does_not_say_is_not_guessed() {
    let s = || snapshot(vec![site("immich", 7, IMAGE)]);
    expect(&s().upstream(IMAGE, Seen::Unknown("429".into())), Unknown, &format!("upstream could not be asked for {IMAGE}: 429"));
    expect(&s().upstream(IMAGE, Seen::NotAsked), Unknown, &format!("upstream was not asked for {IMAGE}"));
    expect(&s(), Unknown, &format!("upstream was not asked for {IMAGE}"));
    expect(&s().upstream(IMAGE, Seen::Known(Upstream::Missing)), Blocked, &format!("the registry says that {IMAGE} does not exist"));
}

#[test]
fn policies_come_from_the_nearest_source() {
    let rule = "[[rule]]\nmatch = { stack = 'immich' }\npolicy = 'never'";
    expect(&behind(|s| s).configured(rule), Frozen, "the policy is `never` ([[rule]] 1)");
    let annotated_force = behind(|s| annotated(s, "keel.sh/policy", "force"));
    assert_eq!(annotated_force.configured(rule).decided().verdict, Move);
    let never = behind(|s| annotated(s, "keel.sh/policy", "never"));
    expect(&never, Frozen, "the policy is `never` (the annotation keel.sh/policy)");
    let both = behind(|s| beside(annotated(s, "keel.sh/policy", "never"), "pintle: force"));
    assert_eq!(both.decided().verdict, Move);
    expect(&behind(|s| beside(s, "pintle: never")), Frozen, "the policy is `never` (the directive at stacks/immich/main.tf:7)");
    expect(&behind(|s| s).configured("[defaults]\npolicy = 'never'"), Frozen, "the policy is `never` ([defaults])");
    let first = "[[rule]]\nmatch = { image = 'other' }\npolicy = 'never'\n[[rule]]\nmatch = {}\npolicy = 'force'\n[[rule]]\nmatch = {}\npolicy = 'never'";
    assert_eq!(behind(|s| s).configured(first).decided().verdict, Move);
    let hands_off = behind(|s| beside(s, "pintle: keel hands off"));
    assert_eq!(hands_off.decided().verdict, Move);
}

#[test]
fn policies_that_choose_a_tag_say_so() {
    let minor = behind(|s| annotated(s, "keel.sh/policy", "minor"));
    expect(
        &minor,
        Blocked,
        "the policy `minor` chooses among tags; only the declared tag is followed so far (the annotation keel.sh/policy)",
    );
}

#[test]
fn annotations_that_disagree_take_the_safe_side_or_none() {
    let two = |a: &str, b: &str| behind(|s| annotated(annotated(s, "keel.sh/policy", a), "keel.sh/policy", b));
    expect(&two("force", "never"), Frozen, "the policy is `never` (the annotation keel.sh/policy)");
    expect(&two("force", "minor"), Blocked, "the workloads that use the image disagree: keel.sh/policy is `force` and `minor`");
    let wrong = behind(|s| annotated(s, "keel.sh/policy", "nevr"));
    expect(&wrong, Blocked, "`nevr` is not a policy: did you mean `never`? (the annotation keel.sh/policy)");
}

#[test]
fn a_directive_that_cannot_be_read_blocks_its_site() {
    let typo = behind(|s| beside(s, "pintle: nevr"));
    expect(&typo, Blocked, "the directive has the unknown word `nevr`: did you mean `never`? (stacks/immich/main.tf:7)");
    let stranger = behind(|s| beside(s, "pintle: servr: never"));
    expect(&stranger, Blocked, "the directive names the container `servr`, which is not here (stacks/immich/main.tf:7)");
}

#[test]
fn a_line_with_two_sites_says_which() {
    let comment = "pintle: a: never";
    let both = snapshot(vec![beside(site("x", 1, "a:latest"), comment), beside(site("x", 1, "b:latest"), comment)]);
    let verdicts: Vec<_> = both.says("a:latest", 'b').says("b:latest", 'b').plan().decisions.iter().map(|d| d.verdict).collect();
    assert_eq!(verdicts, [Frozen, Adopt]);
}

#[test]
fn holds_stop_until_they_end() {
    let held = behind(|s| beside(s, "pintle: hold until=2026-12-01 by=ana because='waits'"));
    expect(&held, Held, "held by ana until 2026-12-01 00:00 UTC: waits (the directive at stacks/immich/main.tf:7)");
    assert_eq!(held.decided().to, Some(digest('b')));
    let over = behind(|s| beside(s, "pintle: hold until=2026-11-22"));
    assert_eq!(over.decided().verdict, Move);
    for (what, holds) in [
        ("site = 'stacks/immich/*'", true),
        ("image = 'ghcr.io/immich-app/*'", true),
        ("stack = 'immich'", true),
        ("stack = 'immich'\nimage = 'redis'", false),
    ] {
        let config = format!("[[hold]]\n{what}\nbecause = 'broken'");
        let held = behind(|s| s).configured(&config);
        if holds {
            expect(&held, Held, "held: broken ([[hold]] 1)");
        } else {
            assert_eq!(held.decided().verdict, Move);
        }
    }
    let rule = "[[rule]]\nmatch = { container = 'immich-server', kind = 'deployment' }\nhold = 'broken'";
    expect(&behind(|s| s).configured(rule), Held, "held: broken ([[rule]] 1)");
}

#[test]
fn what_is_locked_stays() {
    expect(&behind(|s| s).configured("[deny]\nstacks = ['imm*']"), Blocked, "the stack immich is on the deny list (`imm*`)");
    let comment = behind(|s| beside(s, "Do NOT bump — schema"));
    expect(&comment, Frozen, "the comment at stacks/immich/main.tf:7 says “Do NOT bump — schema”");
    let own_words = behind(|s| beside(s, "leave this alone")).configured("[do_not_bump]\npatterns = ['leave .* alone']");
    assert_eq!(own_words.decided().verdict, Frozen);
    assert_eq!(behind(|s| beside(s, "Do NOT bump")).configured("[do_not_bump]\npatterns = []").decided().verdict, Move);
    expect(&behind(|s| s).configured("[defaults]\nmode = 'off'"), Frozen, "the mode is `off` ([defaults])");
    let wanted = "the mode is `pull-request` ([defaults]), and no forge is named (--forge)";
    expect(&behind(|s| s).configured("[defaults]\nmode = 'pull-request'"), Blocked, wanted);
    let in_sync = snapshot(vec![site("immich", 7, &pinned(IMAGE, 'b'))]).says(IMAGE, 'b').configured("[defaults]\nmode = 'pull-request'");
    assert_eq!(in_sync.decided().verdict, InSync);
}

#[test]
fn what_an_unreadable_file_may_set_is_blocked() {
    let unsure = behind(|s| with(s, |site| site.unsure.push(("var.tag".into(), RepoPath::new("config.tfvars").unwrap()))));
    let why =
        "config.tfvars cannot be read and may set var.tag; if it sets no image, say so: `[scan] without_images = [\"config.tfvars\"]`";
    expect(&unsure, Blocked, why);
}

#[test]
fn a_job_is_replaced_only_where_its_own_policy_says_so() {
    let job = || {
        behind(|mut s| {
            s.uses[0].kind = "job".into();
            s
        })
    };
    let why = "terraform replaces the job immich-server when its image changes, and it runs again; the policy `force` on it allows that";
    expect(&job(), Blocked, why);
    expect(&job().configured("[defaults]\npolicy = 'force'"), Blocked, why);
    assert_eq!(job().configured("[[rule]]\nmatch = { kind = 'job' }\npolicy = 'force'").decided().verdict, Move);
}

#[test]
fn every_refusal_is_told_the_strongest_first() {
    let all = behind(|s| beside(beside(s, "pintle: never"), "do not bump")).configured("[deny]\nstacks = ['immich']");
    assert_eq!(all.decided().verdict, Blocked);
    assert_eq!(
        all.decided().reasons,
        [
            "the stack immich is on the deny list (`immich`)",
            "the comment at stacks/immich/main.tf:7 says “do not bump”",
            "the policy is `never` (the directive at stacks/immich/main.tf:7)",
        ]
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
    files.insert(RepoPath::new("stacks/immich/main.tf").expect("path"), Entry::Text(b"1\n2\n3".to_vec().into()));
    ignored.files = Arc::new(files);
    expect(
        &ignored,
        Blocked,
        "terraform ignores this image (ignore_changes at stacks/immich/main.tf:3): a commit would change nothing there; where a cluster is named, pintle takes it over with what runs (`--kubeconfig`, `--in-cluster`)",
    );
}

#[test]
fn a_move_settles_first() {
    let new = snapshot(vec![site("immich", 7, &pinned(IMAGE, 'a'))]).says(IMAGE, 'b');
    expect(&new, Waiting, "upstream moved, first seen in this pass; it settles for 10m (built in)");
    assert_eq!(new.plan().ledger.first_seen, BTreeMap::from([((channel(IMAGE), digest('b')), at(NOW))]));
    assert_eq!(new.decided().to, Some(digest('b')));
    let edge = snapshot(vec![site("immich", 7, &pinned(IMAGE, 'a'))]).says(IMAGE, 'b').seen(IMAGE, 'b', "2026-11-22T11:50:00Z");
    assert_eq!(edge.decided().verdict, Move);
    let longer = behind(|s| beside(s, "pintle: settle=1d"));
    expect(
        &longer,
        Waiting,
        "upstream moved, first seen 2026-11-22 08:00 UTC; it settles until 2026-11-23 08:00 UTC (the directive at stacks/immich/main.tf:7)",
    );
    let at_once = new.clone().configured("[defaults]\nsettle = '0'");
    assert_eq!((at_once.decided().verdict, at_once.decided().reasons[1].as_str()), (Move, "first seen in this pass"));
    let hourly = new.configured("[defaults]\nsettle = '0'\nschedule = '@every 1h'");
    expect(&hourly, Waiting, "the schedule `@every 1h` has still to come round ([defaults])");
}

#[test]
fn a_move_waits_for_its_schedule() {
    let daily = behind(|s| s).configured("[defaults]\nschedule = '@daily'");
    expect(&daily, Waiting, "the schedule `@daily` comes round 2026-11-23 00:00 UTC ([defaults])");
    let every = |text: &str| behind(|s| annotated(s, "keel.sh/pollSchedule", text));
    assert_eq!(every("@every 1h").decided().verdict, Move);
    let six = every("0 0 3 * * *").decided().reasons;
    assert!(six.last().is_some_and(|reason| reason.contains("six fields")), "{six:?}");
    let lately = every("@every 1h").wrote(IMAGE, Some('c'), 'a', "2026-11-22T11:30:00Z");
    expect(&lately, Waiting, "the schedule `@every 1h` comes round 2026-11-22 12:30 UTC (the annotation keel.sh/pollSchedule)");
}

#[test]
fn without_memory_moves_wait_and_first_pins_go_on() {
    let no_ledger = Snapshot { ledger: Seen::Unknown("no answer".into()), ..behind(|s| s) };
    expect(&no_ledger, Waiting, "when upstream moved is not known: no answer");
    let no_history = Snapshot { history: Seen::Unknown("no answer".into()), ..behind(|s| s) };
    expect(&no_history, Waiting, "what was pinned before is not known: no answer");
    let adopting = Snapshot { ledger: Seen::Unknown("x".into()), history: Seen::Unknown("x".into()), ..unpinned() };
    assert_eq!(adopting.decided().verdict, Adopt);
    let settled = Snapshot { ledger: Seen::Unknown("x".into()), ..behind(|s| s) }.configured("[defaults]\nsettle = '0'");
    assert_eq!(settled.decided().verdict, Move);
    let folder = Snapshot { ledger: Seen::NotAsked, history: Seen::NotAsked, ..behind(|s| s) };
    assert_eq!(folder.decided().verdict, Move);
    assert_eq!(folder.decided().reasons[1], "settle time and schedule are not judged: there is no ledger here");
}

#[test]
fn a_tag_that_goes_back_is_not_followed() {
    let back = behind(|s| s).wrote(IMAGE, None, 'b', "2026-11-01T00:00:00Z").wrote(IMAGE, Some('b'), 'a', "2026-11-10T00:00:00Z");
    let reason = format!(
        "upstream moved {IMAGE} back to sha256:bbbbbbbbbbbb, which was pinned here before (aaaaaaaaaa): it is not followed back by itself"
    );
    expect(&back, Blocked, &reason);
    let reverted = behind(|s| s).wrote(IMAGE, Some('a'), 'b', "2026-11-10T00:00:00Z");
    expect(
        &reverted,
        Blocked,
        "sha256:bbbbbbbbbbbb was pinned 2026-11-10 00:00 UTC (bbbbbbbbbb) and was taken back since: it is not pinned again by itself",
    );
    let other_image = behind(|s| s).wrote("ghcr.io/immich-app/immich-server:main", Some('a'), 'b', "2026-11-10T00:00:00Z");
    assert_eq!(other_image.decided().verdict, Move);
    // Whoever spells the image otherwise has not allowed it.
    for (declared, written) in [("nginx:stable", "docker.io/library/nginx:stable"), ("docker.io/nginx:latest", "nginx")] {
        let spelled =
            snapshot(vec![site("web", 7, &pinned(declared, 'a'))]).says(declared, 'b').seen(declared, 'b', "2026-11-22T08:00:00Z");
        assert_eq!(spelled.decided().verdict, Move);
        assert_eq!(spelled.wrote(written, Some('a'), 'b', "2026-11-10T00:00:00Z").decided().verdict, Blocked, "{written}");
    }
}

#[test]
fn the_cache_is_a_reason_and_never_a_verdict() {
    for (answer, reason, note) in [
        (CacheAnswer::Fresh, "cache: fresh", "Cache: fresh."),
        (
            CacheAnswer::Stale { serves: digest('a') },
            "cache: stale, it serves sha256:aaaaaaaaaaaa for the tag; without a pin nodes may get the old image",
            "Cache: stale, it still serves sha256:aaaaaaaaaaaa.",
        ),
        (
            CacheAnswer::Bypass { status: 404 },
            "cache: not used for this image, it answers 404",
            "Cache: not used for this image, it answers 404.",
        ),
        (CacheAnswer::Unreachable("refused".into()), "cache: could not be asked: refused", "Cache: could not be asked."),
        (
            CacheAnswer::Unproven { serves: digest('a') },
            "cache: serves sha256:aaaaaaaaaaaa, which proves nothing while upstream cannot be asked",
            "Cache: serves sha256:aaaaaaaaaaaa, which proves nothing while upstream\ncannot be asked.",
        ),
    ] {
        let cached = unpinned().cached(IMAGE, answer);
        assert_eq!(cached.decided().verdict, Adopt);
        assert_eq!(cached.decided().reasons.last().map(String::as_str), Some(reason));
        assert!(cached.plan().changes[0].message.ends_with(note), "{}", cached.plan().changes[0].message);
    }
    let stale = behind(|s| s).cached(IMAGE, CacheAnswer::Stale { serves: digest('a') });
    assert_eq!(stale.decided().verdict, Move);
    assert_eq!(stale.decided().reasons[2], "cache: stale, it serves sha256:aaaaaaaaaaaa for the tag");
}
