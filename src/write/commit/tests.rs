use super::*;
use crate::model::digest::Digest;
use crate::observe;
use crate::pipeline::{Action, Cause, PinRecord, Proposal};
use crate::remote::git::Pushed;
use crate::remote::git::tests::fixture::{Host, at, who};
use crate::terraform::files::RepoPath;
use crate::terraform::span::Span;

fn edit(file: &str, bytes: &[u8], expect: &str, put: &str) -> Edit {
    let start = bytes
        .windows(expect.len())
        .position(|window| window == expect.as_bytes())
        .unwrap();
    let file = RepoPath::new(file).unwrap();
    Edit {
        file,
        span: Span::new(start, start + expect.len()),
        expect: expect.into(),
        put: put.into(),
        why: "a test".into(),
    }
}

fn pin(site: &str) -> PinRecord {
    PinRecord {
        action: Action::Adopt,
        site: site.into(),
        uses: Vec::new(),
        image: "alpine:3".into(),
        from_tag: None,
        from: None,
        to: Digest::parse(&format!("sha256:{}", "a".repeat(64))),
        evidence: None,
        asked: None,
        cause: Cause::FirstPin,
    }
}

fn change(edits: Vec<Edit>, pins: Vec<PinRecord>) -> Change {
    Change {
        name: "a".into(),
        delivery: crate::pipeline::Delivery::Commit,
        proposal: None,
        message: "a: pin\n\nBecause.".into(),
        pins,
        edits,
        claims: Vec::new(),
        prove: Vec::new(),
    }
}

const CRLF: &[u8] = b"\xef\xbb\xbfimage = \"alpine:3\"\r\n# end without newline \xff";

#[test]
fn a_change_is_written_pushed_and_read_back() {
    let host = Host::with(&[("a.tf", CRLF), ("b/c.tf", b"x=\"y:1\" z=\"y:1\"\n")]);
    let mut clone = host.clone();
    let tip = clone.tip();
    let second = Edit {
        span: Span::new(11, 14),
        ..edit("b/c.tf", b"x=\"y:1\" z=\"y:1\"\n", "y:1", "y:1@ü")
    };
    let edits = vec![
        edit("a.tf", CRLF, "alpine:3", "alpine:3@sha256:1"),
        edit("b/c.tf", b"x=\"y:1\" z=\"y:1\"\n", "y:1", "y:1@two"),
        second,
    ];
    let pins = vec![pin("a.tf#x"), pin("b/c.tf#mit Leer ü:x")];
    let id = CommitChain::start(&clone, &tip, &who(), at(1_700_000_000))
        .add_change(&change(edits, pins.clone()))
        .unwrap();
    assert_eq!(
        clone.push(&clone.branch_ref(), Some(&tip), &id).unwrap(),
        Pushed::Confirmed
    );
    host.ask(["fsck", "--full", "--strict"]);
    let read = observe::checkout::read_commit(&clone, &id).unwrap();
    let bytes = |path: &str| read.bytes(&RepoPath::new(path).unwrap()).unwrap().to_vec();
    assert_eq!(
        bytes("a.tf"),
        b"\xef\xbb\xbfimage = \"alpine:3@sha256:1\"\r\n# end without newline \xff"
    );
    assert_eq!(bytes("b/c.tf"), "x=\"y:1@two\" z=\"y:1@ü\"\n".as_bytes());
    let trailers = host.ask([
        "log",
        "-1",
        "--format=%(trailers:key=Pintle-Site,valueonly)",
        "trunk",
    ]);
    assert_eq!(trailers, "a.tf#x\nb/c.tf#mit Leer ü:x");
    clone.fetch().unwrap();
    let history = observe::history::read_history(&clone, &clone.tip(), 100).unwrap();
    assert_eq!(
        history
            .iter()
            .map(|one| one.pin.clone())
            .collect::<Vec<_>>(),
        pins
    );
    assert_eq!(
        (
            &history[0].commit,
            history[0].at,
            history[0].author.as_str()
        ),
        (&id, at(1_700_000_000), "pintle")
    );
    assert_eq!(history[0].subject, "a: pin");
}

#[test]
fn a_file_that_is_not_as_planned_is_refused() {
    let host = Host::with(&[("a.tf", b"image = \"alpine:3\"\n")]);
    let clone = host.clone();
    let mut other = edit("a.tf", b"image = \"alpine:3\"\n", "alpine:3", "alpine:3@x");
    other.expect = b"alpine:4".to_vec();
    let gone = Edit {
        file: RepoPath::new("gone.tf").unwrap(),
        ..other.clone()
    };
    for edits in [vec![other], vec![gone], vec![]] {
        assert!(
            CommitChain::start(&clone, &clone.tip(), &who(), at(7))
                .add_change(&change(edits, vec![pin("x")]))
                .is_err()
        );
    }
}

const THREE: &[u8] = b"a = \"x:1\"\r\nb = \"y:1\"\r\nc = \"z:1\"\r\n";

#[test]
fn changes_of_one_file_all_land_where_they_were_planned() {
    let host = Host::with(&[("a.tf", THREE), ("b.tf", b"d = \"w:1\"\n")]);
    let mut clone = host.clone();
    let tip = clone.tip();
    let who = who();
    let mut commits = CommitChain::start(&clone, &tip, &who, at(7));
    let one = |expect: &str, put: &str| edit("a.tf", THREE, expect, put);
    // The first changes what is before the second, the third what is before both, and the last
    // inserts where the second ends.
    let end = one("y:1", "").span.end;
    let insert = Edit {
        span: Span::new(end, end),
        expect: Vec::new(),
        ..one("y:1", "!")
    };
    let ids: Vec<CommitId> = [
        vec![one("y:1", "y:1@longer")],
        vec![one("z:1", ""), edit("b.tf", b"d = \"w:1\"\n", "w:1", "w:2")],
        vec![one("x:1", "x:1@also longer")],
        vec![insert],
    ]
    .into_iter()
    .map(|edits| commits.add_change(&change(edits, vec![pin("x")])).unwrap())
    .collect();
    clone
        .push("refs/heads/trunk", Some(&tip), ids.last().unwrap())
        .unwrap();
    let show = |id: &CommitId, path: &str| host.ask(["show", &format!("{id}:{path}")]);
    assert_eq!(
        show(&ids[0], "a.tf"),
        "a = \"x:1\"\r\nb = \"y:1@longer\"\r\nc = \"z:1\""
    );
    assert_eq!(
        show(&ids[1], "a.tf"),
        "a = \"x:1\"\r\nb = \"y:1@longer\"\r\nc = \"\""
    );
    assert_eq!(
        show(&ids[3], "a.tf"),
        "a = \"x:1@also longer\"\r\nb = \"y:1@longer!\"\r\nc = \"\""
    );
    assert_eq!(
        (show(&ids[0], "b.tf"), show(&ids[3], "b.tf")),
        ("d = \"w:1\"".into(), "d = \"w:2\"".into())
    );
    // Each commit shows its own change and nothing else.
    assert_eq!(
        host.ask(["diff", "--numstat", ids[1].as_str(), ids[2].as_str()]),
        "1\t1\ta.tf"
    );
}

#[test]
fn changes_that_are_in_each_others_way_are_refused() {
    let host = Host::with(&[("a.tf", THREE)]);
    let clone = host.clone();
    let (tip, who) = (clone.tip(), who());
    for (first, second) in [("y:1", "y:1"), ("b = \"y:1\"", "y:1"), ("y:1", "1\"\r\nc")] {
        let mut commits = CommitChain::start(&clone, &tip, &who, at(7));
        commits
            .add_change(&change(
                vec![edit("a.tf", THREE, first, "1")],
                vec![pin("x")],
            ))
            .unwrap();
        let error = commits
            .add_change(&change(
                vec![edit("a.tf", THREE, second, "2")],
                vec![pin("x")],
            ))
            .unwrap_err();
        assert_eq!(error.what, "a.tf is not as planned");
        assert!(
            error.to_string().contains("overlap") || format!("{error:?}").contains("overlap"),
            "{error:?}"
        );
    }
}

#[test]
fn a_proposal_that_is_there_already_keeps_its_commit() {
    let host = Host::with(&[("a.tf", THREE)]);
    let mut clone = host.clone();
    let (tip, who) = (clone.tip(), who());
    let change = |put: &str| change(vec![edit("a.tf", THREE, "y:1", put)], vec![pin("x")]);
    let first = write_proposal(&clone, &tip, &change("y:2"), &who, at(7), None, false).unwrap();
    clone
        .push_branch("refs/heads/pintle/a", None, &first)
        .unwrap();
    clone.fetch().unwrap();
    let git = crate::config::Git {
        author_name: who.name.as_str().into(),
        author_email: who.email.as_str().into(),
        branch: None,
        ..crate::config::Git::default()
    };
    let branches = observe::branches::read_branches(&clone, &tip, &git).unwrap();
    let [branch] = branches.as_slice() else {
        panic!("{branches:?}")
    };
    assert!(branch.own);
    let propose = |tip: &CommitId, put: &str, branch: &Branch| {
        super::write_proposal(&clone, tip, &change(put), &who, at(9), Some(branch), false).unwrap()
    };
    assert_eq!(propose(&tip, "y:2", branch), first);
    // Another content, another base, or a branch that somebody else pushed to: another commit, with
    // the time of this pass.
    let foreign = Branch {
        own: false,
        ..branch.clone()
    };
    let moved = CommitId::parse(&host.commit("moved", &[("other", b"")])).unwrap();
    assert_ne!(propose(&tip, "y:3", branch), first);
    assert_ne!(propose(&tip, "y:2", &foreign), first);
    drop(branches);
    clone.fetch().unwrap();
    let id = super::write_proposal(
        &clone,
        &moved,
        &change("y:2"),
        &who,
        at(9),
        Some(&foreign),
        false,
    )
    .unwrap();
    assert_eq!(clone.head(&id).unwrap().parents, [moved]);
    assert_eq!(clone.head(&id).unwrap().at, at(9));
}

#[test]
fn a_proposal_is_rebased_only_where_it_has_to_be() {
    let host = Host::with(&[("a.tf", THREE)]);
    let mut clone = host.clone();
    let (tip, who) = (clone.tip(), who());
    let change = |newest_tip| Change {
        proposal: Some(Box::new(Proposal {
            number: None,
            because: None,
            newest_tip,
            urgent: false,
            rows: Vec::new(),
            merges: None,
            waits: Vec::new(),
        })),
        ..change(vec![edit("a.tf", THREE, "y:1", "y:2")], vec![pin("x")])
    };
    let propose = |clone: &Clone, tip: &CommitId, newest, branch: Option<&Branch>| {
        write_proposal(clone, tip, &change(newest), &who, at(9), branch, false).unwrap()
    };
    let first = propose(&clone, &tip, false, None);
    let branch = Branch {
        name: "a".into(),
        parent: Some(tip.clone()),
        at: at(9),
        own: true,
        merged: false,
        pins: vec![pin("x")],
        tip: first.clone(),
    };
    let elsewhere = CommitId::parse(&host.commit("elsewhere", &[("other", b"")])).unwrap();
    clone.fetch().unwrap();
    assert_eq!(propose(&clone, &elsewhere, false, Some(&branch)), first);
    let rebased = propose(&clone, &elsewhere, true, Some(&branch));
    assert_eq!(clone.head(&rebased).unwrap().parents, [elsewhere]);
    let here =
        CommitId::parse(&host.commit("here", &[("a.tf", &[THREE, b"\n"].concat())])).unwrap();
    clone.fetch().unwrap();
    let rebased = propose(&clone, &here, false, Some(&branch));
    assert_eq!(
        clone.head(&rebased).unwrap().parents,
        [here],
        "its file changed"
    );
}

#[test]
fn the_configuration_is_made_by_the_first_hold_and_no_other_file_is() {
    let host = Host::with(&[("a.tf", THREE)]);
    let mut clone = host.clone();
    let (tip, who) = (clone.tip(), who());
    let whole = |file: &str| Edit {
        file: crate::terraform::files::RepoPath::new(file).unwrap(),
        span: Span::new(0, 0),
        expect: Vec::new(),
        put: b"[[hold]]\n".to_vec(),
        why: "hold".into(),
    };
    let made = CommitChain::start(&clone, &tip, &who, at(7))
        .add_change(&change(vec![whole("pintle.toml")], vec![pin("x")]))
        .unwrap();
    clone.push("refs/heads/trunk", Some(&tip), &made).unwrap();
    assert_eq!(
        host.ask(["show", &format!("{made}:pintle.toml")]),
        "[[hold]]"
    );
    let other = CommitChain::start(&clone, &tip, &who, at(7))
        .add_change(&change(vec![whole("b.tf")], vec![pin("x")]));
    assert!(other.unwrap_err().what.contains("b.tf is not in"));
}
