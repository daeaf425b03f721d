//! Where a custom resource's images stand, and who set which image, out of `metadata.managedFields`
//! (Kubernetes API concepts, "Server-Side Apply": FieldsV1). All else in it is skipped while it is
//! read.

use super::object::Words;
use crate::model::rollout::Writer;
use jiff::Timestamp;
use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::Value;
use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::sync::Arc;

/// One entry of `managedFields`. `F` is how its fields are read.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct Managed<F> {
    manager: Option<String>,
    time: Option<String>,
    #[serde(default = "Option::default", rename = "fieldsV1")]
    fields_v1: Option<F>,
}

/// The fields of a workload of Kubernetes' own kinds.
#[derive(Clone, Debug, Default, Deserialize)]
pub(super) struct Fields {
    #[serde(rename = "f:spec")]
    spec: Option<Spec>,
}

#[derive(Clone, Debug, Default, Deserialize)]
struct Spec {
    #[serde(rename = "f:template")]
    template: Option<Template>,
    #[serde(rename = "f:jobTemplate")]
    job: Option<Job>,
    /// Of a pod.
    #[serde(rename = "f:containers", default)]
    containers: Keyed,
    #[serde(rename = "f:initContainers", default)]
    init_containers: Keyed,
}

#[derive(Clone, Debug, Default, Deserialize)]
struct Job {
    #[serde(rename = "f:spec")]
    spec: Option<JobSpec>,
}

#[derive(Clone, Debug, Default, Deserialize)]
struct JobSpec {
    #[serde(rename = "f:template")]
    template: Option<Template>,
}

#[derive(Clone, Debug, Default, Deserialize)]
struct Template {
    #[serde(rename = "f:spec")]
    spec: Option<PodFields>,
}

#[derive(Clone, Debug, Default, Deserialize)]
struct PodFields {
    #[serde(rename = "f:containers", default)]
    containers: Keyed,
    #[serde(rename = "f:initContainers", default)]
    init_containers: Keyed,
}

/// By `k:{"name":"app"}`; the key `.` stands for the list itself.
type Keyed = BTreeMap<String, ContainerFields>;

#[derive(Clone, Debug, Default, Deserialize)]
struct ContainerFields {
    #[serde(rename = "f:image")]
    image: Option<IgnoredAny>,
}

impl Fields {
    fn containers(&self, init: bool) -> Option<&Keyed> {
        let spec = self.spec.as_ref()?;
        let template = spec
            .template
            .as_ref()
            .or_else(|| spec.job.as_ref()?.spec.as_ref()?.template.as_ref());
        Some(
            match (template.and_then(|template| template.spec.as_ref()), init) {
                (Some(pod), true) => &pod.init_containers,
                (Some(pod), false) => &pod.containers,
                (None, true) => &spec.init_containers,
                (None, false) => &spec.containers,
            },
        )
    }

    fn sets(&self, name: &str, init: bool) -> bool {
        let Some(containers) = self.containers(init) else {
            return false;
        };
        let named = |key: &str| {
            let key = key
                .strip_prefix("k:")
                .and_then(|key| serde_json::from_str::<BTreeMap<String, Value>>(key).ok());
            key.is_some_and(|key| key.get("name").and_then(Value::as_str) == Some(name))
        };
        containers
            .iter()
            .any(|(key, fields)| fields.image.is_some() && named(key))
    }
}

/// Returns who set a container's image, last first.
pub(super) fn writers(
    managed: &[Managed<Fields>],
    name: &str,
    init: bool,
    words: &mut Words,
) -> Vec<Writer> {
    sorted(managed, |fields| fields.sets(name, init), words)
}

/// Returns who set the value at a path of a custom resource, last first. A list or map that
/// somebody set as a whole is set with all that is in it.
pub(super) fn writers_at(
    managed: &[Managed<Value>],
    path: &[Arc<str>],
    words: &mut Words,
) -> Vec<Writer> {
    sorted(managed, |fields| sets(fields, path), words)
}

fn sets(fields: &Value, path: &[Arc<str>]) -> bool {
    let Some((first, rest)) = path.split_first() else {
        return true;
    };
    let Some(map) = fields.as_object() else {
        return false;
    };
    match map.get(&format!("f:{first}")) {
        Some(inner) if inner.as_object().is_some_and(serde_json::Map::is_empty) => true,
        Some(inner) => sets(inner, rest),
        // Elements of a list have keys of many forms; which one it is does not matter much.
        None => {
            first.parse::<usize>().is_ok()
                && map
                    .iter()
                    .any(|(key, inner)| !key.starts_with("f:") && key != "." && sets(inner, rest))
        }
    }
}

fn sorted<F>(managed: &[Managed<F>], sets: impl Fn(&F) -> bool, words: &mut Words) -> Vec<Writer> {
    let mut last: BTreeMap<&str, Option<Timestamp>> = BTreeMap::new();
    for entry in managed
        .iter()
        .filter(|entry| entry.fields_v1.as_ref().is_some_and(&sets))
    {
        let at = time(entry.time.as_deref());
        let known = last
            .entry(entry.manager.as_deref().unwrap_or(""))
            .or_insert(at);
        *known = (*known).max(at);
    }
    let mut writers: Vec<Writer> = last
        .into_iter()
        .map(|(manager, at)| Writer {
            manager: words.of(manager),
            at,
        })
        .collect();
    writers.sort_by_key(|writer| Reverse(writer.at));
    writers
}

/// Returns the name of the container whose image stands at a path, where that is in a list of
/// containers as pods have it.
pub(super) fn container_name<'a>(value: &'a Value, path: &[Arc<str>]) -> Option<&'a str> {
    let [before @ .., list, number, image] = path else {
        return None;
    };
    let is_list = ["containers", "initContainers", "ephemeralContainers"].contains(&&**list)
        && &**image == "image";
    let mut steps = before.iter().chain([list]).filter(|_| is_list);
    let list = steps.try_fold(value, |value, step| match value {
        Value::Array(list) => list.get(step.parse::<usize>().ok()?),
        other => other.get(&**step),
    })?;
    list.get(number.parse::<usize>().ok()?)?
        .get("name")?
        .as_str()
}

/// Collects the texts at a path, with the path of each.
pub(super) fn images(
    value: &Value,
    path: &[Arc<str>],
    at: &mut Vec<Arc<str>>,
    found: &mut Vec<(Vec<Arc<str>>, String)>,
) {
    let Some((first, rest)) = path.split_first() else {
        found.extend(value.as_str().map(|image| (at.clone(), image.to_owned())));
        return;
    };
    let mut go = |key: &str, inner: &Value| {
        at.push(key.into());
        images(inner, rest, at, found);
        at.pop();
    };
    match value {
        Value::Object(map) if &**first == "*" => map.iter().for_each(|(key, inner)| go(key, inner)),
        Value::Object(map) => map
            .get(&**first)
            .into_iter()
            .for_each(|inner| go(first, inner)),
        Value::Array(list) if &**first == "*" => list
            .iter()
            .enumerate()
            .for_each(|(index, inner)| go(&index.to_string(), inner)),
        Value::Array(list) => first
            .parse()
            .ok()
            .and_then(|index: usize| list.get(index))
            .into_iter()
            .for_each(|inner| go(first, inner)),
        _ => {}
    }
}

/// A time as Kubernetes writes it (RFC 3339); what is none is not known.
pub(super) fn time(text: Option<&str>) -> Option<Timestamp> {
    text?.parse().ok()
}
