use super::super::tests::fixture::{Host, at, git, who};
use super::super::{Access, Put};
use super::*;

const MEDIA: &str = "refs/heads/pintle/media";

/// A commit of pintle's on the tip; another text is another commit.
fn commit(clone: &Clone, text: &str) -> CommitId {
    let put = Put {
        path: "a.tf".into(),
        bytes: text.into(),
    };
    clone
        .write_commit(Some(&clone.tip()), &[put], "a\n", &who(), at(7))
        .unwrap()
}

fn proposed() -> (Host, Clone, CommitId) {
    let host = Host::with(&[("a.tf", b"1")]);
    let mut clone = host.clone();
    let first = commit(&clone, "first");
    assert_eq!(
        clone.push_branch(MEDIA, None, &first).unwrap(),
        Pushed::Confirmed
    );
    clone.fetch().unwrap();
    (host, clone, first)
}

/// A person's commit on top of the branch; returns its id.
fn foreign(host: &Host) -> CommitId {
    git(&host.work(), ["fetch", "-q", "origin"]);
    git(
        &host.work(),
        ["checkout", "-q", "-B", "mine", "origin/pintle/media"],
    );
    git(
        &host.work(),
        ["commit", "-q", "--allow-empty", "-m", "by hand"],
    );
    CommitId::parse(&git(&host.work(), ["rev-parse", "HEAD"])).unwrap()
}

fn held(host: &Host) -> String {
    host.ask(["for-each-ref", "--format=%(objectname)", MEDIA])
}

#[test]
fn a_branch_of_its_own_is_made_rewritten_and_deleted() {
    let (host, mut clone, first) = proposed();
    assert_eq!(
        clone.branches_under("pintle/"),
        [("pintle/media".to_owned(), first.clone())]
    );
    assert_eq!(clone.branches_under("pintle/n"), []);
    let second = commit(&clone, "second");
    assert_eq!(
        clone.push_branch(MEDIA, Some(&first), &second).unwrap(),
        Pushed::Confirmed
    );
    assert_eq!(held(&host), second.as_str());
    assert_eq!(host.ask(["rev-list", "--count", MEDIA]), "2");
    assert_eq!(
        clone.delete_branch(MEDIA, &second).unwrap(),
        Pushed::Confirmed
    );
    assert_eq!(held(&host), "");
    clone.fetch().unwrap();
    assert_eq!(clone.branches_under("pintle/"), []);
    assert_eq!(
        git(
            &host.clone_folder(),
            ["for-each-ref", "refs/pintle-clone/branches"]
        ),
        ""
    );
    // Done already is done.
    assert_eq!(clone.delete_branch(MEDIA, &second).unwrap(), Pushed::Found);
    host.ask(["fsck", "--full", "--strict"]);
}

#[test]
fn what_somebody_else_pushed_is_neither_rewritten_nor_deleted() {
    let (host, mut clone, first) = proposed();
    let second = commit(&clone, "second");
    let theirs = foreign(&host);
    git(&host.work(), ["push", "-q", "origin", "HEAD:pintle/media"]);
    let stale = clone.push_branch(MEDIA, Some(&first), &second);
    assert!(
        matches!(&stale, Err(PushError::TipMoved { now: Some(now) }) if *now == theirs),
        "{stale:?}"
    );
    assert!(matches!(
        clone.push_branch(MEDIA, None, &second),
        Err(PushError::TipMoved { now: Some(_) })
    ));
    assert!(matches!(
        clone.delete_branch(MEDIA, &first),
        Err(PushError::TipMoved { now: Some(_) })
    ));
    assert_eq!(held(&host), theirs.as_str());
    // And what they deleted is not made again.
    host.ask(["update-ref", "-d", MEDIA]);
    assert!(matches!(
        clone.push_branch(MEDIA, Some(&first), &second),
        Err(PushError::TipMoved { now: None })
    ));
    assert_eq!(held(&host), "");
}

#[test]
fn the_server_compares_again_when_it_writes() {
    let (host, mut clone, first) = proposed();
    let second = commit(&clone, "second");
    let theirs = foreign(&host);
    git(&host.work(), ["push", "-q", "origin", "HEAD:aside"]);
    // The other one lands between the list of refs and the update.
    host.hook(
        "pre-receive",
        &format!("env -u GIT_QUARANTINE_PATH git update-ref {MEDIA} {theirs}"),
    );
    let lost = clone.push_branch(MEDIA, Some(&first), &second);
    assert!(matches!(lost, Err(PushError::TipMoved { .. })), "{lost:?}");
    assert_eq!(held(&host), theirs.as_str());
    host.ask(["update-ref", MEDIA, first.as_str()]);
    let lost = clone.delete_branch(MEDIA, &first);
    assert!(matches!(lost, Err(PushError::TipMoved { .. })), "{lost:?}");
    assert_eq!(held(&host), theirs.as_str());
}

#[test]
fn no_other_ref_is_ever_rewritten() {
    let (host, mut clone, first) = proposed();
    host.ask(["update-ref", "refs/heads/person", first.as_str()]);
    let refs = host.ask(["for-each-ref"]);
    for name in [
        "refs/heads/trunk",
        "refs/heads/person",
        "refs/heads/pintle",
        "refs/heads/pintle/",
        "refs/pintle/ledger",
        "pintle/media",
        "",
    ] {
        let tip = clone.tip();
        let error = clone
            .push_branch(name, Some(&tip), &first)
            .unwrap_err()
            .into_error(&clone);
        assert_eq!(
            error.what,
            format!("{name} is not a branch of pintle's own and is not rewritten")
        );
        assert!(matches!(
            clone.delete_branch(name, &tip),
            Err(PushError::Other(_))
        ));
    }
    assert_eq!(host.ask(["for-each-ref"]), refs);
}

#[test]
fn a_followed_branch_of_that_name_is_as_any_other() {
    let (host, clone, first) = proposed();
    drop(clone);
    let access = Access {
        branch: Some("pintle/media".into()),
        ..Access::default()
    };
    let mut clone = Clone::open_or_fetch(&host.remote(), &host.cache(), &access).unwrap();
    assert_eq!(
        (clone.tip(), clone.branches_under("pintle/")),
        (first.clone(), Vec::new())
    );
    let second = commit(&clone, "second");
    assert!(matches!(
        clone.push_branch(MEDIA, Some(&first), &second),
        Err(PushError::Other(_))
    ));
    assert_eq!(
        clone.push(MEDIA, Some(&first), &second).unwrap(),
        Pushed::Confirmed
    );
    clone.fetch().unwrap();
    assert_eq!(clone.tip(), second);
}

#[test]
fn a_name_may_become_a_folder_and_the_other_way_round() {
    let (host, mut clone, first) = proposed();
    for (gone, new) in [("media", "media/tv"), ("media/tv", "media")] {
        host.ask(["update-ref", "-d", &format!("refs/heads/pintle/{gone}")]);
        host.ask([
            "update-ref",
            &format!("refs/heads/pintle/{new}"),
            first.as_str(),
        ]);
        clone.fetch().unwrap();
        assert_eq!(
            clone.branches_under("pintle/"),
            [(format!("pintle/{new}"), first.clone())]
        );
    }
}

#[test]
fn a_branch_that_is_in_the_way_is_a_refusal() {
    let host = Host::with(&[("a.tf", b"1")]);
    host.ask(["branch", "pintle", "trunk"]);
    let mut clone = host.clone();
    let first = commit(&clone, "first");
    let refused = clone.push_branch(MEDIA, None, &first);
    assert!(
        matches!(&refused, Err(PushError::Refused(why)) if why.contains("'refs/heads/pintle' exists")),
        "{refused:?}"
    );
}

#[test]
fn an_answer_that_was_lost_is_asked_for() {
    let (host, mut clone, first) = proposed();
    let second = commit(&clone, "second");
    host.hook("post-update", "kill -9 $PPID");
    assert_eq!(
        clone.push_branch(MEDIA, Some(&first), &second).unwrap(),
        Pushed::Found
    );
    assert_eq!(held(&host), second.as_str());
    assert_eq!(clone.delete_branch(MEDIA, &second).unwrap(), Pushed::Found);
    assert_eq!(held(&host), "");
}

#[test]
fn a_server_that_dies_before_it_writes_is_no_success() {
    let (host, mut clone, first) = proposed();
    let second = commit(&clone, "second");
    host.hook("pre-receive", "kill -9 $PPID");
    assert!(matches!(
        clone.push_branch(MEDIA, Some(&first), &second),
        Err(PushError::Unreachable(_))
    ));
    assert!(matches!(
        clone.delete_branch(MEDIA, &first),
        Err(PushError::Unreachable(_))
    ));
    // Somebody's push arrives, and then the server dies: what is there now is told.
    let theirs = foreign(&host);
    std::fs::remove_file(host.path().join("hooks/pre-receive")).unwrap();
    git(&host.work(), ["push", "-q", "origin", "HEAD:aside"]);
    host.hook(
        "pre-receive",
        &format!("env -u GIT_QUARANTINE_PATH git update-ref {MEDIA} {theirs}; kill -9 $PPID"),
    );
    let lost = clone.push_branch(MEDIA, Some(&first), &second);
    assert!(
        matches!(&lost, Err(PushError::TipMoved { now: Some(now) }) if *now == theirs),
        "{lost:?}"
    );
    assert_eq!(held(&host), theirs.as_str());
}

#[test]
fn a_server_that_takes_no_rewritten_branches_refuses() {
    let (host, mut clone, first) = proposed();
    host.ask(["config", "receive.denyNonFastForwards", "true"]);
    host.ask(["config", "receive.denyDeletes", "true"]);
    let second = commit(&clone, "second");
    let refused = clone.push_branch(MEDIA, Some(&first), &second);
    assert!(
        matches!(&refused, Err(PushError::Refused(_))),
        "{refused:?}"
    );
    let refused = clone.delete_branch(MEDIA, &first);
    assert!(
        matches!(&refused, Err(PushError::Refused(why)) if why.starts_with("deletion prohibited")),
        "{refused:?}"
    );
    assert_eq!(held(&host), first.as_str());
}
