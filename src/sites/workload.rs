//! Images of the `kubernetes_*` resources that own pods: containers and init containers, by the
//! path Terraform gives them.

use super::Use;
use super::occurrence::Occurrence;
use super::ownership::{self, Ignored};
use super::resource;
use super::values::as_text;
use crate::model::keel::POLICY;
use crate::model::pattern::Glob;
use crate::model::workload::{Holder, WorkloadKind};
use crate::terraform::body::{Attr, BodyView};
use crate::terraform::files::RepoPath;
use crate::terraform::span::Span;
use crate::terraform::value::Value;
use hcl_edit::Span as _;
use hcl_edit::expr::Expression;
use std::ops::Range;
use std::sync::Arc;

/// Resource types that own pods (Terraform provider kubernetes; each also as `…_v1`), their
/// Kubernetes kind, and where the pod's spec is.
const WORKLOADS: [(&str, WorkloadKind, &[&str]); 9] = [
    (
        "kubernetes_deployment",
        WorkloadKind::Deployment,
        &["spec", "template", "spec"],
    ),
    (
        "kubernetes_stateful_set",
        WorkloadKind::StatefulSet,
        &["spec", "template", "spec"],
    ),
    (
        "kubernetes_daemonset",
        WorkloadKind::DaemonSet,
        &["spec", "template", "spec"],
    ),
    (
        "kubernetes_daemon_set",
        WorkloadKind::DaemonSet,
        &["spec", "template", "spec"],
    ),
    (
        "kubernetes_replication_controller",
        WorkloadKind::ReplicationController,
        &["spec", "template", "spec"],
    ),
    (
        "kubernetes_replica_set",
        WorkloadKind::ReplicaSet,
        &["spec", "template", "spec"],
    ),
    (
        "kubernetes_job",
        WorkloadKind::Job,
        &["spec", "template", "spec"],
    ),
    (
        "kubernetes_cron_job",
        WorkloadKind::CronJob,
        &["spec", "job_template", "spec", "template", "spec"],
    ),
    ("kubernetes_pod", WorkloadKind::Pod, &["spec"]),
];

/// A resource type that owns pods.
#[derive(Clone, Debug)]
pub struct PodOwner {
    pub kind: WorkloadKind,
    /// The blocks that lead to the pod's spec.
    path: &'static [&'static str],
}

/// Returns what a resource type is, when it is one that owns pods.
pub fn pod_owner(resource: &str) -> Option<PodOwner> {
    let plain = resource
        .strip_suffix("_v1beta1")
        .or_else(|| resource.strip_suffix("_v1"))
        .unwrap_or(resource);
    let (_, kind, path) = WORKLOADS
        .into_iter()
        .find(|(known, _, _)| *known == plain)?;
    Some(PodOwner { kind, path })
}

/// Names and values.
pub type Annotations = Vec<(Arc<str>, Arc<str>)>;

/// Where an attribute's value stands.
pub type Attribute = (RepoPath, Span);

/// What every use of a workload shares.
pub struct Owner<'a> {
    /// Root, environment, kind, namespace, name, instances.
    pub template: &'a Use,
    pub orphan: bool,
    /// Where the resource begins.
    pub block: (RepoPath, usize),
    pub annotations: Annotations,
    pub ignored: Vec<Ignored>,
    /// Names of environment variables whose value is an image, by the config.
    pub image_env: &'a [&'a Glob],
}

/// Namespace and name as the `metadata` block tells them; an absent namespace is `default`.
pub fn metadata(owner: &BodyView<'_>) -> (Option<Arc<str>>, Option<Arc<str>>, Annotations) {
    let Some(metadata) = owner.blocks("metadata").into_iter().next() else {
        return (Some("default".into()), None, Vec::new());
    };
    let namespace = match metadata.attr("namespace").map(|attr| attr.value()) {
        None | Some(Value::Null) => Some("default".into()),
        Some(value) => value.as_str().map(Into::into),
    };
    let name = metadata
        .attr("name")
        .and_then(|attr| attr.value().as_str())
        .map(Into::into);
    let annotations = metadata
        .attr("annotations")
        .map(|attr| declared(&attr))
        .unwrap_or_default();
    (namespace, name, annotations)
}

/// Keel's annotations. What pintle put there to keep Keel away says nothing to pintle itself,
/// except for the policy that its mark says.
fn declared(annotations: &Attr<'_>) -> Annotations {
    let mut all = ownership::annotations(&annotations.value());
    if let Some(policy) = resource::marked(annotations.source(), annotations.expr()) {
        all.retain(|(key, value)| &**key != POLICY || &**value != "never");
        all.push((resource::MARK.into(), policy.unwrap_or_default()));
        all.sort();
    }
    all
}

/// Returns the entries of `lifecycle { ignore_changes = […] }` with their places.
pub fn ignore_changes(resource: &BodyView<'_>) -> Vec<Ignored> {
    let lists =
        resource
            .blocks("lifecycle")
            .into_iter()
            .filter_map(|block| {
                let attr = block.attr("ignore_changes")?;
                Some(elements(attr.expr()).into_iter().map(move |span| {
                    Ignored::new(text(&attr, span.clone()), attr.source().span(span))
                }))
            });
    lists.flatten().collect()
}

fn elements(list: &Expression) -> Vec<Range<usize>> {
    match list {
        Expression::Array(items) => items.iter().filter_map(|item| item.span()).collect(),
        other => other.span().into_iter().collect(),
    }
}

fn text<'s>(attr: &Attr<'s>, range: Range<usize>) -> &'s str {
    attr.source().text.get(range).unwrap_or("")
}

/// Returns one occurrence for each container, in the order of the text.
pub fn images(
    resource: &BodyView<'_>,
    kind: &PodOwner,
    owner: &Owner<'_>,
) -> Vec<(Occurrence, Attribute)> {
    let mut out = Vec::new();
    for (pod, path) in pods(resource, kind) {
        for (block, init) in [("container", false), ("init_container", true)] {
            for (number, container) in numbered(&pod, block) {
                let path = format!("{path}.{block}");
                out.extend(image(&container, init, (&path, number), owner));
                out.extend(env(&container, owner));
            }
        }
    }
    out
}

/// Returns the blocks of that name with the numbers that Terraform counts them by. What a `dynamic`
/// block does not make has none, and behind one of which nobody knows what it makes no block has.
fn numbered<'s>(pod: &BodyView<'s>, name: &str) -> Vec<(Option<usize>, BodyView<'s>)> {
    let mut next = Some(0);
    let number = |block: BodyView<'s>| {
        let own = match block.is_made() {
            Some(true) => {
                let own = next;
                next = own.map(|own| own + 1);
                own
            }
            Some(false) => None,
            None => {
                next = None;
                None
            }
        };
        (own, block)
    };
    pod.blocks(name).into_iter().map(number).collect()
}

fn pods<'s>(resource: &BodyView<'s>, kind: &PodOwner) -> Vec<(BodyView<'s>, String)> {
    let mut now = vec![(resource.clone(), String::new())];
    for step in kind.path {
        let below = now.iter().flat_map(|(view, path)| {
            let dot = if path.is_empty() { "" } else { "." };
            let prefix = format!("{path}{dot}{step}");
            view.blocks(step)
                .into_iter()
                .enumerate()
                .map(move |(index, block)| (block, format!("{prefix}[{index}]")))
        });
        now = below.collect();
    }
    now
}

fn image(
    container: &BodyView<'_>,
    init: bool,
    path: (&str, Option<usize>),
    owner: &Owner<'_>,
) -> Option<(Occurrence, Attribute)> {
    let attr = container.attr("image")?;
    let value = attr.value();
    if matches!(value, Value::Null) {
        return None;
    }
    let (ignored, ignore_spans) = ownership::ignored_image(&owner.ignored, path);
    let name = container
        .attr("name")
        .and_then(|attr| attr.value().as_str())
        .map(Into::into);
    let user = used(
        owner,
        container,
        Holder::Container { name, init },
        attr.line(),
    );
    let user = Use {
        ignored,
        ignore_spans,
        ..user
    };
    let place = (attr.source().path.clone(), attr.place().span);
    let blocks = vec![start(container), owner.block.clone()];
    let occurrence = Occurrence {
        user,
        image: as_text(&value),
        orphan: owner.orphan,
        annotations: owner.annotations.clone(),
        blocks,
        refused: None,
    };
    Some((occurrence, place))
}

/// Environment variables that the config says hold an image (`[[extra]] env`).
fn env(container: &BodyView<'_>, owner: &Owner<'_>) -> Vec<(Occurrence, Attribute)> {
    if owner.image_env.is_empty() {
        return Vec::new();
    }
    let one = |env: BodyView<'_>| {
        let name: Arc<str> = env.attr("name")?.value().as_str()?.into();
        let value = env
            .attr("value")
            .filter(|_| owner.image_env.iter().any(|glob| glob.matches(&name)))?;
        let user = used(owner, &env, Holder::Env(name), value.line());
        let place = (value.source().path.clone(), value.place().span);
        let image = as_text(&value.value());
        let blocks = vec![start(&env), start(container), owner.block.clone()];
        Some((
            Occurrence {
                user,
                image,
                orphan: owner.orphan,
                annotations: owner.annotations.clone(),
                blocks,
                refused: None,
            },
            place,
        ))
    };
    container
        .blocks("env")
        .into_iter()
        .filter_map(one)
        .collect()
}

/// Where a block begins.
pub fn start(view: &BodyView<'_>) -> (RepoPath, usize) {
    (view.source().path.clone(), view.span().start)
}

fn used(owner: &Owner<'_>, view: &BodyView<'_>, holder: Holder, line: usize) -> Use {
    Use {
        file: view.source().path.clone(),
        line,
        holder,
        ignored: Some(false),
        ignore_spans: Vec::<Span>::new(),
        instances: view.instances(),
        ..owner.template.clone()
    }
}
