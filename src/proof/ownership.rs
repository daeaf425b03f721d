//! What may change in the structure of a file when Terraform takes an image over: entries of
//! `ignore_changes`, Keel's annotation, `image_pull_policy`. Reads the files again and compares
//! what they say, not how the edits were made.

use super::claims::Claims;
use crate::model::keel::POLICY;
use crate::pipeline::Snapshot;
use crate::pipeline::claim::Claim;
use crate::sites::Ignored;
use crate::sites::resource::{POLICY_PATH, Resource, decides, marked};
use crate::terraform::edit::outline::{Statement as Said, differences, outline};
use crate::terraform::edit::put::{item, place};
use crate::terraform::edit::{self, Edit};
use crate::terraform::files::{Files, RepoPath};
use crate::terraform::hcl::Source;
use crate::terraform::span::Span;
use std::collections::BTreeMap;

/// What is claimed of a resource.
#[derive(Clone, Copy, Default)]
struct ResourceClaim {
    /// Terraform owns its images afterwards.
    tracked: bool,
    /// Keel is kept away from it.
    keel: bool,
}

/// Resources by file and name.
type ResourceClaims = BTreeMap<(RepoPath, String), ResourceClaim>;

/// Says what would change that nothing claims, or what a claim would leave out.
pub(super) fn prove_ownership(
    snapshot: &Snapshot,
    after: &Files,
    edits: &[Edit],
    claims: &Claims,
) -> Result<(), String> {
    let resources = claimed_resources(snapshot, claims)?;
    let mut by_file: BTreeMap<&RepoPath, Vec<Edit>> = BTreeMap::new();
    edits
        .iter()
        .for_each(|edit| by_file.entry(&edit.file).or_default().push(edit.clone()));
    for (path, edits) in by_file {
        let Some(before) = snapshot.files.bytes(path) else {
            continue;
        };
        if let Some(stage) = edit::structure(path, before, &edits).map_err(|why| why.to_string())? {
            let middle = parse_source(path, stage.bytes.into())?;
            let (gone, new) = differences(
                &outline(&parse_source(path, before.clone())?),
                &outline(&middle),
            );
            check_structure(path, &gone, &new, &resources)?;
        }
        check_strings(snapshot, path, before, &edits, &resources)?;
    }
    let mut kept_away = resources.iter().filter(|(_, claim)| claim.keel);
    kept_away.try_for_each(|((path, name), _)| check_keel(after, path, name))
}

/// A string that is no part of an image may only be Keel's policy.
fn check_strings(
    snapshot: &Snapshot,
    path: &RepoPath,
    before: &std::sync::Arc<[u8]>,
    edits: &[Edit],
    resources: &ResourceClaims,
) -> Result<(), String> {
    let images: Vec<Span> = snapshot
        .scan
        .literals
        .iter()
        .filter(|literal| literal.file == *path)
        .map(|literal| literal.span)
        .collect();
    let others: Vec<&Edit> = edits
        .iter()
        .filter(|edit| !images.iter().any(|span| span.contains(edit.span)))
        .collect();
    let names: Vec<&String> = resources
        .keys()
        .filter(|(file, _)| file == path)
        .map(|(_, name)| name)
        .collect();
    if others.is_empty() || names.is_empty() {
        return Ok(());
    }
    let source = parse_source(path, before.clone())?;
    let policies: Vec<Span> = names
        .iter()
        .filter_map(|name| policy_span(&source, &Resource::named(&source, name)?))
        .collect();
    let strings = edit::strings(path, before).map_err(|why| why.to_string())?;
    let wrong = others.into_iter().find(|edit| {
        let within = strings
            .iter()
            .find(|span| span.contains(edit.span) && !edit.span.is_empty());
        within.is_some_and(|span| !policies.contains(span) || edit.put != b"never")
    });
    wrong.map_or(Ok(()), |edit| {
        Err(format!(
            "{path}: a string at byte {} would change, which is not claimed",
            edit.span.start
        ))
    })
}

/// The content of Keel's policy.
fn policy_span(source: &Source, resource: &Resource<'_>) -> Option<Span> {
    let annotations = &resource
        .metadata()?
        .body
        .get_attribute("annotations")?
        .value;
    let (_, value) = item(decides(annotations).ok()?, POLICY)?;
    place(source, value).map(|span| Span::new(span.start + 1, span.end - 1))
}

fn parse_source(path: &RepoPath, bytes: std::sync::Arc<[u8]>) -> Result<Source, String> {
    Source::parse(path.clone(), bytes).map_err(|why| why.to_string())
}

fn claimed_resources(snapshot: &Snapshot, claims: &Claims) -> Result<ResourceClaims, String> {
    let mut out = ResourceClaims::new();
    for (literal, claim) in claims.all() {
        let (tracked, keel) = match claim {
            Claim::Tracked { .. } => (true, false),
            Claim::KeelHandsOff { .. } => (false, true),
            _ => continue,
        };
        for used in literal
            .uses
            .iter()
            .filter(|used| !tracked || used.ignored == Some(true))
        {
            let is_module = [".tf", ".tofu"]
                .iter()
                .any(|end| used.file.as_str().ends_with(end));
            if !tracked && !is_module {
                continue;
            }
            let bytes = snapshot
                .files
                .bytes(&used.file)
                .ok_or_else(|| format!("{} was not read", used.file))?;
            let source = parse_source(&used.file, bytes.clone())?;
            match Resource::at(&source, used.line) {
                Some(resource) => {
                    let all = out.entry((used.file.clone(), resource.name())).or_default();
                    *all = ResourceClaim {
                        tracked: all.tracked || tracked,
                        keel: all.keel || keel,
                    };
                }
                None if tracked => {
                    return Err(format!("{}:{} is not in a resource", used.file, used.line));
                }
                None => {}
            }
        }
    }
    Ok(out)
}

fn check_structure(
    path: &RepoPath,
    gone: &[Said],
    new: &[Said],
    resources: &ResourceClaims,
) -> Result<(), String> {
    let owner = |said: &Said| {
        said.path.first().and_then(|first| {
            Some(
                first
                    .strip_prefix("resource.")?
                    .split_once('#')?
                    .0
                    .to_owned(),
            )
        })
    };
    let claim =
        |said: &Said| owner(said).and_then(|name| resources.get(&(path.clone(), name)).copied());
    if let Some(said) = gone
        .iter()
        .find(|said| claim(said).is_none_or(|claim| !may_go(said, claim)))
    {
        return Err(format!(
            "{path} would lose {}, which is not claimed",
            describe_values(said)
        ));
    }
    match new
        .iter()
        .find(|said| claim(said).is_none_or(|claim| !may_come(said, claim)))
    {
        Some(said) => Err(format!(
            "{path} would get {}, which is not claimed",
            describe_values(said)
        )),
        None => Ok(()),
    }
}

fn describe_values(said: &Said) -> String {
    let path = said.path.join("/");
    if said.text.is_empty() {
        format!("`{path}`")
    } else {
        format!("`{path}` {}", said.text)
    }
}

fn attribute_names(said: &Said) -> Vec<&str> {
    said.path
        .iter()
        .skip(1)
        .map(|part| part.split('#').next().unwrap_or(part))
        .collect()
}

fn may_go(said: &Said, claim: ResourceClaim) -> bool {
    let entry = || Ignored::new(&said.text, Span::default());
    match attribute_names(said).as_slice() {
        ["lifecycle", "ignore_changes", "[]"] => {
            (claim.tracked && entry().container_image().is_some())
                || (claim.keel && entry().path == POLICY_PATH)
        }
        ["lifecycle"] | ["lifecycle", "ignore_changes"] => said.text.is_empty(),
        [
            ..,
            "container" | "init_container" | "content",
            "image_pull_policy",
        ] => claim.tracked && said.text == "\"Always\"",
        _ => false,
    }
}

fn may_come(said: &Said, claim: ResourceClaim) -> bool {
    let key = format!("{{{POLICY}}}");
    match attribute_names(said).as_slice() {
        ["metadata", "annotations"] => claim.keel && said.text.is_empty(),
        ["metadata", "annotations", rest @ ..] => {
            let own = rest.last() == Some(&key.as_str()) && rest.len() <= 2;
            claim.keel && own && said.text == "\"never\""
        }
        _ => false,
    }
}

/// Says whether Keel would still touch the resource.
fn check_keel(after: &Files, path: &RepoPath, name: &str) -> Result<(), String> {
    let bytes = after
        .bytes(path)
        .ok_or_else(|| format!("{path} was not read"))?;
    let source = parse_source(path, bytes.clone())?;
    let resource = Resource::named(&source, name)
        .ok_or_else(|| format!("{path} would no longer have {name}"))?;
    let annotations = resource
        .metadata()
        .and_then(|metadata| metadata.body.get_attribute("annotations"));
    let marked =
        annotations.is_some_and(|annotations| marked(&source, &annotations.value).is_some());
    let ignored = resource.ignores().is_some_and(|ignores| {
        ignores
            .entries
            .iter()
            .any(|entry| entry.covers(POLICY_PATH))
    });
    match (marked, ignored) {
        (true, false) => Ok(()),
        (false, _) => Err(format!("{name} in {path} would be left to Keel")),
        (true, true) => Err(format!("{name} in {path} would ignore its `{POLICY}`")),
    }
}
