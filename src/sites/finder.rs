//! What a walk over a root gathers: occurrences, remarks, and what could not be read. Knows no kind
//! of resource.

use super::occurrence::{Occurrence, Place, places};
use super::ownership::{self, Ignored};
use super::settings::ScanSettings;
use super::values::{self, Found};
use super::{Problem, Use};
use crate::model::workload::{Holder, WorkloadKind};
use crate::terraform::body::BodyView;
use crate::terraform::files::{Entry, Files, RepoPath};
use crate::terraform::instance::Instance;
use crate::terraform::span::Span;
use crate::terraform::text::{Form, Origin, Piece, Text};
use crate::terraform::value::{Value, Why};
use std::collections::BTreeSet;
use std::sync::Arc;

/// A literal that is known to be no site, whatever the occurrences say.
#[derive(Clone, Debug)]
pub struct Remark {
    pub place: Place,
    pub kind: RemarkKind,
    pub reason: String,
    pub user: Option<Use>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RemarkKind {
    Dead,
    Unpinnable,
}

impl Remark {
    pub fn unpinnable(place: Place, reason: &str, user: Use) -> Self {
        Self {
            place,
            kind: RemarkKind::Unpinnable,
            reason: reason.into(),
            user: Some(user),
        }
    }

    pub fn dead(place: Place, reason: &str) -> Self {
        Self {
            place,
            kind: RemarkKind::Dead,
            reason: reason.into(),
            user: None,
        }
    }
}

/// What a walk gathers.
pub struct Finder<'a> {
    pub files: &'a Files,
    pub settings: &'a ScanSettings,
    pub occurrences: Vec<Occurrence>,
    pub remarks: Vec<Remark>,
    /// Literals that a variable holds which a file nobody can read may set: the variable and the
    /// file.
    pub unsure: BTreeSet<(Place, Arc<str>, RepoPath)>,
    /// The same of files that can be read, and that nothing names.
    pub unnamed: BTreeSet<(Place, Arc<str>, RepoPath)>,
    pub problems: Vec<Problem>,
    /// Attributes whose texts are images: `other_readers` leaves them out.
    pub consumed: BTreeSet<(RepoPath, Span)>,
    /// The `source` of every call of a module whose text is not in the repo.
    pub remote_modules: BTreeSet<Arc<str>>,
    /// What was searched for images in the resource that is looked at, and the images of it.
    pub(super) searched: Vec<(Value, Vec<Found>)>,
    pub(super) orphan: bool,
    pub(super) cwd: RepoPath,
    /// Where the resource that is looked at begins.
    pub(super) block: Option<(RepoPath, usize)>,
    /// What that resource ignores.
    pub(super) ignores: Vec<Ignored>,
}

impl<'a> Finder<'a> {
    pub fn new(files: &'a Files, settings: &'a ScanSettings) -> Self {
        Self {
            files,
            settings,
            occurrences: Vec::new(),
            remarks: Vec::new(),
            unsure: BTreeSet::new(),
            unnamed: BTreeSet::new(),
            problems: Vec::new(),
            consumed: BTreeSet::new(),
            remote_modules: BTreeSet::new(),
            searched: Vec::new(),
            orphan: false,
            cwd: RepoPath::default(),
            block: None,
            ignores: Vec::new(),
        }
    }

    pub(super) fn enter(&mut self, instance: &Instance<'_>) {
        self.orphan = instance.is_orphan();
        self.cwd = instance.root().module_dir().clone();
    }

    pub(super) fn user(
        &self,
        instance: &Instance<'_>,
        kind: WorkloadKind,
        line: usize,
        file: &RepoPath,
        instances: Option<u64>,
    ) -> Use {
        Use {
            root: instance.root().dir.clone(),
            environment: instance.root().environment.as_deref().map(Into::into),
            file: file.clone(),
            line,
            kind,
            namespace: None,
            name: None,
            holder: Holder::Container {
                name: None,
                init: false,
            },
            image: None,
            ignored: None,
            ignore_spans: Vec::new(),
            instances,
        }
    }

    pub(super) fn consume(&mut self, view: &BodyView<'_>, attrs: &[&str]) {
        let spans = attrs
            .iter()
            .filter_map(|name| view.attr(name))
            .map(|attr| (attr.source().path.clone(), attr.place().span));
        self.consumed.extend(spans);
    }

    /// Says whether what the resource ignores covers that path in it.
    pub fn ignored(&self, path: &str) -> bool {
        ownership::ignored(&self.ignores, path).0
    }

    /// Keeps a tree and its images: what else it says matters to `other_readers`.
    pub fn keep_others(&mut self, tree: &Value, images: &[Found]) {
        self.searched.push((tree.clone(), images.to_vec()));
    }

    /// Says what is not known of an object that owns pods, where that is as much as a list of
    /// containers.
    pub fn lost(&mut self, object: &Value, user: &Use) {
        if let Some((key, why)) = values::lost(object).filter(|_| user.instances != Some(0)) {
            let part = |part: &Option<Arc<str>>| part.as_deref().unwrap_or("?").to_owned();
            let (is, of) = (
                if key.ends_with('s') { "are" } else { "is" },
                format!(
                    "{}/{}/{}",
                    user.kind,
                    part(&user.namespace),
                    part(&user.name)
                ),
            );
            self.tell(
                &user.file,
                user.line,
                format!("the {key} of {of} {is} not known: {why}"),
            );
        }
    }

    pub(super) fn tell(&mut self, file: &RepoPath, line: usize, what: String) {
        if !self.orphan {
            self.problems.push(Problem {
                file: file.clone(),
                line: Some(line),
                what,
            });
        }
    }

    /// Takes an image of a value tree.
    pub fn found(&mut self, found: Found, user: Use, annotations: Vec<(Arc<str>, Arc<str>)>) {
        let user = Use {
            holder: found.holder,
            ..user
        };
        for (place, reason) in found.blank {
            self.remarks
                .push(Remark::unpinnable(place, &reason, user.clone()));
        }
        let dead = found.dead.into_iter();
        self.remarks
            .extend(dead.map(|(place, reason)| Remark::dead(place, &reason)));
        let blocks = self.block.iter().cloned().collect();
        self.push(Occurrence {
            user,
            image: found.image,
            orphan: self.orphan,
            annotations,
            blocks,
            refused: found.refused,
        });
    }

    /// An image of which nothing at all is known has no literal: it is told as a problem, so that
    /// it is not taken for nothing.
    pub(super) fn push(&mut self, occurrence: Occurrence) {
        let user = &occurrence.user;
        if let (Some(why), false) = (occurrence.image.why_unknown(), is_listed(&occurrence.image))
            && !occurrence.orphan
            && user.instances != Some(0)
        {
            let what = format!("the image of {} is not known: {why}", user);
            self.problems.push(Problem {
                file: user.file.clone(),
                line: Some(user.line),
                what,
            });
        }
        self.occurrences.push(occurrence);
    }

    /// Says that something that may hold images could not be evaluated.
    pub fn unknown(&mut self, view: &BodyView<'_>, what: &str, why: Option<&Why>) {
        if let Some(why) = why.filter(|_| view.instances() != Some(0)) {
            self.tell(
                &view.source().path,
                view.line(),
                format!("the {what} are not known: {why}"),
            );
        }
    }

    /// Says of the literals of an image that something replaces them.
    pub fn dead(&mut self, image: &Text, user: &Use, reason: &str) {
        self.dead_except(image, user, reason, &BTreeSet::new());
    }

    pub fn dead_except(&mut self, image: &Text, _user: &Use, reason: &str, kept: &BTreeSet<Place>) {
        let gone = places(image)
            .into_iter()
            .map(|(place, _)| place)
            .filter(|place| !kept.contains(place));
        self.remarks
            .extend(gone.map(|place| Remark::dead(place, reason)));
    }

    /// Reads a file by a path relative to where Terraform is run.
    pub fn read(&self, path: &str) -> Option<(Text, RepoPath)> {
        let path = self.cwd.join(path)?;
        Some((file_text(self.files, &path)?, path))
    }
}

/// Says whether a literal that holds a part of the image is told: one with more than a separator.
fn is_listed(image: &Text) -> bool {
    image.pieces().iter().any(|piece| matches!(piece, Piece::Known { text, origin: Some(_) } if text.chars().any(char::is_alphanumeric)))
}

/// The whole file as a text whose every byte is written in it.
pub(super) fn file_text(files: &Files, path: &RepoPath) -> Option<Text> {
    let (path, Entry::Text(bytes)) = files.follow(path)? else {
        return None;
    };
    let text = std::str::from_utf8(bytes).ok()?;
    let span = Span::new(0, text.len());
    Some(Text::written(
        text,
        Origin {
            file: path,
            span,
            literal: span,
            form: Form::Raw,
        },
    ))
}
