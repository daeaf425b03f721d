//! The scan: from files to every literal's fate, sorted. Walks the roots on two threads; the result
//! does not depend on how they share the work.

use super::address::{SiteIds, aliases, read_addresses};
use super::decide::{Decided, Role, decide, used};
use super::find::Searched;
use super::finder::{Finder, Remark, RemarkKind};
use super::occurrence::{Occurrence, Place, places};
use super::other_readers::{Sightings, each_text, find_other_readers, look};
use super::resource::MARK;
use super::settings::ScanSettings;
use super::stacks::{StackId, Stacks};
use super::unfollowed;
use super::values::{plausible, texts};
use super::{Comment, Fate, Keel, Literal, Problem, Scan, Site, Unfollowed, Use};
use crate::model::keel::{KeelAnnotation, KeelScope, POLICY};
use crate::model::reference::Reference;
use crate::model::workload::WorkloadRef;
use crate::terraform::files::{Files, RepoPath};
use crate::terraform::hcl::Layout;
use crate::terraform::instance::Instance;
use crate::terraform::instance::values::Unread;
use crate::terraform::project::each_root;
use crate::terraform::root::RootKind;
use crate::terraform::sources::ReadProblem;
use crate::terraform::span::Span;
use crate::terraform::text::{Form, Text};
use crate::terraform::value::Value;
use crate::terraform::variables::Binding;
use crate::terraform::walk::RootWalk;
use crate::terraform::yaml;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, PoisonError};

/// Finds every literal that takes part in an image.
pub fn scan(files: &Files, settings: &ScanSettings) -> Scan {
    let searched = Mutex::default();
    let walked = each_root(files, &settings.project, |walk| {
        walk_root(walk, files, settings, &searched)
    });
    let dirs: BTreeSet<RepoPath> = walked
        .roots
        .iter()
        .filter(|(root, _)| root.kind != RootKind::Orphan)
        .map(|(root, _)| root.dir.clone())
        .collect();
    let mut found = Gathered::default();
    let mut sightings = Vec::new();
    let mut addresses = BTreeMap::new();
    let mut unnamed_var_files = BTreeMap::new();
    let mut unfollowed: Vec<Unfollowed> = Vec::new();
    for file in &walked.unread {
        let look_alikes = unfollowed::in_file(files, file, "files that are not read");
        match file.as_str().strip_suffix(".tf") {
            Some(stem) => found.remarks.extend(look_alikes.iter().map(|one| {
                let by = format!("{stem}.tofu takes the place of the file");
                let (file, content) = (file.clone(), one.span);
                Remark::dead(Place { file, content }, &by)
            })),
            None => unfollowed.extend(look_alikes),
        }
    }
    for (of, root) in walked.roots {
        if !root.unnamed.is_empty() {
            found.problems.push(unnamed_problem(&of.dir, &root.unnamed));
            unnamed_var_files.insert(of.dir, root.unnamed);
        }
        unfollowed.extend(root.unfollowed);
        found.take(root.finder);
        sightings.push(root.sightings);
        addresses.extend(root.addresses);
    }
    let mut extra = Finder::new(files, settings);
    extra.extra_files(&dirs);
    found.take(extra);
    let away = find_other_readers(&found.occurrences, &found.consumed, &sightings);
    let stacks = Stacks::new(dirs);
    let assembly = Assembly {
        files,
        layouts: Layout::read_all(files, &with_images(&walked.parsed, &found.occurrences)),
        stacks: &stacks,
        occurrences: &found.occurrences,
        unsure: &found.unsure,
        unnamed: &found.unnamed,
    };
    let decided = decide(&found.occurrences, &away, &|place| assembly.spelled(place));
    let literals = assembly.literals(decided, found.remarks, SiteIds::new(files, addresses));
    let problems: BTreeSet<Problem> = walked
        .problems
        .iter()
        .map(problem)
        .chain(found.problems)
        .collect();
    let mut followed: BTreeMap<RepoPath, Vec<Span>> = BTreeMap::new();
    for literal in &literals {
        let spans = followed.entry(literal.file.clone()).or_default();
        spans.push(literal.span);
    }
    Scan {
        unfollowed: unfollowed::left_over(unfollowed, &followed),
        literals,
        problems: problems.into_iter().collect(),
        stacks,
        remote_modules: found.remote_modules,
        unnamed_var_files,
    }
}

/// Var-files that nothing names: who runs Terraform may pass one of them.
fn unnamed_problem(root: &RepoPath, files: &[RepoPath]) -> Problem {
    let some: Vec<String> = files.iter().take(3).map(ToString::to_string).collect();
    let more = match files.len().checked_sub(3) {
        None | Some(0) => String::new(),
        Some(more) => format!(" and {more} more"),
    };
    let (set, loads) = if files.len() == 1 {
        ("sets", "nothing loads it: name it")
    } else {
        ("set", "nothing loads them: name each")
    };
    Problem {
        file: root.clone(),
        line: None,
        what: format!(
            "{}{more} {set} variables of this root, and {loads} in an [[environment]] or in `[scan] var_files`, or exclude it",
            some.join(", ")
        ),
    }
}

fn problem(read: &ReadProblem) -> Problem {
    Problem {
        file: read.file.clone(),
        line: read.line,
        what: read.what.clone(),
    }
}

/// Returns the parsed files in which something of an image is written, or a block around one.
fn with_images(parsed: &BTreeSet<RepoPath>, occurrences: &[Occurrence]) -> BTreeSet<RepoPath> {
    let images = occurrences
        .iter()
        .flat_map(|one| places(&one.image))
        .map(|(place, _)| place.file);
    let blocks = occurrences
        .iter()
        .flat_map(|one| &one.blocks)
        .map(|(file, _)| file.clone());
    images
        .chain(blocks)
        .filter(|file| parsed.contains(file))
        .collect()
}

/// What the walk over all roots gathered, in the order of the roots.
#[derive(Default)]
struct Gathered {
    occurrences: Vec<Occurrence>,
    remarks: Vec<Remark>,
    unsure: BTreeSet<(Place, Arc<str>, RepoPath)>,
    unnamed: BTreeSet<(Place, Arc<str>, RepoPath)>,
    problems: Vec<Problem>,
    consumed: BTreeSet<super::workload::Attribute>,
    remote_modules: BTreeSet<Arc<str>>,
}

impl Gathered {
    fn take(&mut self, finder: Finder<'_>) {
        self.occurrences.extend(finder.occurrences);
        self.remarks.extend(finder.remarks);
        self.unsure.extend(finder.unsure);
        self.unnamed.extend(finder.unnamed);
        self.problems.extend(finder.problems);
        self.consumed.extend(finder.consumed);
        self.remote_modules.extend(finder.remote_modules);
    }
}

/// What one root gave.
struct RootFound<'a> {
    finder: Finder<'a>,
    sightings: Sightings,
    addresses: BTreeMap<Place, String>,
    /// The var-files that nothing names and that set a variable of the root.
    unnamed: Vec<RepoPath>,
    /// What looks like an image in its modules, followed or not.
    unfollowed: Vec<Unfollowed>,
}

fn walk_root<'a>(
    walk: &RootWalk<'_>,
    files: &'a Files,
    settings: &'a ScanSettings,
    searched: &Mutex<BTreeSet<RepoPath>>,
) -> RootFound<'a> {
    let mut finder = Finder::new(files, settings);
    let mut instances = Vec::new();
    for instance in walk.instances() {
        let searched = finder.instance(&instance);
        instances.push((instance, searched));
    }
    finder.problems.extend(walk.problems().iter().map(problem));
    let images: BTreeSet<Place> = finder
        .occurrences
        .iter()
        .flat_map(|o| places(&o.image))
        .map(|(place, _)| place)
        .collect();
    let mut seen: BTreeSet<RepoPath> = BTreeSet::new();
    for (instance, _) in &instances {
        instance
            .variables()
            .iter()
            .for_each(|binding| variable(&mut finder, binding, &images));
        if seen.insert(instance.dir().clone()) && !instance.is_orphan() {
            instance
                .unread()
                .iter()
                .for_each(|unread| unread_value(&mut finder, unread));
        }
    }
    let sightings = look(walk, &finder, &instances);
    let addresses = read_addresses(walk, files, &finder.occurrences);
    RootFound {
        finder,
        sightings,
        addresses,
        unnamed: walk.unnamed_var_files(),
        unfollowed: look_alikes(&instances, searched),
    }
}

/// Returns what looks like an image in the modules of a root; in each file once for all roots.
fn look_alikes(
    instances: &[(Instance<'_>, Vec<Searched<'_>>)],
    searched: &Mutex<BTreeSet<RepoPath>>,
) -> Vec<Unfollowed> {
    let is_new = |file: &RepoPath| {
        let mut searched = searched.lock().unwrap_or_else(PoisonError::into_inner);
        searched.insert(file.clone())
    };
    let sources = instances
        .iter()
        .flat_map(|(instance, _)| instance.module().sources());
    sources
        .filter(|source| is_new(&source.path))
        .flat_map(|source| unfollowed::in_source(source))
        .collect()
}

/// Notes which images a variable holds that a file may set that cannot be read, and that its weaker
/// values are dead.
fn variable(finder: &mut Finder<'_>, binding: &Binding, images: &BTreeSet<Place>) {
    let mut taken: Vec<Place> = Vec::new();
    each_text(&binding.value, &mut |text| {
        taken.extend(places(text).into_iter().map(|(place, _)| place))
    });
    taken.retain(|place| images.contains(place));
    let settings = finder.settings;
    let may_set = |file: &&RepoPath| {
        !settings
            .without_images
            .iter()
            .any(|glob| glob.matches(file.as_str()))
    };
    let name: Arc<str> = format!("var.{}", binding.name).into();
    let of = |file: &RepoPath| {
        let (name, file) = (name.clone(), file.clone());
        taken
            .iter()
            .map(move |place| (place.clone(), name.clone(), file.clone()))
            .collect::<Vec<_>>()
    };
    for file in binding.could_be_overridden_by.iter().filter(may_set) {
        finder.unsure.extend(of(file));
    }
    for file in binding.could_be_passed.iter().filter(may_set) {
        finder.unnamed.extend(of(file));
    }
    for given in binding.overridden.iter().filter(|_| !taken.is_empty()) {
        let by = binding
            .setter
            .as_ref()
            .map(|(_, place)| format!("overridden by {}:{}", place.file, place.line))
            .unwrap_or_default();
        dead_values(finder, &given.value, &by);
    }
}

/// Notes that what reads as an image in a value that nothing reads is dead.
fn unread_value(finder: &mut Finder<'_>, unread: &Unread) {
    let by = unread.replaced_by.as_ref();
    let reason = by.map_or_else(
        || "nothing reads it".to_owned(),
        |by| format!("overridden by {}:{}", by.file, by.line),
    );
    for text in texts(&unread.value)
        .into_iter()
        .filter(|text| is_image_unread(text, &unread.name))
    {
        finder.remarks.extend(
            places(&text)
                .into_iter()
                .map(|(place, _)| Remark::dead(place, &reason)),
        );
    }
}

/// Nothing that reads a text says that it is an image: it has to say so itself, by a registry or a
/// path and a tag, or its name does. `03:00` is a time.
fn is_image_unread(text: &Text, name: &str) -> bool {
    let name = name.to_lowercase();
    let is_named = ["image", "tag", "repository"]
        .iter()
        .any(|word| name.contains(word));
    let reads_as_one = || {
        let reference = text.known().and_then(|all| Reference::parse(&all));
        reference.is_some_and(|reference| reference.name.contains('/') && !is_name_only(&reference))
    };
    plausible(text, false) && (is_named || reads_as_one())
}

fn is_name_only(reference: &Reference) -> bool {
    reference.tag.is_none() && reference.digest.is_none()
}

/// A weaker value is dead as a whole where it is a string; of a collection, the strings that read
/// as images.
fn dead_values(finder: &mut Finder<'_>, weaker: &Value, by: &str) {
    let whole = matches!(weaker, Value::Text(_));
    for text in texts(weaker)
        .into_iter()
        .filter(|text| whole || plausible(text, false))
    {
        finder.remarks.extend(
            places(&text)
                .into_iter()
                .map(|(place, _)| Remark::dead(place, by)),
        );
    }
}

/// Puts lines, texts, comments, names and uses to what was decided.
struct Assembly<'a> {
    files: &'a Files,
    layouts: BTreeMap<RepoPath, Layout>,
    stacks: &'a Stacks,
    occurrences: &'a [Occurrence],
    unsure: &'a BTreeSet<(Place, Arc<str>, RepoPath)>,
    unnamed: &'a BTreeSet<(Place, Arc<str>, RepoPath)>,
}

impl Assembly<'_> {
    fn literals(
        &self,
        decided: Vec<Decided>,
        remarks: Vec<Remark>,
        mut ids: SiteIds<'_>,
    ) -> Vec<Literal> {
        let mut out: BTreeMap<Place, Literal> = BTreeMap::new();
        for one in decided {
            if let Some(literal) = self.literal(&one, &mut ids) {
                out.insert(one.place, literal);
            }
        }
        for remark in remarks {
            if !out.contains_key(&remark.place)
                && let Some(literal) = self.remarked(&remark)
            {
                out.insert(remark.place, literal);
            }
        }
        out.into_values().collect()
    }

    fn literal(&self, one: &Decided, ids: &mut SiteIds<'_>) -> Option<Literal> {
        let uses = merged(
            one.users
                .iter()
                .map(|&index| used(&self.occurrences[index])),
        );
        let reference = common(&uses);
        let stacks = uses.iter().map(|user| StackId(user.root.clone())).collect();
        let fate = match &one.role {
            Role::Site { image, pin, tag } => Fate::Site(Site {
                tag: tag.clone().map_err(Into::into),
                id: ids.id(&one.place, pin.form),
                aliases: aliases(&uses),
                image: image.clone(),
                pin: pin.clone(),
                stack: self.stacks.display_name(&one.place.file, &stacks),
                stacks,
                comments: self.comments(&one.place, pin.form, &one.users),
                unsure: self.may_be_set(self.unsure, &one.users),
                unnamed: self.may_be_set(self.unnamed, &one.users),
                keel: Box::new(self.keel(&one.users)),
            }),
            Role::Component(reason) => Fate::Component(reason.clone()),
            Role::Unpinnable(reason) => Fate::Unpinnable(reason.clone()),
            Role::Orphan(reason) => Fate::Orphan(reason.clone()),
        };
        self.place(&one.place, fate, reference, uses)
    }

    fn remarked(&self, remark: &Remark) -> Option<Literal> {
        let fate = match remark.kind {
            RemarkKind::Dead => Fate::Dead(remark.reason.clone()),
            RemarkKind::Unpinnable => Fate::Unpinnable(remark.reason.clone()),
        };
        self.place(
            &remark.place,
            fate,
            None,
            remark.user.iter().cloned().collect(),
        )
    }

    fn place(
        &self,
        place: &Place,
        fate: Fate,
        reference: Option<String>,
        uses: Vec<Use>,
    ) -> Option<Literal> {
        let bytes = self.files.bytes(&place.file)?;
        let literal = String::from_utf8_lossy(bytes.get(place.content.range())?).into_owned();
        Some(Literal {
            file: place.file.clone(),
            span: place.content,
            line: self.line(place),
            literal,
            fate,
            reference,
            uses,
        })
    }

    fn line(&self, place: &Place) -> usize {
        match (self.layouts.get(&place.file), self.files.bytes(&place.file)) {
            (Some(layout), _) => layout.line(place.content.start),
            (None, Some(bytes)) => {
                bytes
                    .iter()
                    .take(place.content.start)
                    .filter(|byte| **byte == b'\n')
                    .count()
                    + 1
            }
            (None, None) => 1,
        }
    }

    fn spelled(&self, place: &Place) -> String {
        format!("{}:{}", place.file, self.line(place))
    }

    /// The comment that ends the line, then those above, from near to far; then those of the blocks
    /// around.
    fn comments(&self, place: &Place, form: Form, users: &[usize]) -> Vec<Comment> {
        let yaml = matches!(
            form,
            Form::YamlPlain | Form::YamlSingle | Form::YamlDouble | Form::YamlBlock
        );
        let mut all = match form {
            Form::Json => Vec::new(),
            _ if yaml => self.yaml_comments(place),
            _ => self.hcl_comments(&place.file, place.content.start),
        };
        all.sort_by_key(|comment| (!comment.trailing, std::cmp::Reverse(comment.line)));
        let blocks: BTreeSet<_> = users
            .iter()
            .flat_map(|&index| &self.occurrences[index].blocks)
            .collect();
        for (file, start) in blocks.into_iter().rev() {
            for comment in self.hcl_comments(file, *start) {
                if !all.contains(&comment) {
                    all.push(comment);
                }
            }
        }
        all
    }

    fn hcl_comments(&self, file: &RepoPath, at: usize) -> Vec<Comment> {
        let found = self
            .layouts
            .get(file)
            .map(|layout| layout.comments_around(at))
            .unwrap_or_default();
        found
            .into_iter()
            .map(|c| Comment {
                file: file.clone(),
                text: c.plain().to_owned(),
                line: c.line,
                trailing: c.trailing,
            })
            .collect()
    }

    fn yaml_comments(&self, place: &Place) -> Vec<Comment> {
        let text = self
            .files
            .bytes(&place.file)
            .map(|bytes| String::from_utf8_lossy(bytes))
            .unwrap_or_default();
        let found = yaml::comments_around(&text, place.content.start);
        found
            .into_iter()
            .map(|c| Comment {
                file: place.file.clone(),
                text: c.text,
                line: c.line,
                trailing: c.trailing,
            })
            .collect()
    }

    /// Returns the variables and files of `unsure` that concern the images of these uses.
    fn may_be_set(
        &self,
        unsure: &BTreeSet<(Place, Arc<str>, RepoPath)>,
        users: &[usize],
    ) -> Vec<(Arc<str>, RepoPath)> {
        let taken: BTreeSet<Place> = users
            .iter()
            .flat_map(|&index| places(&self.occurrences[index].image))
            .map(|(place, _)| place)
            .collect();
        let all: BTreeSet<_> = unsure
            .iter()
            .filter(|(place, ..)| taken.contains(place))
            .map(|(_, name, file)| (name.clone(), file.clone()))
            .collect();
        all.into_iter().collect()
    }

    /// What pintle's mark says beside Keel's policy is nothing where it names no policy.
    fn keel(&self, users: &[usize]) -> Keel {
        let all = || users.iter().map(|&index| &self.occurrences[index]);
        let annotations: BTreeSet<_> = all().flat_map(annotations_of).collect();
        let declares: BTreeSet<_> = all().flat_map(declares).collect();
        let said = annotations
            .into_iter()
            .filter(|(key, value)| &**key != MARK || !value.is_empty());
        Keel {
            annotations: said.collect(),
            declares: declares.into_iter().collect(),
        }
    }
}

/// What Keel's annotations say of the container: its policy may be for others only.
fn annotations_of(one: &Occurrence) -> impl Iterator<Item = KeelAnnotation> {
    let pairs = one.annotations.iter();
    let scope = KeelScope::of(pairs.map(|(key, value)| (&**key, &**value)));
    let holder = &one.user.holder;
    let said = one.annotations.iter().filter(move |(key, value)| {
        let container = holder.container();
        &**key != POLICY
            || container.is_none_or(|name| scope.applies(value, name, holder.is_init()))
    });
    said.cloned()
}

/// The keys that a workload's text says something under, with the workload's name.
fn declares(one: &Occurrence) -> impl Iterator<Item = (WorkloadRef, Arc<str>)> {
    let workload = one.user.workload();
    let keys = one.annotations.iter().map(|(key, _)| {
        if &**key == MARK {
            POLICY.into()
        } else {
            key.clone()
        }
    });
    keys.filter_map(move |key| Some((workload.clone()?, key)))
}

/// Equal uses become one, with the sum of their instances; sorted.
fn merged(uses: impl Iterator<Item = Use>) -> Vec<Use> {
    let mut out: BTreeMap<Use, Option<u64>> = BTreeMap::new();
    for one in uses {
        let count = one.instances;
        let entry = out
            .entry(Use {
                instances: None,
                ..one
            })
            .or_insert(Some(0));
        *entry = entry.zip(count).map(|(sum, more)| sum + more);
    }
    out.into_iter()
        .map(|(one, instances)| Use { instances, ..one })
        .collect()
}

/// The image that all uses agree on.
fn common(uses: &[Use]) -> Option<String> {
    let first = uses.first()?.image.as_ref()?;
    uses.iter()
        .all(|one| one.image.as_ref() == Some(first))
        .then(|| first.to_string())
}
