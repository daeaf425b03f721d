use super::*;
use crate::pipeline::Verdict;
use jiff::SignedDuration;

fn floating(stack: &str, images: &[&str]) -> Snapshot {
    let sites = images
        .iter()
        .enumerate()
        .map(|(i, image)| site(stack, i + 1, image))
        .collect();
    images
        .iter()
        .fold(snapshot(sites), |snapshot, image| snapshot.says(image, 'b'))
}

fn subject(snapshot: &Snapshot) -> String {
    snapshot.plan().changes[0]
        .message
        .lines()
        .next()
        .unwrap_or_default()
        .to_owned()
}

#[test]
fn one_pin_reads_like_the_design() {
    const IMAGE: &str = "ghcr.io/immich-app/immich-server:release";
    let moved = snapshot(vec![site("immich", 7, &pinned(IMAGE, 'a'))])
        .says(IMAGE, 'b')
        .seen(IMAGE, 'b', "2026-11-22T08:00:00Z");
    let plan = moved.cached(IMAGE, CacheAnswer::Fresh).plan();
    assert_eq!(
        plan.changes[0].message,
        "immich: pin server to bbbb…bb (release)\n\n\
         ghcr.io/immich-app/immich-server:release means another digest upstream:\n\
         first seen 2026-11-22 08:00 UTC, quiet for 10m.\n\
         Cache: fresh."
    );
    let edit = &plan.changes[0].edits[0];
    assert_eq!(
        (edit.span, edit.span.start),
        (Span::new(7040, 7112), 7000 + IMAGE.len())
    );
    assert_eq!(edit.expect, format!("@{}", digest('a')).into_bytes());
    assert_eq!(edit.put, format!("@{}", digest('b')).into_bytes());
    assert_eq!(plan.changes[0].prove, [(channel(IMAGE), digest('b'))]);
    let pin = PinRecord {
        action: Action::Update,
        site: "stacks/immich/main.tf#kubernetes_deployment.immich-server/container[immich-server].image".into(),
        uses: vec!["deployment/immich/immich-server:immich-server".into()],
        image: IMAGE.into(),
        from_tag: None,
        from: Some(digest('a')),
        to: Some(digest('b')),
        evidence: None,
        asked: None,
        cause: Cause::TagMoved,
    };
    assert_eq!(plan.changes[0].pins, [pin]);
    assert_eq!(plan.ledger, Ledger::default());
}

#[test]
fn subjects_say_as_much_as_fits_and_is_true() {
    assert_eq!(
        subject(&floating("immich", &["x/immich-server:v1", "x/ml:v1"])),
        "immich: pin ml and server to bbbb…bb (v1)"
    );
    let differ = floating("immich", &["x/server:v1", "x/ml:v1"]).says("x/ml:v1", 'c');
    assert_eq!(subject(&differ), "immich: pin ml and server (v1)");
    assert_eq!(
        subject(&floating("a", &["x/b:v1", "x/c:v2", "x/d:v3"])),
        "a: pin b, c and d to bbbb…bb"
    );
    assert_eq!(
        subject(&floating("a", &["b", "c", "d", "e"])),
        "a: pin 4 images"
    );
    assert_eq!(
        subject(&floating("a", &["x/b:v1", "y/b:v1"])),
        "a: pin 2 images"
    );
    let long = format!("x/{}:latest", "y".repeat(70));
    assert_eq!(subject(&floating("stack", &[&long])), "stack: pin an image");
    let long = format!("x/{}:latest", "y".repeat(55));
    assert_eq!(
        subject(&floating("stack", &[&long])),
        format!("stack: pin {}", "y".repeat(55))
    );
}

#[test]
fn several_pins_are_a_list_that_wraps() {
    let both = floating(
        "a",
        &[
            "ghcr.io/example/long-name-of-a-thing:v1",
            "ghcr.io/example/another-long-name:v1",
        ],
    )
    .plan();
    assert_eq!(both.changes.len(), 1);
    let body = both.changes[0]
        .message
        .split_once("\n\n")
        .map(|(_, body)| body);
    assert_eq!(
        body,
        Some(
            "- First pin of ghcr.io/example/another-long-name:v1: the digest that the\n  tag means upstream.\n\
             - First pin of ghcr.io/example/long-name-of-a-thing:v1: the digest that\n  the tag means upstream."
        )
    );
}

#[test]
fn one_change_a_stack_or_group() {
    let images = ["x/a:v1", "x/b:v1", "x/c:v1"];
    let sites = vec![
        site("one", 1, images[0]),
        site("two", 1, images[1]),
        site("three", 1, images[2]),
    ];
    let all = images
        .iter()
        .fold(snapshot(sites), |s, image| s.says(image, 'b'));
    let names = |s: &Snapshot| {
        s.plan()
            .changes
            .iter()
            .map(|c| (c.name.to_string(), c.pins.len()))
            .collect::<Vec<_>>()
    };
    assert_eq!(
        names(&all),
        [("one".into(), 1), ("three".into(), 1), ("two".into(), 1)]
    );
    let grouped = all.configured("[[group]]\nname = 'pair'\nstacks = ['one']\nimages = ['x/b']");
    assert_eq!(names(&grouped), [("pair".into(), 2), ("three".into(), 1)]);
    let by_rule =
        grouped.configured("[[rule]]\nmatch = { stack = ['one', 'three'] }\ngroup = 'two'");
    assert_eq!(names(&by_rule), [("two".into(), 3)]);
}

#[test]
fn a_file_may_be_edited_by_several_commits_of_a_pass() {
    let sites = vec![
        site("one", 1, "x/a:v1"),
        site("one", 2, "x/b:v1"),
        site("two", 1, "x/c:v1"),
    ];
    let all = ["x/a:v1", "x/b:v1", "x/c:v1"]
        .iter()
        .fold(snapshot(sites), |s, image| s.says(image, 'b'));
    let plan = all
        .configured("[[group]]\nname = 'pair'\nimages = ['x/b', 'x/c']")
        .plan();
    let names: Vec<_> = plan.changes.iter().map(|change| &*change.name).collect();
    assert_eq!((names, plan.again), (vec!["one", "pair"], false));
}

/// Two pinned sites behind upstream, long settled, in one group.
fn pair(first: impl FnOnce(Literal) -> Literal) -> Snapshot {
    let sites = vec![
        first(site("one", 1, &pinned("x/a:v1", 'a'))),
        site("two", 1, &pinned("x/b:v1", 'a')),
    ];
    let pair = snapshot(sites)
        .configured("[[group]]\nname = 'pair'\nstacks = ['one', 'two']")
        .says("x/a:v1", 'b')
        .says("x/b:v1", 'b');
    pair.seen("x/a:v1", 'b', "2026-11-20T00:00:00Z")
        .seen("x/b:v1", 'b', "2026-11-20T00:00:00Z")
}

#[test]
fn a_group_is_updated_together_or_not_at_all() {
    assert_eq!(pair(|s| s).plan().changes.len(), 1);
    let second = |s: &Snapshot| {
        let decision = s.plan().decisions.remove(1);
        assert!(decision.verdict == Verdict::Update || s.plan().changes.is_empty());
        (decision.verdict, decision.reasons[0].clone())
    };
    // What the second waits for: the first, its verdict and the code of its reason.
    let waits_for = |s: &Snapshot| {
        let (verdict, reason) = second(s);
        let Reason::GroupWaits {
            group,
            member,
            verdict: own,
            reason,
            more,
        } = reason
        else {
            panic!("{reason:?}")
        };
        assert_eq!(
            (verdict, &*group, member, more),
            (
                Verdict::Waiting,
                "pair",
                s.plan().decisions[0].site.clone(),
                0
            )
        );
        (own, *reason)
    };
    let waiting = pair(|s| s).seen("x/a:v1", 'b', "2026-11-22T11:59:00Z");
    let settling = Reason::Settling {
        first: Some(at("2026-11-22T11:59:00Z")),
        settle: SignedDuration::from_mins(10),
        source: "built in".into(),
    };
    assert_eq!(waits_for(&waiting), (Verdict::Waiting, settling));
    assert_eq!(
        codes(&waiting.plan().decisions[1]),
        ["group-waits", "update-available", "first-seen"]
    );
    assert_eq!(waiting.plan().ledger.first_seen.len(), 2);
    let cases = [
        (pair(|s| beside(s, "pintle: hold")), Verdict::Held, "held"),
        (
            pair(|s| beside(s, "pintle: nonsense")),
            Verdict::Blocked,
            "configuration-error",
        ),
        (
            pair(|s| s).upstream("x/a:v1", Seen::Unknown("x".into())),
            Verdict::Unknown,
            "upstream-unknown",
        ),
    ];
    for (world, verdict, code) in cases {
        let (own, reason) = waits_for(&world);
        assert_eq!((own, reason.code()), (verdict, code));
    }
    assert_eq!(
        second(&pair(|s| beside(s, "pintle: never"))).0,
        Verdict::Update
    );
    assert_eq!(second(&pair(|s| s).says("x/a:v1", 'a')).0, Verdict::Update);
}

#[test]
fn pins_that_would_overlap_are_refused() {
    let (left, right) = (site("x", 1, "a:latest"), site("x", 1, "b:latest"));
    let mut both = snapshot(vec![left, right])
        .says("a:latest", 'b')
        .says("b:latest", 'c');
    let plan = both.plan();
    assert!(plan.changes.is_empty());
    for (one, other) in [(0, 1), (1, 0)] {
        let (decision, other) = (&plan.decisions[one], plan.decisions[other].site.clone());
        assert_eq!(decision.verdict, Verdict::Blocked);
        assert_eq!(decision.reasons[0], Reason::EditCollision { site: other });
    }
    both = both.says("b:latest", 'b');
    assert_eq!(
        both.plan().changes[0].edits.len(),
        1,
        "the same bytes are written once"
    );
    assert_eq!(both.plan().changes[0].pins.len(), 2);
}

#[test]
fn the_ledger_forgets_what_nobody_needs() {
    let held = || beside(site("x", 1, &pinned("a:latest", 'a')), "pintle: hold");
    let old = snapshot(vec![held()])
        .says("a:latest", 'c')
        .seen("a:latest", 'b', "2026-11-01T00:00:00Z")
        .seen("z:latest", 'b', "2026-11-01T00:00:00Z");
    assert_eq!(
        old.plan().ledger.first_seen,
        BTreeMap::from([((channel("a:latest"), digest('c')), at(NOW))])
    );
    let dark = snapshot(vec![held()])
        .upstream("a:latest", Seen::Unknown("x".into()))
        .seen("a:latest", 'b', "2026-11-01T00:00:00Z");
    assert_eq!(Seen::Known(dark.plan().ledger), dark.ledger);
    let again =
        snapshot(vec![held()])
            .says("a:latest", 'c')
            .seen("a:latest", 'c', "2026-11-01T00:00:00Z");
    assert_eq!(Seen::Known(again.plan().ledger), again.ledger);
    let unknown = Snapshot {
        ledger: Seen::Unknown("x".into()),
        ..snapshot(vec![held()]).says("a:latest", 'c')
    };
    assert_eq!(unknown.plan().ledger, Ledger::default());
}

#[test]
fn a_pin_that_is_not_written_keeps_its_sighting() {
    let moved = snapshot(vec![site("x", 1, &pinned("a:latest", 'a'))])
        .says("a:latest", 'b')
        .seen("a:latest", 'b', "2026-11-01T00:00:00Z");
    let plan = moved.plan();
    assert_eq!((plan.changes.len(), &plan.ledger), (1, &Ledger::default()));
    // Meanwhile no registry serves it.
    let mut gone = moved.clone();
    gone.unproved
        .insert((channel("a:latest"), digest('b')), "404".into());
    let (left, refused) = crate::proof::prove_plan(&gone, plan);
    assert_eq!((left.changes.len(), refused.len()), (0, 1), "{refused:?}");
    assert_eq!(Seen::Known(left.ledger), moved.ledger);
}
