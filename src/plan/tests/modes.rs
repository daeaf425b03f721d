//! Modes, protection, and tags that go back.

use super::*;
use crate::pipeline::forge::Direct;
use crate::pipeline::{Delivery, Proposal, Verdict};

const IMAGE: &str = "ghcr.io/immich-app/immich-server:release";

fn unpinned() -> Snapshot {
    snapshot(vec![site("immich", 7, IMAGE)]).says(IMAGE, 'b')
}

fn behind() -> Snapshot {
    snapshot(vec![site("immich", 7, &pinned(IMAGE, 'a'))])
        .says(IMAGE, 'b')
        .seen(IMAGE, 'b', "2026-11-22T08:00:00Z")
}

fn proposal(snapshot: &Snapshot) -> Option<Proposal> {
    let change = snapshot.plan().changes.into_iter().next()?;
    assert_eq!(
        change.delivery.is_pull_request(),
        change.proposal.is_some(),
        "{change:?}"
    );
    change.proposal.map(|proposal| *proposal)
}

#[test]
fn each_action_has_its_mode() {
    let table = [
        ("", Some(Delivery::Commit), Some(Delivery::Commit)),
        ("mode = 'off'", None, None),
        (
            "mode = { adopt = 'off', update = 'commit' }",
            None,
            Some(Delivery::Commit),
        ),
        (
            "mode = { adopt = 'commit', update = 'off' }",
            Some(Delivery::Commit),
            None,
        ),
        (
            "mode = { adopt = 'pull-request', update = 'commit' }",
            None,
            Some(Delivery::Commit),
        ),
    ];
    for (mode, adopt, follow) in table {
        let config = format!("[defaults]\n{mode}");
        let delivery = |snapshot: Snapshot| {
            snapshot
                .configured(&config)
                .plan()
                .changes
                .first()
                .map(|change| change.delivery.clone())
        };
        assert_eq!(
            (delivery(unpinned()), delivery(behind())),
            (adopt, follow),
            "{mode}"
        );
    }
    let off = behind()
        .configured("[[rule]]\nmatch = { stack = 'immich' }\nmode = 'off'")
        .decided();
    assert_eq!(
        (off.verdict, off.reasons),
        (
            Verdict::Frozen,
            vec![Reason::ModeOff {
                source: "[[rule]] 1".into()
            }]
        )
    );
}

#[test]
fn a_pull_request_needs_a_forge_that_answers() {
    let asked = || behind().configured("[defaults]\nmode = 'pull-request'");
    let none = asked().decided();
    assert_eq!(none.verdict, Verdict::Blocked);
    assert_eq!(
        none.reasons[0],
        Reason::NoForge {
            source: "[defaults]".into()
        }
    );
    let dark = Snapshot {
        forge: Seen::Unknown("502".into()),
        ..asked()
    };
    let unknown = Reason::ForgeUnknown { why: "502".into() };
    assert_eq!(
        (dark.decided().verdict, dark.decided().reasons.first()),
        (Verdict::Waiting, Some(&unknown))
    );
    assert_eq!(
        dark.plan().ledger.first_seen.len(),
        1,
        "the sighting is kept"
    );
    let direct = Snapshot {
        forge: Seen::Unknown("502".into()),
        ..behind().configured("[defaults]\nmode = 'commit'")
    };
    assert_eq!(direct.plan().changes[0].delivery, Delivery::Commit);
    assert_eq!(
        behind().plan().changes[0].delivery,
        Delivery::Commit,
        "without a forge updates are commits"
    );
    assert!(
        proposal(&behind().forged(|_| {})).is_some(),
        "with one they are proposed"
    );
    let adopted = proposal(&unpinned().forged(|_| {})).expect("a proposal");
    assert_eq!(
        (
            adopted.number,
            adopted.because,
            adopted.urgent,
            adopted.merges
        ),
        (None, None, false, None)
    );
    assert_eq!(adopted.rows[0].to, Some(digest('b')));
}

#[test]
fn a_protected_branch_turns_commits_into_pull_requests() {
    let protected = |snapshot: Snapshot| {
        snapshot.forged(|forge| {
            forge.direct = Direct::Protected("the branch main takes pull requests only".into())
        })
    };
    let commit = protected(behind().configured("[defaults]\nmode = 'commit'"));
    let because = Reason::BranchProtected {
        why: "the branch main takes pull requests only".into(),
    };
    assert_eq!(
        proposal(&commit).and_then(|proposal| proposal.because),
        Some(because.clone())
    );
    let reasons = commit.decided().reasons;
    assert!(
        reasons.contains(&Reason::AsPullRequest {
            because: Box::new(because)
        }),
        "{reasons:?}"
    );
    let off = protected(behind().configured("[defaults]\nmode = 'off'"));
    assert_eq!(off.decided().verdict, Verdict::Frozen);
}

#[test]
fn a_tag_that_goes_back_is_only_ever_proposed() {
    let back = |mode: &str| {
        let back = behind()
            .wrote(IMAGE, None, 'b', "2026-11-01T00:00:00Z")
            .wrote(IMAGE, Some('b'), 'a', "2026-11-10T00:00:00Z");
        back.configured(&format!("[defaults]\nmode = '{mode}'\nautomerge = true"))
    };
    for mode in ["commit", "pull-request"] {
        let proposal = proposal(&back(mode).forged(|_| {})).expect(mode);
        let reverted = Reason::UpstreamReverted {
            image: IMAGE.into(),
            digest: digest('b'),
            commit: "aaaaaaaaaa".into(),
        };
        assert_eq!(proposal.because, Some(reverted));
        assert_eq!(proposal.merges, None, "nobody merges that but a person");
    }
    assert_eq!(
        back("off").forged(|_| {}).decided().verdict,
        Verdict::Frozen
    );
    let alone = back("commit").decided();
    assert_eq!(
        (alone.verdict, codes(&alone)),
        (Verdict::Blocked, vec!["upstream-reverted"])
    );
    let dark = Snapshot {
        forge: Seen::Unknown("502".into()),
        ..back("commit")
    }
    .decided();
    assert_eq!(
        (dark.verdict, codes(&dark)),
        (Verdict::Waiting, vec!["forge-unknown"])
    );
}

/// Two stacks with the same image; at the second, `b` was rolled back. Somebody may have pinned it
/// on purpose since.
#[test]
fn a_digest_that_was_rolled_back_elsewhere_is_only_ever_proposed() {
    let two = |config: &str| {
        let sites = ["immich", "photos"]
            .map(|stack| site(stack, 7, &pinned(IMAGE, 'a')))
            .into();
        let world = snapshot(sites)
            .says(IMAGE, 'b')
            .seen(IMAGE, 'b', "2026-11-22T08:00:00Z")
            .configured(config);
        world.recorded(1, Action::Rollback, Some('b'), Some('a'), None)
    };
    let here = |world: &Snapshot| {
        let plan = world.plan();
        let change = plan
            .changes
            .iter()
            .find(|change| &*change.name == "immich")
            .cloned();
        (plan.decisions[0].clone(), change)
    };
    let elsewhere = Reason::RolledBackElsewhere {
        digest: digest('b'),
        site: two("")
            .scan
            .sites()
            .nth(1)
            .expect("a site")
            .1
            .id
            .as_str()
            .into(),
        at: at("2026-11-21T00:00:00Z"),
        commit: "cccccccccc".into(),
    };
    let commits = "[defaults]\nmode = 'commit'\nautomerge = true";
    let (alone, change) = here(&two(commits));
    assert_eq!(
        (alone.verdict, alone.reasons, change),
        (Verdict::Blocked, vec![elsewhere.clone()], None)
    );
    let (proposed, change) = here(&two(commits).forged(|_| {}));
    assert_eq!(
        (proposed.verdict, codes(&proposed)),
        (
            Verdict::Update,
            vec!["update-available", "first-seen", "as-pull-request"]
        )
    );
    let proposal = change
        .and_then(|change| change.proposal)
        .expect("a proposal");
    assert_eq!(
        (proposal.because, proposal.merges),
        (Some(elsewhere), None),
        "nobody merges that but a person"
    );
    // Where it was rolled back it is not even proposed.
    let there = two(commits).forged(|_| {}).plan().decisions.remove(1);
    assert_eq!(
        (there.verdict, codes(&there)),
        (Verdict::Blocked, vec!["rolled-back"])
    );
    let on_purpose = two(commits).recorded(1, Action::Pin, Some('a'), Some('b'), Some(12));
    assert_eq!(here(&on_purpose).0.verdict, Verdict::Update);
}

/// Records from old to new; upstream says `b`, the file has `a`.
#[test]
fn what_was_pinned_before_decides() {
    use Action::*;
    type LoggedCommit = &'static [(Action, Option<char>, char)];
    const FOLLOWED: &[&str] = &["update-available", "first-seen"];
    let table: [(&str, LoggedCommit, Verdict, &[&str]); 11] = [
        ("nothing", &[], Verdict::Update, FOLLOWED),
        (
            "moved on",
            &[(Adopt, None, 'c'), (Update, Some('c'), 'a')],
            Verdict::Update,
            FOLLOWED,
        ),
        (
            "taken back by hand",
            &[(Update, Some('a'), 'b')],
            Verdict::Blocked,
            &["taken-back"],
        ),
        (
            "taken back by hand, then held and let go",
            &[
                (Update, Some('a'), 'b'),
                (Hold, Some('a'), 'a'),
                (Resume, Some('a'), 'a'),
            ],
            Verdict::Blocked,
            &["taken-back"],
        ),
        (
            "pinned by command, let go",
            &[
                (Update, Some('a'), 'b'),
                (Pin, Some('b'), 'a'),
                (Unpin, Some('a'), 'a'),
            ],
            Verdict::Update,
            FOLLOWED,
        ),
        (
            "rolled back",
            &[(Update, Some('a'), 'b'), (Rollback, Some('b'), 'a')],
            Verdict::Blocked,
            &["rolled-back"],
        ),
        (
            "rolled back, let go",
            &[
                (Update, Some('a'), 'b'),
                (Rollback, Some('b'), 'a'),
                (Unpin, Some('a'), 'a'),
            ],
            Verdict::Blocked,
            &["rolled-back"],
        ),
        (
            "rolled back long ago",
            &[(Rollback, Some('b'), 'c'), (Update, Some('c'), 'a')],
            Verdict::Blocked,
            &["rolled-back"],
        ),
        (
            "another one rolled back",
            &[
                (Update, Some('a'), 'b'),
                (Pin, Some('b'), 'c'),
                (Rollback, Some('c'), 'a'),
            ],
            Verdict::Update,
            FOLLOWED,
        ),
        (
            "moved back",
            &[(Adopt, None, 'b'), (Update, Some('b'), 'a')],
            Verdict::Blocked,
            &["upstream-reverted"],
        ),
        (
            "moved back to the first",
            &[(Update, Some('b'), 'c'), (Update, Some('c'), 'a')],
            Verdict::Blocked,
            &["upstream-reverted"],
        ),
    ];
    for (what, records, verdict, reasons) in table {
        let world = records.iter().fold(behind(), |world, (action, from, to)| {
            world.recorded(0, *action, *from, Some(*to), None)
        });
        let decision = world.decided();
        assert_eq!(
            (decision.verdict, &*codes(&decision)),
            (verdict, reasons),
            "{what}"
        );
        let proposed = proposal(&world.forged(|_| {}));
        assert_eq!(
            proposed.is_some(),
            verdict == Verdict::Update || what.starts_with("moved back"),
            "{what}"
        );
    }
}

#[test]
fn a_digest_that_nobody_serves_is_not_known() {
    let mut world = behind();
    world
        .unproved
        .insert((channel(IMAGE), digest('b')), "404".into());
    let decision = world.decided();
    assert_eq!(decision.verdict, Verdict::Unknown);
    assert_eq!(
        decision.reasons,
        [Reason::NotFetched {
            digest: digest('b'),
            why: "404".into()
        }]
    );
    assert_eq!(
        Seen::Known(world.plan().ledger),
        world.ledger,
        "its sighting is kept"
    );
    let in_sync = snapshot(vec![site("immich", 7, &pinned(IMAGE, 'b'))]).says(IMAGE, 'b');
    let in_sync = Snapshot {
        unproved: world.unproved,
        ..in_sync
    };
    assert_eq!(in_sync.decided().verdict, Verdict::InSync);
}
