//! Walks the instances of a root and gathers occurrences: one for each image as each consumer sees
//! it.

use super::objects;
use super::occurrence::{Occurrence, Place, places};
use super::ownership::{self, Ignored};
use super::settings::{Extra, ScanSettings};
use super::values::{self, Found, plausible};
use super::workload::{self, Owner, PodOwner};
use super::{Problem, Use};
use crate::model::workload::{Holder, WorkloadKind};
use crate::terraform::body::BodyView;
use crate::terraform::files::{Files, RepoPath};
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

/// A resource that was searched for images.
pub struct Searched<'p> {
    pub view: BodyView<'p>,
    /// What was searched in it, each tree with its images.
    trees: Vec<(Value, Vec<Found>)>,
}

impl Searched<'_> {
    /// Returns the texts that stand beside images in what was searched.
    pub fn beside(&self) -> impl Iterator<Item = Text> {
        self.trees
            .iter()
            .flat_map(|(tree, images)| values::beside(tree, images))
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
    pub problems: Vec<Problem>,
    /// Attributes whose texts are images: `elsewhere` leaves them out.
    pub consumed: BTreeSet<(RepoPath, Span)>,
    /// The `source` of every call of a module whose text is not in the repo.
    pub remote_modules: BTreeSet<Arc<str>>,
    /// What was searched for images in the resource that is looked at, and the images of it.
    searched: Vec<(Value, Vec<Found>)>,
    orphan: bool,
    cwd: RepoPath,
    /// Where the resource that is looked at begins.
    block: Option<(RepoPath, usize)>,
    /// What that resource ignores.
    ignores: Vec<Ignored>,
}

impl<'a> Finder<'a> {
    pub fn new(files: &'a Files, settings: &'a ScanSettings) -> Self {
        Self {
            files,
            settings,
            occurrences: Vec::new(),
            remarks: Vec::new(),
            unsure: BTreeSet::new(),
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

    fn enter(&mut self, instance: &Instance<'_>) {
        self.orphan = instance.is_orphan();
        self.cwd = instance.root().module_dir().clone();
    }

    /// Walks one instance of a module: its resources, data sources and calls of remote modules.
    /// Returns the resources that it searched, in order.
    pub fn instance<'p>(&mut self, instance: &Instance<'p>) -> Vec<Searched<'p>> {
        let mut all = Vec::new();
        self.enter(instance);
        for declared in instance
            .resources()
            .filter(|declared| may_hold_images(declared.label(0)))
        {
            let address = format!("{}.{}", declared.label(0), declared.label(1));
            for view in instance.expand(declared) {
                self.resource(&view, declared.label(0), &address);
                all.push(Searched {
                    view,
                    trees: std::mem::take(&mut self.searched),
                });
            }
        }
        for call in instance.remote_calls() {
            self.remote_modules.insert(call.source.as_str().into());
            let user = self.user(
                instance,
                WorkloadKind::Module,
                call.place.line,
                &call.place.file,
                call.instances,
            );
            let user = Use {
                name: call.label.as_deref().map(Into::into),
                ..user
            };
            let arguments = call
                .arguments
                .into_iter()
                .map(|argument| (argument.name.into(), argument.value))
                .collect();
            objects::remote_module(
                self,
                &call.source,
                &self.settings.modules,
                &arguments,
                &user,
            );
        }
        all
    }

    fn resource(&mut self, view: &BodyView<'_>, kind: &str, address: &str) {
        let instance = view.instance();
        self.block = Some(workload::start(view));
        self.ignores = workload::ignore_changes(view);
        let user = |finder: &Self, kind: WorkloadKind| {
            finder.user(
                instance,
                kind,
                view.line(),
                &view.source().path,
                view.instances(),
            )
        };
        if let Some(owner) = workload::pod_owner(kind) {
            return self.workload(view, &owner, address, user(self, owner.kind.clone()));
        }
        match kind {
            "helm_release" => {
                let user = user(self, WorkloadKind::HelmRelease);
                objects::helm(self, view, &user);
                self.consume(view, &["values", "set"]);
                view.blocks("set")
                    .iter()
                    .for_each(|set| self.consume(set, &["value"]));
            }
            "kubernetes_manifest" => {
                let user = user(self, WorkloadKind::Other("manifest".into()));
                let manifest = view.value("manifest");
                self.applied(view, address, &manifest);
                objects::object(self, &manifest, &user, "manifest");
                self.consume(view, &["manifest"]);
            }
            "kubectl_manifest" => {
                let user = user(self, WorkloadKind::Other("manifest".into()));
                let body = view.value("yaml_body");
                self.applied(view, address, &body);
                if let Value::Text(text) = body {
                    for document in objects::documents(self, &text, &user) {
                        objects::object(self, &document, &user, "yaml_body");
                    }
                }
                self.consume(view, &["yaml_body"]);
            }
            "kustomization_build" | "kustomization_overlay" => {
                let user = user(self, WorkloadKind::Other("kustomization".into()));
                objects::kustomization(self, view, &user);
                view.blocks("images").iter().for_each(|image| {
                    self.consume(image, &["name", "new_name", "new_tag", "digest"])
                });
            }
            _ if is_data(kind) => {
                let (namespace, name, _) = workload::metadata(view);
                let user = Use {
                    namespace,
                    name,
                    ..user(self, WorkloadKind::Other(data_kind(kind).into()))
                };
                objects::config_map(self, view, &user);
                self.consume(view, &["data", "string_data"]);
            }
            _ => {}
        }
    }

    fn workload(&mut self, view: &BodyView<'_>, kind: &PodOwner, address: &str, user: Use) {
        let (namespace, name, annotations) = workload::metadata(view);
        let env = self.settings.extras.iter().filter_map(|extra| match extra {
            Extra::Env { resource, names } if resource.matches(address) => Some(names),
            _ => None,
        });
        let image_env: Vec<_> = env.flatten().collect();
        let template = Use {
            namespace,
            name,
            ..user
        };
        let owner = Owner {
            template: &template,
            orphan: self.orphan,
            block: workload::start(view),
            annotations,
            ignored: self.ignores.clone(),
            image_env: &image_env,
        };
        for (occurrence, attr) in workload::images(view, kind, &owner) {
            self.consumed.insert(attr);
            self.push(occurrence);
        }
    }

    fn user(
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

    fn consume(&mut self, view: &BodyView<'_>, attrs: &[&str]) {
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

    /// Keeps a tree and its images: what else it says matters to `elsewhere`.
    pub fn keep_others(&mut self, tree: &Value, images: &[Found]) {
        self.searched.push((tree.clone(), images.to_vec()));
    }

    /// Says of a manifest of which nothing is known that it may hold images.
    fn applied(&mut self, view: &BodyView<'_>, address: &str, value: &Value) {
        let nothing = match value {
            Value::Unknown(_) => true,
            Value::Text(text) => text.known_len() == 0,
            _ => false,
        };
        if let (Some(why), true) = (value.why_unknown(), nothing && view.instances() != Some(0)) {
            self.tell(
                &view.source().path,
                view.line(),
                format!("what {address} applies is not known: {why}"),
            );
        }
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

    fn tell(&mut self, file: &RepoPath, line: usize, what: String) {
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
        for (frame, reason) in found.blank {
            self.remarks.push(Remark::unpinnable(
                Place::of_frame(&frame),
                &reason,
                user.clone(),
            ));
        }
        let blocks = self.block.iter().cloned().collect();
        self.push(Occurrence {
            user,
            image: found.image,
            orphan: self.orphan,
            annotations,
            blocks,
            refused: None,
        });
    }

    /// An image of which nothing at all is known has no literal: it is told as a problem, so that
    /// it is not taken for nothing.
    fn push(&mut self, occurrence: Occurrence) {
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

    /// Reads the files that only the config knows to hold images.
    pub fn extra_files(&mut self, roots: &BTreeSet<RepoPath>) {
        let settings = self.settings;
        for extra in &settings.extras {
            let Extra::File { file, path } = extra else {
                continue;
            };
            let hits: Vec<RepoPath> = self
                .files
                .iter()
                .map(|(path, _)| path.clone())
                .filter(|path| file.matches(path.as_str()))
                .collect();
            for hit in hits {
                self.extra_file(&hit, path, roots);
            }
        }
    }

    fn extra_file(&mut self, file: &RepoPath, path: &[Arc<str>], roots: &BTreeSet<RepoPath>) {
        let Some(text) = file_text(self.files, file) else {
            return self.problems.push(Problem {
                file: file.clone(),
                line: None,
                what: "not read, though the config names it under [[extra]]".into(),
            });
        };
        let root = roots
            .iter()
            .filter(|root| is_below(file, root))
            .max_by_key(|root| root.as_str().len())
            .cloned()
            .unwrap_or_default();
        let documents = crate::terraform::yaml::documents(&text);
        for (value, parent, document) in documents.iter().flat_map(|d| {
            objects::at_path(&d.value, path)
                .into_iter()
                .map(move |(v, p)| (v, p, &d.value))
        }) {
            let image = values::as_text(value);
            if !plausible(&image, true) {
                continue;
            }
            let name = parent
                .and_then(|parent| values::get(parent, "name"))
                .and_then(Value::as_str);
            let meta = |key: &str| {
                values::get(document, "metadata")
                    .and_then(|m| values::get(m, key))
                    .and_then(Value::as_str)
                    .map(Into::into)
            };
            let kind = values::get(document, "kind")
                .and_then(Value::as_str)
                .unwrap_or_else(|| "file".into())
                .to_lowercase();
            let user = Use {
                root: root.clone(),
                environment: None,
                file: file.clone(),
                line: 1,
                kind: WorkloadKind::new(&kind),
                namespace: meta("namespace"),
                name: meta("name"),
                holder: match name {
                    Some(name) => Holder::Container {
                        name: Some(name.into()),
                        init: path.iter().any(|part| &**part == "initContainers"),
                    },
                    None => Holder::Path(path.join(".").into()),
                },
                image: None,
                ignored: None,
                ignore_spans: Vec::new(),
                instances: Some(1),
            };
            self.push(Occurrence {
                user,
                image,
                orphan: false,
                annotations: Vec::new(),
                blocks: Vec::new(),
                refused: None,
            });
        }
    }
}

/// Says whether a literal that holds a part of the image is told: one with more than a separator.
fn is_listed(image: &Text) -> bool {
    image.pieces().iter().any(|piece| matches!(piece, Piece::Known { text, origin: Some(_) } if text.chars().any(char::is_alphanumeric)))
}

/// Says whether a resource of that type can hold an image in a place that is known.
fn may_hold_images(kind: &str) -> bool {
    let others = [
        "helm_release",
        "kubernetes_manifest",
        "kubectl_manifest",
        "kustomization_build",
        "kustomization_overlay",
    ];
    others.contains(&kind) || is_data(kind) || workload::pod_owner(kind).is_some()
}

fn is_below(file: &RepoPath, root: &RepoPath) -> bool {
    let rest = file.as_str().strip_prefix(root.as_str());
    root.as_str().is_empty() || rest.is_some_and(|rest| rest.starts_with('/'))
}

fn is_data(kind: &str) -> bool {
    ["kubernetes_config_map", "kubernetes_secret"]
        .iter()
        .any(|known| {
            kind.strip_prefix(known)
                .is_some_and(|rest| rest.is_empty() || rest.starts_with("_v1"))
        })
}

fn data_kind(kind: &str) -> &'static str {
    if kind.starts_with("kubernetes_secret") {
        "secret"
    } else {
        "configmap"
    }
}

/// The whole file as a text whose every byte is written in it.
fn file_text(files: &Files, path: &RepoPath) -> Option<Text> {
    let bytes = files.bytes(path)?;
    let text = std::str::from_utf8(bytes).ok()?;
    let span = Span::new(0, text.len());
    Some(Text::written(
        text,
        Origin {
            file: path.clone(),
            span,
            literal: span,
            form: Form::Raw,
        },
    ))
}
