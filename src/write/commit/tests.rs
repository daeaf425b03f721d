use super::*;
use crate::model::digest::Digest;
use crate::observe;
use crate::pipeline::{Action, Cause, PinRecord};
use crate::remote::git::Pushed;
use crate::remote::git::fixture::{Host, at, who};
use crate::terraform::files::RepoPath;
use crate::terraform::span::Span;

fn edit(file: &str, bytes: &[u8], expect: &str, put: &str) -> Edit {
    let start = bytes.windows(expect.len()).position(|window| window == expect.as_bytes()).unwrap();
    let file = RepoPath::new(file).unwrap();
    Edit { file, span: Span::new(start, start + expect.len()), expect: expect.into(), put: put.into(), why: "a test".into() }
}

fn pin(site: &str) -> PinRecord {
    PinRecord {
        action: Action::Adopt,
        site: site.into(),
        image: "alpine:3".into(),
        from: None,
        to: Digest::parse(&format!("sha256:{}", "a".repeat(64))),
        asked: None,
        cause: Cause::FirstPin,
    }
}

fn change(edits: Vec<Edit>, pins: Vec<PinRecord>) -> Change {
    Change { name: "a".into(), route: crate::pipeline::Route::Commit, message: "a: pin\n\nBecause.".into(), pins, edits, prove: Vec::new() }
}

const CRLF: &[u8] = b"\xef\xbb\xbfimage = \"alpine:3\"\r\n# end without newline \xff";

#[test]
fn a_change_is_written_pushed_and_read_back() {
    let host = Host::with(&[("a.tf", CRLF), ("b/c.tf", b"x=\"y:1\" z=\"y:1\"\n")]);
    let mut clone = host.clone();
    let tip = clone.tip();
    let second = Edit { span: Span::new(11, 14), ..edit("b/c.tf", b"x=\"y:1\" z=\"y:1\"\n", "y:1", "y:1@ü") };
    let edits =
        vec![edit("a.tf", CRLF, "alpine:3", "alpine:3@sha256:1"), edit("b/c.tf", b"x=\"y:1\" z=\"y:1\"\n", "y:1", "y:1@two"), second];
    let pins = vec![pin("a.tf#x"), pin("b/c.tf#mit Leer ü:x")];
    let id = commit(&clone, &tip, &change(edits, pins.clone()), &who(), at(1_700_000_000)).unwrap();
    assert_eq!(clone.push(&clone.branch_ref(), Some(&tip), &id).unwrap(), Pushed::Confirmed);
    host.ask(["fsck", "--full", "--strict"]);
    let read = observe::checkout::commit(&clone, &id).unwrap();
    let bytes = |path: &str| read.bytes(&RepoPath::new(path).unwrap()).unwrap().to_vec();
    assert_eq!(bytes("a.tf"), b"\xef\xbb\xbfimage = \"alpine:3@sha256:1\"\r\n# end without newline \xff");
    assert_eq!(bytes("b/c.tf"), "x=\"y:1@two\" z=\"y:1@ü\"\n".as_bytes());
    let trailers = host.ask(["log", "-1", "--format=%(trailers:key=Pintle-Site,valueonly)", "trunk"]);
    assert_eq!(trailers, "a.tf#x\nb/c.tf#mit Leer ü:x");
    clone.fetch().unwrap();
    let history = observe::history::history(&clone, &clone.tip(), 100).unwrap();
    assert_eq!(history.iter().map(|one| one.pin.clone()).collect::<Vec<_>>(), pins);
    assert_eq!((&history[0].commit, history[0].at, history[0].author.as_str()), (&id, at(1_700_000_000), "pintle"));
    assert_eq!(history[0].subject, "a: pin");
}

#[test]
fn a_file_that_is_not_as_planned_is_refused() {
    let host = Host::with(&[("a.tf", b"image = \"alpine:3\"\n")]);
    let clone = host.clone();
    let mut other = edit("a.tf", b"image = \"alpine:3\"\n", "alpine:3", "alpine:3@x");
    other.expect = b"alpine:4".to_vec();
    let gone = Edit { file: RepoPath::new("gone.tf").unwrap(), ..other.clone() };
    for edits in [vec![other], vec![gone], vec![]] {
        assert!(commit(&clone, &clone.tip(), &change(edits, vec![pin("x")]), &who(), at(7)).is_err());
    }
}

#[test]
fn only_the_configuration_is_made_where_it_is_missing() {
    let host = Host::with(&[("a.tf", b"image = \"alpine:3\"\n")]);
    let clone = host.clone();
    let new = |file: &str| Edit {
        file: RepoPath::new(file).unwrap(),
        span: Span::new(0, 0),
        expect: Vec::new(),
        put: b"[[hold]]\n".to_vec(),
        why: "a test".into(),
    };
    let id = commit(&clone, &clone.tip(), &change(vec![new("pintle.toml")], vec![pin("x")]), &who(), at(7)).unwrap();
    let read = observe::checkout::commit(&clone, &id).unwrap();
    assert_eq!(read.bytes(&RepoPath::new("pintle.toml").unwrap()).unwrap().to_vec(), b"[[hold]]\n");
    assert!(commit(&clone, &clone.tip(), &change(vec![new("other.toml")], vec![pin("x")]), &who(), at(7)).is_err());
}
