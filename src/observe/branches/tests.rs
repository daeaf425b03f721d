use super::*;
use crate::pipeline::{Action, Cause, PinRecord};
use crate::remote::git::tests::fixture::{Host, at, git, who};
use crate::remote::git::{Identity, Put};

fn author() -> Git {
    Git {
        branch: None,
        author_name: who().name.into(),
        author_email: who().email.into(),
        ..Git::default()
    }
}

fn pin() -> PinRecord {
    PinRecord {
        action: Action::Hold,
        site: "a.tf#x".into(),
        uses: Vec::new(),
        image: "alpine:3".into(),
        from_tag: None,
        from: None,
        to: None,
        cause: Cause::Command,
        evidence: None,
        asked: None,
    }
}

fn message() -> String {
    trailers::render("a: hold", &[pin()]).unwrap()
}

fn commit(clone: &Clone, on: &CommitId, message: &str, who: &Identity) -> CommitId {
    let put = Put {
        path: "a.tf".into(),
        bytes: message.into(),
    };
    clone
        .write_commit(Some(on), &[put], message, who, at(1_700_000_000))
        .unwrap()
}

fn push(clone: &mut Clone, name: &str, new: &CommitId) {
    clone
        .push_branch(&format!("refs/heads/pintle/{name}"), None, new)
        .unwrap();
}

#[test]
fn only_one_commit_of_pintles_on_the_followed_branch_is_its_own() {
    let host = Host::with(&[("a.tf", b"1")]);
    host.commit("two", &[("a.tf", b"2")]);
    let mut clone = host.clone();
    let tip = clone.tip();
    let before = clone.head(&tip).unwrap().parents.remove(0);
    let other = Identity {
        name: "Ada Person".into(),
        ..who()
    };
    let own = commit(&clone, &tip, &message(), &who());
    let behind = commit(&clone, &before, &message(), &who());
    push(&mut clone, "own", &own);
    push(&mut clone, "group/behind", &behind);
    for (name, new) in [
        ("theirs", commit(&clone, &tip, &message(), &other)),
        ("without", commit(&clone, &tip, "a: hold\n", &who())),
        ("two", commit(&clone, &own, &message(), &who())),
        ("tip", tip.clone()),
        (
            "root",
            clone
                .write_commit(None, &[], &message(), &who(), at(7))
                .unwrap(),
        ),
    ] {
        push(&mut clone, name, &new);
    }
    // A merge of the branch with the followed one, by pintle's own name, is a person's doing all
    // the same.
    git(&host.work(), ["fetch", "-q", "origin"]);
    git(
        &host.work(),
        [
            "checkout",
            "-q",
            "-B",
            "merged",
            "origin/pintle/group/behind",
        ],
    );
    git(
        &host.work(),
        [
            "merge",
            "-q",
            "--no-ff",
            "-s",
            "ours",
            "-m",
            &message(),
            "origin/trunk",
        ],
    );
    git(
        &host.work(),
        ["push", "-q", "origin", "merged:pintle/merged"],
    );
    clone.fetch().unwrap();
    let all = read_branches(&clone, &tip, &author()).unwrap();
    let names: Vec<(&str, bool, usize)> = all
        .iter()
        .map(|one| (&*one.name, one.own, one.pins.len()))
        .collect();
    let want = [
        ("group/behind", true, 1),
        ("merged", false, 1),
        ("own", true, 1),
        ("root", false, 1),
        ("theirs", false, 1),
        ("tip", false, 0),
        ("two", false, 1),
        ("without", false, 0),
    ];
    assert_eq!(names, want);
    let wanted = Branch {
        name: "own".into(),
        tip: own,
        parent: Some(tip.clone()),
        at: at(1_700_000_000),
        own: true,
        merged: false,
        pins: vec![pin()],
    };
    assert_eq!(all[2], wanted);
    // Rewritten history leaves nothing of pintle's own on it.
    assert!(
        read_branches(&clone, &before, &author())
            .unwrap()
            .iter()
            .all(|one| one.own == (&*one.name == "group/behind"))
    );
}

#[test]
fn the_ledgers_branch_and_the_followed_one_are_not_among_them() {
    let host = Host::with(&[("a.tf", b"1")]);
    for name in ["pintle-ledger", "pintlefoo", "pintle/followed"] {
        host.ask(["branch", name, "trunk"]);
    }
    host.ask(["symbolic-ref", "HEAD", "refs/heads/pintle/followed"]);
    let clone = host.clone();
    assert_eq!(
        (
            clone.branch(),
            read_branches(&clone, &clone.tip(), &author()).unwrap()
        ),
        ("pintle/followed", Vec::new())
    );
}

/// A digest of one digit.
fn digest(c: char) -> crate::model::digest::Digest {
    crate::model::digest::Digest::parse(&format!("sha256:{}", c.to_string().repeat(64))).unwrap()
}

#[test]
fn what_the_forge_rebases_or_merges_for_a_person_stays_pintle_s_while_it_adds_nothing() {
    let image = |c: char| format!("image = \"alpine:3@{}\"\n", digest(c)).into_bytes();
    let host = Host::with(&[("a.tf", &image('a')), ("b.tf", b"1")]);
    host.commit("two", &[("b.tf", b"2")]);
    let mut clone = host.clone();
    let tip = clone.tip();
    let before = clone.head(&tip).unwrap().parents.remove(0);
    let pin = PinRecord {
        action: Action::Update,
        from: Some(digest('a')),
        to: Some(digest('b')),
        ..pin()
    };
    let message = trailers::render("a: pin a", &[pin]).unwrap();
    let put = |path: &str, bytes: Vec<u8>| Put {
        path: path.into(),
        bytes,
    };
    let commit = |clone: &Clone, on: &CommitId, files: &[Put]| {
        clone
            .write_commit(Some(on), files, &message, &who(), at(1_700_000_000))
            .unwrap()
    };
    let own = commit(&clone, &before, &[put("a.tf", image('b'))]);
    let other = commit(&clone, &before, &[put("a.tf", image('c'))]);
    let more = commit(
        &clone,
        &before,
        &[put("a.tf", image('b')), put("c.tf", b"3".to_vec())],
    );
    for (name, new) in [("own", &own), ("other", &other), ("more", &more)] {
        push(&mut clone, name, new);
    }
    let work = host.work();
    git(&work, ["fetch", "-q", "origin"]);
    for (name, style) in [
        ("own", "rebase"),
        ("own", "merge"),
        ("other", "rebase"),
        ("other", "merge"),
        ("more", "rebase"),
        ("more", "merge"),
    ] {
        let branch = format!("{name}-{style}");
        let from = format!("origin/pintle/{name}");
        git(&work, ["checkout", "-q", "-B", &branch, &from]);
        match style {
            "rebase" => git(&work, ["rebase", "-q", "origin/trunk"]),
            _ => git(
                &work,
                ["merge", "-q", "--no-ff", "-m", "Merge", "origin/trunk"],
            ),
        };
        let to = format!("{branch}:pintle/{branch}");
        git(&work, ["push", "-q", "origin", &to]);
    }
    clone.fetch().unwrap();
    let all = read_branches(&clone, &tip, &author()).unwrap();
    let own: Vec<&str> = all
        .iter()
        .filter(|one| one.own && one.name.contains('-'))
        .map(|one| &*one.name)
        .collect();
    assert_eq!(own, ["own-merge", "own-rebase"]);
    for branch in all.iter().filter(|one| own.contains(&&*one.name)) {
        assert_eq!(branch.parent, Some(tip.clone()));
        assert_eq!(branch.pins.len(), 1);
    }
}
