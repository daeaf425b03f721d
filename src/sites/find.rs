//! Walks the instances of a root and gathers occurrences: one for each image as each consumer sees
//! it.

use super::finder::{Finder, file_text};
use super::occurrence::Occurrence;
use super::settings::{Extra, SETS};
use super::values::{self, Found, plausible};
use super::workload::{self, Owner, PodOwner};
use super::{Problem, Use};
use super::{argocd, helm, objects, remote_module};
use crate::model::workload::{Holder, WorkloadKind};
use crate::terraform::body::BodyView;
use crate::terraform::files::RepoPath;
use crate::terraform::instance::Instance;
use crate::terraform::text::Text;
use crate::terraform::value::Value;
use std::collections::BTreeSet;
use std::sync::Arc;

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

impl Finder<'_> {
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
            remote_module::remote_module(
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
            "helm_release" | "helm_template" => {
                let kind = if kind == "helm_release" {
                    WorkloadKind::HelmRelease
                } else {
                    WorkloadKind::Other(kind.into())
                };
                let user = user(self, kind);
                helm::release(self, view, &user);
                self.consume(view, &["values"]);
                self.consume(view, &SETS);
                for set in SETS.iter().flat_map(|name| view.blocks(name)) {
                    self.consume(&set, &["value"]);
                }
            }
            "argocd_application" => {
                let user = user(self, WorkloadKind::Other("application".into()));
                argocd::application(self, view, &user);
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

/// Says whether a resource of that type can hold an image in a place that is known.
fn may_hold_images(kind: &str) -> bool {
    let others = [
        "helm_release",
        "helm_template",
        "argocd_application",
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
