//! What real small repositories tell of their pins, and how often they are asked.

use super::*;
use crate::observe::{RegistrySettings, RepoOrigin, SessionSettings, TipCache, at_tip, checkout};
use crate::remote::git::tests::fixture::Host;
use jiff::Timestamp;

const FILE: &str = "stacks/web/main.tf";

fn digest(c: char) -> Digest {
    Digest::parse(&format!("sha256:{}", c.to_string().repeat(64))).unwrap()
}

fn text(tag: &str, pin: char) -> String {
    format!(
        "locals {{\n  image = \"quay.io/team/app:{tag}@{}\"\n}}\n",
        digest(pin)
    )
}

fn key(file: &str, pin: char) -> (RepoPath, Digest) {
    (RepoPath::new(file).unwrap(), digest(pin))
}

fn session(origin: RepoOrigin) -> Session {
    let setup = SessionSettings {
        origin,
        config: None,
        registries: RegistrySettings::default(),
        forge: None,
        github: None,
        cluster: None,
        commits: COMMITS,
        clock: || Timestamp::UNIX_EPOCH,
    };
    Session::new(setup).unwrap()
}

/// A remote whose commits each write one file, and what a session sees of it.
struct Repo {
    host: Host,
    session: Session,
}

impl Repo {
    fn new() -> Self {
        let host = Host::with(&[(
            FILE,
            b"locals {\n  image = \"quay.io/team/app:latest\"\n}\n",
        )]);
        Self {
            host,
            session: session(RepoOrigin::Folder(".".into())),
        }
    }

    fn writes(&self, text: &str) -> CommitId {
        CommitId::parse(&self.host.commit("by hand", &[(FILE, text.as_bytes())])).unwrap()
    }

    fn checkout(&self) -> Checkout {
        at_tip(&self.session.setup, &TipCache::default(), self.host.clone()).unwrap()
    }

    fn ask(&self, file: &str, pin: char) -> Seen<Blame> {
        read_blame(&self.session, &self.checkout(), [key(file, pin)].into())
            .remove(&key(file, pin))
            .unwrap()
    }

    /// The commit that brought the pin, and what stood before.
    fn told(&self, pin: char) -> (CommitId, Option<Digest>) {
        match self.ask(FILE, pin) {
            Seen::Known(brought) => (brought.commit, brought.before),
            other => panic!("{other:?}"),
        }
    }
}

#[test]
fn a_pin_is_as_old_as_the_commit_that_brought_it() {
    let repo = Repo::new();
    let first = repo.writes(&text("latest", 'a'));
    assert_eq!(repo.told('a'), (first.clone(), None), "the first pin");
    repo.writes(&format!("# a comment\n{}", text("latest", 'a')));
    repo.writes(&format!("# a comment\n{}", text("v2", 'a')));
    assert_eq!(
        repo.told('a'),
        (first, None),
        "what changes around it is no pin"
    );
    let second = repo.writes(&format!("# a comment\n{}", text("v2", 'b')));
    assert_eq!(repo.told('b'), (second, Some(digest('a'))));
    let third = repo.writes(&format!("# a comment\n{}", text("v2", 'a')));
    assert_eq!(
        repo.told('a'),
        (third, Some(digest('b'))),
        "it is there again"
    );
    let fourth = repo.writes(&format!("# a comment\n{}", text("v3", 'b')));
    assert_eq!(repo.told('b'), (fourth, None), "it came with another tag");
}

#[test]
fn what_cannot_be_told_is_unknown() {
    let repo = Repo::new();
    let pinned = repo.writes(&text("latest", 'a'));
    let says = |seen: Seen<Blame>| match seen {
        Seen::Unknown(why) => why,
        other => panic!("{other:?}"),
    };
    assert_eq!(
        says(repo.ask(FILE, 'b')),
        "no commit of the branch dates the pin"
    );
    crate::remote::git::tests::fixture::git(&repo.host.work(), ["mv", FILE, "stacks/web/app.tf"]);
    let moved = CommitId::parse(&repo.host.push_work("another name")).unwrap();
    assert_ne!(moved, pinned);
    let why = format!(
        "stacks/web/app.tf came with {}, and when the pin was written before that is not looked up",
        moved.short()
    );
    assert_eq!(says(repo.ask("stacks/web/app.tf", 'a')), why);
    let session = session(RepoOrigin::Folder(repo.host.work()));
    let folder = checkout(&session.setup, &session.kept).unwrap();
    let told = read_blame(&session, &folder, [key("stacks/web/app.tf", 'a')].into());
    assert_eq!(
        says(told[&key("stacks/web/app.tf", 'a')].clone()),
        "a folder has no history that dates the pin"
    );
    assert_eq!(
        read_blame(&session, &folder, BTreeSet::new()),
        PinBlame::new()
    );
}

#[test]
fn nothing_is_asked_twice_while_the_branch_stays() {
    let repo = Repo::new();
    repo.writes(&text("latest", 'a'));
    let checkout = repo.checkout();
    let wanted: BTreeSet<_> = [key(FILE, 'a'), key(FILE, 'f')].into();
    let told = read_blame(&repo.session, &checkout, wanted.clone());
    assert_eq!(told.len(), 2);
    // What is remembered is what is told.
    let tip = checkout.tip.clone().unwrap();
    let marked: PinBlame = wanted
        .iter()
        .map(|key| (key.clone(), Seen::Unknown("remembered".into())))
        .collect();
    repo.session
        .remember(|answers| answers.blame = Some((tip, marked.clone())));
    assert_eq!(read_blame(&repo.session, &checkout, wanted.clone()), marked);
    assert_eq!(
        read_blame(&repo.session, &checkout, [key(FILE, 'a')].into()).len(),
        1,
        "no more than is wanted"
    );
    drop(checkout);
    repo.host.commit("another file", &[("other.tf", b"")]);
    assert_eq!(
        read_blame(&repo.session, &repo.checkout(), wanted),
        told,
        "the branch moved"
    );
}
