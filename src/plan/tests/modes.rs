//! Modes, protection, and tags that go back.

use super::*;
use crate::pipeline::forge::Direct;
use crate::pipeline::{Proposal, Route, Verdict};

const IMAGE: &str = "ghcr.io/immich-app/immich-server:release";

fn unpinned() -> Snapshot {
    snapshot(vec![site("immich", 7, IMAGE)]).says(IMAGE, 'b')
}

fn behind() -> Snapshot {
    snapshot(vec![site("immich", 7, &pinned(IMAGE, 'a'))]).says(IMAGE, 'b').seen(IMAGE, 'b', "2026-11-22T08:00:00Z")
}

fn proposal(snapshot: &Snapshot) -> Option<Proposal> {
    match snapshot.plan().changes.first()?.route.clone() {
        Route::PullRequest(proposal) => Some(*proposal),
        Route::Commit => None,
    }
}

#[test]
fn each_action_has_its_mode() {
    let table = [
        ("", Some(Route::Commit), Some(Route::Commit)),
        ("mode = 'off'", None, None),
        ("mode = { adopt = 'off', move = 'commit' }", None, Some(Route::Commit)),
        ("mode = { adopt = 'commit', move = 'off' }", Some(Route::Commit), None),
        ("mode = { adopt = 'pull-request', move = 'commit' }", None, Some(Route::Commit)),
    ];
    for (mode, adopt, follow) in table {
        let config = format!("[defaults]\n{mode}");
        let route = |snapshot: Snapshot| snapshot.configured(&config).plan().changes.first().map(|change| change.route.clone());
        assert_eq!((route(unpinned()), route(behind())), (adopt, follow), "{mode}");
    }
    let off = behind().configured("[[rule]]\nmatch = { stack = 'immich' }\nmode = 'off'").decided();
    assert_eq!((off.verdict, off.reasons[0].as_str()), (Verdict::Frozen, "the mode is `off` ([[rule]] 1)"));
}

#[test]
fn a_pull_request_needs_a_forge_that_answers() {
    let asked = || behind().configured("[defaults]\nmode = 'pull-request'");
    let none = asked().decided();
    assert_eq!(none.verdict, Verdict::Blocked);
    assert_eq!(none.reasons[0], "the mode is `pull-request` ([defaults]), and no forge is named (--forge)");
    let dark = Snapshot { forge: Seen::Unknown("502".into()), ..asked() };
    assert_eq!((dark.decided().verdict, dark.decided().reasons[0].as_str()), (Verdict::Waiting, "the forge could not be asked: 502"));
    assert_eq!(dark.plan().ledger.first_seen.len(), 1, "the sighting is kept");
    let direct = Snapshot { forge: Seen::Unknown("502".into()), ..behind().configured("[defaults]\nmode = 'commit'") };
    assert_eq!(direct.plan().changes[0].route, Route::Commit);
    assert_eq!(behind().plan().changes[0].route, Route::Commit, "without a forge updates are commits");
    assert!(proposal(&behind().forged(|_| {})).is_some(), "with one they are proposed");
    let adopted = proposal(&unpinned().forged(|_| {})).expect("a proposal");
    assert_eq!((adopted.number, adopted.why, adopted.urgent, adopted.merges), (None, None, false, None));
    assert_eq!(adopted.rows[0].to, Some(digest('b')));
}

#[test]
fn a_protected_branch_turns_commits_into_pull_requests() {
    let protected =
        |snapshot: Snapshot| snapshot.forged(|forge| forge.direct = Direct::Protected("the branch main takes pull requests only".into()));
    let commit = protected(behind().configured("[defaults]\nmode = 'commit'"));
    assert_eq!(proposal(&commit).and_then(|proposal| proposal.why).as_deref(), Some("the branch main takes pull requests only"));
    let reasons = commit.decided().reasons;
    assert!(reasons.contains(&"it goes as a pull request: the branch main takes pull requests only".to_owned()), "{reasons:?}");
    let off = protected(behind().configured("[defaults]\nmode = 'off'"));
    assert_eq!(off.decided().verdict, Verdict::Frozen);
}

#[test]
fn a_tag_that_goes_back_is_only_ever_proposed() {
    let back = |mode: &str| {
        let back = behind().wrote(IMAGE, None, 'b', "2026-11-01T00:00:00Z").wrote(IMAGE, Some('b'), 'a', "2026-11-10T00:00:00Z");
        back.configured(&format!("[defaults]\nmode = '{mode}'\nautomerge = true"))
    };
    for mode in ["commit", "pull-request"] {
        let proposal = proposal(&back(mode).forged(|_| {})).expect(mode);
        assert!(proposal.why.is_some_and(|why| why.starts_with(&format!("upstream moved {IMAGE} back to sha256:bbbbbbbbbbbb"))));
        assert_eq!(proposal.merges, None, "nobody merges that but a person");
    }
    assert_eq!(back("off").forged(|_| {}).decided().verdict, Verdict::Frozen);
    assert_eq!(back("commit").decided().verdict, Verdict::Blocked);
    let dark = Snapshot { forge: Seen::Unknown("502".into()), ..back("commit") };
    assert_eq!(dark.decided().verdict, Verdict::Waiting);
}

/// Records from old to new; upstream says `b`, the file has `a`.
#[test]
fn what_was_pinned_before_decides() {
    use Action::*;
    type Past = &'static [(Action, Option<char>, char)];
    let table: [(&str, Past, Verdict); 11] = [
        ("nothing", &[], Verdict::Move),
        ("moved on", &[(Adopt, None, 'c'), (Move, Some('c'), 'a')], Verdict::Move),
        ("taken back by hand", &[(Move, Some('a'), 'b')], Verdict::Blocked),
        (
            "taken back by hand, then held and let go",
            &[(Move, Some('a'), 'b'), (Hold, Some('a'), 'a'), (Resume, Some('a'), 'a')],
            Verdict::Blocked,
        ),
        ("pinned by command, let go", &[(Move, Some('a'), 'b'), (Pin, Some('b'), 'a'), (Unpin, Some('a'), 'a')], Verdict::Move),
        ("rolled back", &[(Move, Some('a'), 'b'), (Rollback, Some('b'), 'a')], Verdict::Blocked),
        ("rolled back, let go", &[(Move, Some('a'), 'b'), (Rollback, Some('b'), 'a'), (Unpin, Some('a'), 'a')], Verdict::Blocked),
        ("rolled back long ago", &[(Rollback, Some('b'), 'c'), (Move, Some('c'), 'a')], Verdict::Blocked),
        ("another one rolled back", &[(Move, Some('a'), 'b'), (Pin, Some('b'), 'c'), (Rollback, Some('c'), 'a')], Verdict::Move),
        ("moved back", &[(Adopt, None, 'b'), (Move, Some('b'), 'a')], Verdict::Blocked),
        ("moved back to the first", &[(Move, Some('b'), 'c'), (Move, Some('c'), 'a')], Verdict::Blocked),
    ];
    for (what, records, verdict) in table {
        let world = records.iter().fold(behind(), |world, (action, from, to)| world.recorded(0, *action, *from, Some(*to), None));
        assert_eq!(world.decided().verdict, verdict, "{what}: {:?}", world.decided().reasons);
        let proposed = proposal(&world.forged(|_| {}));
        assert_eq!(proposed.is_some(), verdict == Verdict::Move || what.starts_with("moved back"), "{what}");
    }
}

#[test]
fn a_digest_that_nobody_serves_is_not_known() {
    let mut world = behind();
    world.unproved.insert((channel(IMAGE), digest('b')), "404".into());
    let decision = world.decided();
    assert_eq!(decision.verdict, Verdict::Unknown);
    assert_eq!(decision.reasons[0], "the image could not be fetched by its digest bbbbbbbbbbbb: 404");
    assert_eq!(Seen::Known(world.plan().ledger), world.ledger, "its sighting is kept");
    let in_sync = snapshot(vec![site("immich", 7, &pinned(IMAGE, 'b'))]).says(IMAGE, 'b');
    let in_sync = Snapshot { unproved: world.unproved, ..in_sync };
    assert_eq!(in_sync.decided().verdict, Verdict::InSync);
}
