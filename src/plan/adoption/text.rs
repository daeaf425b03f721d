//! The edits that give one resource back to Terraform: ignore entries out, Keel's policy `never`,
//! no `image_pull_policy = "Always"` beside a pin.

use crate::model::keel::POLICY;
use crate::sites::resource::{Ignores, POLICY_PATH, Resource, attribute_span, decides, marked};
use crate::sites::{Ignored, Use};
use crate::terraform::edit::put::{self, item, place};
use crate::terraform::edit::{Edit, cut};
use crate::terraform::span::Span;
use hcl_edit::expr::Expression;

/// What is to be done to a resource.
pub(super) struct Task<'a> {
    /// Whose images Terraform ignores.
    pub ignored: &'a [&'a Use],
    /// Whose images are pinned then.
    pub pinned: &'a [&'a Use],
    /// Keel runs, and has to be kept away.
    pub keel: bool,
}

/// Returns all edits but those of the pins.
///
/// # Errors
/// A sentence: the text stands in a way that cannot be edited, or ignores more than images.
pub(super) fn edits(resource: &Resource<'_>, task: &Task<'_>) -> Result<Vec<Edit>, String> {
    let ignores = resource
        .ignores()
        .ok_or("its `ignore_changes` are in another file")?;
    let mut gone = image_entries(resource, &ignores, task.ignored)?;
    if task.keel {
        gone.extend(policy_entries(resource, &ignores)?);
    }
    let mut edits = remove_entries(resource, &ignores, &gone)?;
    if task.keel {
        edits.extend(keep_keel_away(resource)?);
    }
    edits.extend(relax_pull_policy(resource, task.pinned)?);
    Ok(edits)
}

/// Returns the edits that keep Keel away from a resource: its policy `never`, and nothing ignores
/// it.
///
/// # Errors
/// As [`edits`].
pub(super) fn hands_off(resource: &Resource<'_>) -> Result<Vec<Edit>, String> {
    let mut edits = Vec::new();
    if let Some(ignores) = resource.ignores() {
        let gone = policy_entries(resource, &ignores)?;
        edits.extend(remove_entries(resource, &ignores, &gone)?);
    }
    edits.extend(keep_keel_away(resource)?);
    Ok(edits)
}

fn line_of(resource: &Resource<'_>, span: Span) -> String {
    format!(
        "{}:{}",
        resource.source.path,
        resource.source.line(span.start)
    )
}

/// Returns the entries that name the images, each checked to be no more than that.
fn image_entries(
    resource: &Resource<'_>,
    ignores: &Ignores<'_>,
    ignored: &[&Use],
) -> Result<Vec<Span>, String> {
    let mut gone = Vec::new();
    for used in ignored {
        let own = |entry: &&Ignored| {
            used.ignore_spans
                .iter()
                .any(|span| span.start < entry.span.end && entry.span.start < span.end)
        };
        let exact: Vec<&Ignored> = ignores.entries.iter().filter(own).collect();
        let wide = match exact.first() {
            Some(first) => ignores
                .entries
                .iter()
                .find(|entry| entry.path != first.path && entry.covers(&first.path)),
            None => ignores.entries.iter().find(|entry| is_wide(entry)),
        };
        if let Some(wide) = wide {
            return Err(format!(
                "`{}` at {} covers more than the image",
                wide.path,
                line_of(resource, wide.span)
            ));
        }
        if let Some(entry) = ignores
            .entries
            .iter()
            .find(|entry| exact.is_empty() && entry.path.starts_with("manifest."))
        {
            return Err(format!(
                "`{}` at {} is in a manifest: it has to be taken out by hand",
                entry.path,
                line_of(resource, entry.span)
            ));
        }
        if exact.is_empty() || exact.len() < used.ignore_spans.len() {
            return Err("its `ignore_changes` are in another file".into());
        }
        gone.extend(exact.iter().map(|entry| entry.span));
    }
    let left = ignores
        .entries
        .iter()
        .filter(|entry| !gone.contains(&entry.span));
    if let Some(entry) = left
        .filter_map(|entry| entry.container_image().map(|of| (entry, of)))
        .find(|(_, (name, number))| {
            // One of a container that is not there (any more) says nothing.
            resource.count(name).is_none_or(|count| *number < count)
        })
    {
        return Err(format!(
            "the image behind `{}` at {} is unknown",
            entry.0.path,
            line_of(resource, entry.0.span)
        ));
    }
    gone.sort();
    gone.dedup();
    Ok(gone)
}

fn is_wide(entry: &Ignored) -> bool {
    let pods = [
        "spec[0].template[0].spec[0]",
        "spec[0].job_template[0].spec[0].template[0].spec[0]",
        "spec[0]",
    ];
    let paths = pods
        .iter()
        .flat_map(|pod| ["container", "init_container"].map(|name| format!("{pod}.{name}")));
    let mut all =
        paths.flat_map(|path| (0..100).map(move |number| format!("{path}[{number}].image")));
    all.any(|path| entry.covers(&path))
        || ["values", "set", "manifest", "yaml_body"]
            .iter()
            .any(|path| entry.covers(path))
}

/// Returns the entries that name Keel's policy.
fn policy_entries(resource: &Resource<'_>, ignores: &Ignores<'_>) -> Result<Vec<Span>, String> {
    let wide = ignores
        .entries
        .iter()
        .find(|entry| entry.path != POLICY_PATH && entry.covers(POLICY_PATH));
    if let Some(wide) = wide {
        return Err(format!(
            "`{}` at {} ignores all annotations, and Keel runs: a `{POLICY}` of `never` would not reach it",
            wide.path,
            line_of(resource, wide.span)
        ));
    }
    Ok(ignores
        .entries
        .iter()
        .filter(|entry| entry.path == POLICY_PATH)
        .map(|entry| entry.span)
        .collect())
}

fn remove_entries(
    resource: &Resource<'_>,
    ignores: &Ignores<'_>,
    gone: &[Span],
) -> Result<Vec<Edit>, String> {
    if gone.is_empty() {
        return Ok(Vec::new());
    }
    let source = resource.source;
    let list = ignores.list.ok_or("its `ignore_changes` are no list")?;
    let all: Vec<Span> = ignores.entries.iter().map(|entry| entry.span).collect();
    if all.iter().any(|span| !gone.contains(span)) || cut::leaves_comments(source, list, &all) {
        let cuts = cut::elements(source, list, &all, gone);
        return Ok(cuts
            .into_iter()
            .map(|span| removal(resource, span, "terraform owns the image"))
            .collect());
    }
    let attribute =
        attribute_span(source, ignores.attribute).ok_or("its `ignore_changes` have no place")?;
    let block = place(source, ignores.block).ok_or("its `lifecycle` has no place")?;
    let comments = source
        .comments()
        .iter()
        .filter(|comment| block.contains(comment.span));
    let lines = cut::lines(source, attribute);
    let own = lines.unwrap_or(attribute);
    let empty =
        ignores.block.body.len() == 1 && comments.clone().all(|comment| own.contains(comment.span));
    let span = if empty {
        cut::block(source, block)
    } else {
        lines
    };
    let span = span.ok_or_else(|| {
        format!(
            "`ignore_changes` at {} shares its line with other things",
            line_of(resource, attribute)
        )
    })?;
    Ok(vec![removal(resource, span, "terraform owns the image")])
}

fn removal(resource: &Resource<'_>, span: Span, why: &str) -> Edit {
    let source = resource.source;
    Edit {
        file: source.path.clone(),
        span,
        expect: source.bytes[span.range()].to_vec(),
        put: Vec::new(),
        why: why.into(),
    }
}

/// Puts Keel's policy, with pintle's mark; a policy that stood there goes into the mark, since
/// pintle reads it too.
fn keep_keel_away(resource: &Resource<'_>) -> Result<Vec<Edit>, String> {
    let source = resource.source;
    let metadata = resource
        .metadata()
        .ok_or("it has no `metadata` that an annotation could be put in")?;
    let value = metadata
        .body
        .get_attribute("annotations")
        .map(|attribute| &attribute.value);
    let new = |comment| put::NewEntry {
        key: POLICY,
        value: "never",
        comment,
        why: "keel hands off",
    };
    let plain = "pintle: keel hands off";
    match value {
        None if metadata.body.has_blocks("dynamic") => {
            Err("its annotations are made by a `dynamic` block".into())
        }
        None => put::object(source, metadata, "annotations", new(plain)),
        Some(value) => {
            let object = decides(value)?;
            let stands = item(object, POLICY).and_then(|(_, value)| match value {
                Expression::String(text) if text.as_str() != "never" => Some(text.as_str()),
                _ => None,
            });
            match (stands, marked(source, value)) {
                (None, Some(_)) => Ok(Vec::new()),
                (None, None) => put::entry(source, object, new(plain)),
                (Some(policy), _) => {
                    put::entry(source, object, new(&format!("{plain}; policy={policy}")))
                }
            }
        }
    }
}

fn relax_pull_policy(resource: &Resource<'_>, pinned: &[&Use]) -> Result<Vec<Edit>, String> {
    let mut spans: Vec<Span> = pinned
        .iter()
        .filter_map(|used| resource.pulls_always(used.line))
        .collect();
    spans.sort();
    spans.dedup();
    let edit = |span: Span| {
        let lines = cut::lines(resource.source, span);
        let lines = lines.ok_or_else(|| {
            format!(
                "`image_pull_policy` at {} shares its line with other things",
                line_of(resource, span)
            )
        })?;
        Ok(removal(resource, lines, "the image is pinned"))
    };
    spans.into_iter().map(edit).collect()
}
