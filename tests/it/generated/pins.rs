//! For every site: pin it, read again; its uses have the image that was planned, nothing else in
//! the repo changed, and no byte outside the span. The expectation is worked out here, from the
//! first scan and the reference's grammar, not with the program's own proof.

use super::super::support::generate::Repo;
use super::repo;
use pintle::config::Config;
use pintle::model::digest::Digest;
use pintle::model::reference::Reference;
use pintle::observe::checkout;
use pintle::pipeline::claim::Claim;
use pintle::pipeline::{Action, Cause, Change, PinRecord, Snapshot};
use pintle::proof::prove_changes;
use pintle::sites::settings::ScanSettings;
use pintle::sites::{Fate, Literal, Scan, Site, Use, scan};
use pintle::terraform::edit::{self, Edit};
use pintle::terraform::files::{Entry, Files, RepoPath};
use proptest::prelude::*;
use std::collections::BTreeMap;
use std::path::Path;

/// The generated repo as the scan reads it.
pub fn files(repo: &Repo) -> Files {
    let mut files = Files::default();
    for (path, bytes) in &repo.files {
        files.insert(
            RepoPath::new(path).expect("a path in the repo"),
            Entry::Text(bytes.as_slice().into()),
        );
    }
    files
}

/// A repo before any edit.
struct Before {
    files: Files,
    settings: ScanSettings,
    config: Config,
    scan: Scan,
}

impl Before {
    fn new(files: Files, config: Config) -> Self {
        let settings = config.scan_settings(&files);
        let scan = scan(&files, &settings);
        Self {
            files,
            settings,
            config,
            scan,
        }
    }

    fn generated(lines: usize, seed: u64) -> Self {
        Self::new(files(&repo(lines, seed)), Config::default())
    }

    fn testdata() -> Self {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata-repo");
        let text = std::fs::read_to_string(folder.join("pintle.toml")).expect("its configuration");
        let config = Config::parse(&text, "pintle.toml").expect("a configuration");
        let files = checkout::read_folder(&folder).expect("the folder").files;
        Self::new(files, config)
    }

    /// Small repos of the shapes that other people write.
    fn shapes() -> Self {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/data/shapes");
        let files = checkout::read_folder(&folder).expect("the folder").files;
        Self::new(files, Config::default())
    }

    /// Pins each of the chosen sites to a digest of its own, and complains about everything that is
    /// not as it should be.
    fn pin(&self, chosen: &dyn Fn(usize) -> bool) {
        let sites: Vec<(usize, &Literal, &Site)> = self
            .scan
            .sites()
            .enumerate()
            .filter(|(index, _)| chosen(*index))
            .map(|(index, (literal, site))| (index, literal, site))
            .collect();
        let what = sites
            .iter()
            .map(|(_, _, site)| site.id.to_string())
            .take(3)
            .collect::<Vec<_>>()
            .join(", ");
        let mut planned: BTreeMap<String, String> = BTreeMap::new();
        let mut by_file: BTreeMap<RepoPath, Vec<Edit>> = BTreeMap::new();
        for (index, literal, site) in &sites {
            let digest = digest(*index);
            let edit = edit(literal, site, &digest);
            assert!(
                literal.span.contains(edit.span),
                "{what}: the pin goes outside its literal"
            );
            by_file.entry(literal.file.clone()).or_default().push(edit);
            for one in &literal.uses {
                planned.insert(
                    user(one),
                    pinned(
                        one.image.as_deref().expect("a site's image is known"),
                        &digest,
                    ),
                );
            }
        }
        let mut after = self.files.clone();
        for (path, mut edits) in by_file {
            edits.sort_by_key(|edit| edit.span);
            let bytes = self.spliced(&path, &edits, &what);
            after.insert(path, Entry::Text(bytes.into()));
        }
        self.compare(&scan(&after, &self.settings), &planned, &what);
    }

    /// The program's own proof takes the same pins, and refuses them when one of its edits writes
    /// another digest.
    fn proves(&self) {
        let change = |wrong: usize| {
            let sites: Vec<_> = self.scan.sites().enumerate().collect();
            let pins = sites
                .iter()
                .map(|(at, (_, site))| record(site, &digest(*at)))
                .collect();
            let claims = sites
                .iter()
                .map(|(at, (_, site))| claim(site, &digest(*at)))
                .collect();
            let edits = sites
                .iter()
                .map(|(at, (literal, site))| {
                    edit(literal, site, &digest(at + wrong * usize::from(*at == 0)))
                })
                .collect();
            Change {
                name: "all".into(),
                delivery: pintle::pipeline::Delivery::Commit,
                proposal: None,
                message: "all: pin".into(),
                pins,
                edits,
                claims,
                prove: Vec::new(),
            }
        };
        let snapshot = self.snapshot();
        assert_eq!(prove_changes(&snapshot, &[change(0)]), Ok(()));
        assert!(prove_changes(&snapshot, &[change(100_000)]).is_err());
    }

    fn snapshot(&self) -> Snapshot {
        Snapshot {
            files: self.files.clone().into(),
            scan: self.scan.clone().into(),
            config: self.config.clone().into(),
            ..Snapshot::default()
        }
    }

    /// Applies the edits to one file, and compares the bytes with a splice by hand.
    fn spliced(&self, path: &RepoPath, edits: &[Edit], what: &str) -> Vec<u8> {
        let before = self
            .files
            .bytes(path)
            .expect("a site is in a file that was read");
        let after =
            edit::apply(before, edits).unwrap_or_else(|why| panic!("{what}: {path}: {why}"));
        edit::prove(path, before, &after, edits)
            .unwrap_or_else(|why| panic!("{what}: {path}: {why}"));
        let mut by_hand: Vec<u8> = Vec::new();
        let mut at = 0;
        for edit in edits {
            by_hand.extend_from_slice(&before[at..edit.span.start]);
            by_hand.extend_from_slice(&edit.put);
            at = edit.span.end;
        }
        by_hand.extend_from_slice(&before[at..]);
        assert!(
            after == by_hand,
            "{what}: {path}: a byte outside the spans changed"
        );
        after
    }

    fn compare(&self, after: &Scan, planned: &BTreeMap<String, String>, what: &str) {
        assert_eq!(
            self.scan.literals.len(),
            after.literals.len(),
            "{what}: another literal came or went"
        );
        for (before, after) in self.scan.literals.iter().zip(&after.literals) {
            assert_eq!(
                shape(before),
                shape(after),
                "{what}: {:?} was {:?}",
                after.fate,
                before.fate
            );
        }
        let (mut wanted, got) = (images(&self.scan), images(after));
        wanted.extend(
            planned
                .iter()
                .map(|(user, image)| (user.clone(), Some(image.clone()))),
        );
        for (user, image) in &wanted {
            assert_eq!(got.get(user), Some(image), "{what}: {user}");
        }
        assert_eq!(wanted.len(), got.len(), "{what}: another use came or went");
        assert_eq!(self.scan.problems, after.problems, "{what}");
    }
}

/// A digest that no other site has.
fn digest(index: usize) -> Digest {
    Digest::parse(&format!("sha256:{:064x}", 0xfeed_0000 + index)).expect("a digest")
}

fn edit(literal: &Literal, site: &Site, digest: &Digest) -> Edit {
    Edit {
        file: literal.file.clone(),
        span: site.pin.span,
        expect: site.pin.expect.clone().into_bytes(),
        put: site.pin.text(digest).into_bytes(),
        why: String::new(),
    }
}

fn record(site: &Site, digest: &Digest) -> PinRecord {
    let (site, image) = (site.id.to_string(), site.image.to_string());
    PinRecord {
        action: Action::Update,
        site,
        uses: Vec::new(),
        image,
        from_tag: None,
        from: None,
        to: Some(digest.clone()),
        cause: Cause::TagMoved,
        evidence: None,
        asked: None,
    }
}

/// What the proof is told about a pin: every use of the site has its own name and tag, and the
/// digest.
fn claim(site: &Site, digest: &Digest) -> Claim {
    let image = Reference {
        tag: site.image.effective_tag(),
        digest: Some(digest.clone()),
        ..site.image.clone()
    };
    Claim::Image {
        site: site.id.clone(),
        image,
    }
}

/// The image with the digest in place of its old one; without a tag and a digest its tag becomes
/// `latest`.
fn pinned(image: &str, digest: &Digest) -> String {
    match image.split_once('@') {
        Some((name, _)) => format!("{name}@{digest}"),
        None if image
            .rsplit('/')
            .next()
            .is_some_and(|last| last.contains(':')) =>
        {
            format!("{image}@{digest}")
        }
        None => format!("{image}:latest@{digest}"),
    }
}

/// What a pin may not change of a literal.
fn shape(literal: &Literal) -> (String, usize, &'static str, usize) {
    let fate = match &literal.fate {
        Fate::Site(_) => "site",
        Fate::Component(_) => "component",
        Fate::Unpinnable(_) => "unpinnable",
        Fate::Dead(_) => "dead",
        Fate::Orphan(_) => "orphan",
    };
    (
        literal.file.to_string(),
        literal.line,
        fate,
        literal.uses.len(),
    )
}

/// Who a use is, whatever image it has.
fn user(one: &Use) -> String {
    format!(
        "{:?}",
        Use {
            image: None,
            ignore_spans: Vec::new(),
            ..one.clone()
        }
    )
}

/// The image of every use of a site, by who it is and how many alike there are before it.
fn images(scan: &Scan) -> BTreeMap<String, Option<String>> {
    let uses = scan.sites().flat_map(|(literal, _)| &literal.uses);
    uses.map(|one| (user(one), one.image.as_deref().map(str::to_owned)))
        .collect()
}

#[test]
fn each_site_of_the_fixture_repo_can_be_pinned_alone() {
    let before = Before::testdata();
    for chosen in 0..before.scan.sites().count() {
        before.pin(&|index| index == chosen);
    }
}

#[test]
fn all_sites_of_the_fixture_repo_can_be_pinned_together() {
    let before = Before::testdata();
    before.pin(&|_| true);
    before.proves();
}

#[test]
fn each_site_of_the_shapes_of_others_can_be_pinned_alone_and_all_together() {
    let before = Before::shapes();
    let count = before.scan.sites().count();
    assert_eq!(count, 26, "{:?}", before.scan.problems);
    for chosen in 0..count {
        before.pin(&|index| index == chosen);
    }
    before.pin(&|_| true);
    before.proves();
}

#[test]
fn each_site_of_a_generated_repo_can_be_pinned_alone() {
    for seed in 0..3 {
        let before = Before::generated(1_000, seed);
        for chosen in 0..before.scan.sites().count() {
            before.pin(&|index| index == chosen);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 8, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_sites_of_a_generated_repo_can_be_pinned_together(seed: u64, lines in 500..4_000usize, step in 1..5usize) {
        let before = Before::generated(lines, seed);
        before.pin(&|index| index % step == 0);
        before.pin(&|_| true);
        before.proves();
    }
}
