//! What data sources make of nothing but the text of the repo: documents of YAML, rendered
//! templates, files; and the ids of objects whose names are known. All are read while planning.

use super::super::body::BodyView;
use super::super::eval::support::to_text;
use super::super::files::RepoPath;
use super::super::functions::{glob_files, read_text, render_template, render_template_file};
use super::super::text::{Form, Piece, Text};
use super::super::value::{Entries, Value};
use super::super::yaml;
use std::sync::Arc;

/// Returns the value of an attribute that the text does not set, where it follows from the text all
/// the same; `None` where only the provider knows it.
pub(super) fn computed(view: &BodyView<'_>, name: &str) -> Option<Value> {
    let kind = *view.labels().first()?;
    match (view.block().ident.as_str(), kind, name) {
        ("resource" | "data", _, "id") if kind.starts_with("kubernetes_") => id(view, kind),
        ("data", "kubectl_file_documents", "documents" | "manifests") => {
            Some(listed(split(&content(&view.value("content"))?), name))
        }
        ("data", "kubectl_path_documents", "documents" | "manifests") => {
            Some(listed(path_documents(view)?, name))
        }
        ("data", "template_file", "rendered") => {
            let template = content(&view.value("template"))?;
            Some(render_template(
                view.instance(),
                &template,
                &variables(view, &["vars"]),
            ))
        }
        ("data", "local_file" | "local_sensitive_file", "content") => {
            let path = view.value("filename");
            Some(read_text(view.instance(), &path))
        }
        _ => None,
    }
}

/// The id of a namespace is its name, that of an object with a namespace `namespace/name` (provider
/// hashicorp/kubernetes, `buildId`).
fn id(view: &BodyView<'_>, kind: &str) -> Option<Value> {
    let metadata = view.blocks("metadata").into_iter().next()?;
    let name = metadata.attr("name")?.value();
    if matches!(kind, "kubernetes_namespace" | "kubernetes_namespace_v1") {
        return Some(name);
    }
    let namespace = metadata.attr("namespace")?.value();
    let mut id = Text::default();
    id.append(&to_text(namespace).ok()?);
    id.append(&Text::computed("/"));
    id.append(&to_text(name).ok()?);
    Some(Value::Text(id))
}

/// Returns a string; one that is not known is a text with a hole.
fn content(value: &Value) -> Option<Text> {
    match value {
        Value::Null => None,
        other => to_text(other.clone()).ok(),
    }
}

fn variables(view: &BodyView<'_>, names: &[&str]) -> Arc<Entries> {
    let mut all = Entries::new();
    for name in names {
        if let Value::Map(map) = view.value(name) {
            all.extend(map.iter().map(|(key, value)| (key.clone(), value.clone())));
        }
    }
    Arc::new(all)
}

/// The documents of the files that match `pattern`, each rendered as a template.
fn path_documents(view: &BodyView<'_>) -> Option<Vec<Text>> {
    let instance = view.instance();
    let pattern = view.value("pattern").as_str()?;
    let is_plain = matches!(view.value("disable_template"), Value::Bool(true));
    let variables = variables(view, &["vars", "sensitive_vars"]);
    let mut documents = Vec::new();
    for path in glob_files(instance, &pattern) {
        let value = if is_plain {
            read_text(instance, &Value::text(RepoPath::to_absolute(&path)))
        } else {
            render_template_file(instance, &path, &variables)
        };
        documents.extend(split(&content(&value)?));
    }
    Some(documents)
}

/// The documents as a list, or by the address of the object each is.
fn listed(documents: Vec<Text>, name: &str) -> Value {
    if name == "documents" {
        return Value::List(Arc::new(documents.into_iter().map(Value::Text).collect()));
    }
    let mut all = Entries::new();
    for (number, document) in documents.into_iter().enumerate() {
        let key = address(&document).unwrap_or_else(|| format!("document {number}"));
        all.insert(key.into(), Value::Text(document));
    }
    Value::Map(Arc::new(all))
}

/// `/apis/apps/v1/namespaces/web/deployments/web`, as the provider makes it.
fn address(document: &Text) -> Option<String> {
    let documents = yaml::documents(document);
    let Value::Map(object) = &documents.first()?.value else {
        return None;
    };
    let text = |key: &str| object.get(key).and_then(Value::as_str);
    let Some(Value::Map(metadata)) = object.get("metadata") else {
        return None;
    };
    let meta = |key: &str| metadata.get(key).and_then(Value::as_str);
    let version = text("apiVersion")?;
    let root = if version.contains('/') { "apis" } else { "api" };
    let namespace =
        meta("namespace").map_or_else(String::new, |name| format!("/namespaces/{name}"));
    let kind = text("kind")?.to_lowercase();
    Some(format!(
        "/{root}/{version}{namespace}/{kind}s/{}",
        meta("name")?
    ))
}

/// Splits a text at the lines `---`; documents without a word are left out.
fn split(text: &Text) -> Vec<Text> {
    let mut all = vec![Text::default()];
    let mut at_line_start = true;
    for piece in text.pieces() {
        let Piece::Known { text: content, .. } = piece else {
            push(&mut all, piece.clone());
            at_line_start = false;
            continue;
        };
        let mut start = 0;
        let mut line = 0;
        for (number, written) in content.split_inclusive('\n').enumerate() {
            let begins = number > 0 || at_line_start;
            if begins && is_separator(written) {
                push_part(&mut all, piece, start..line);
                all.push(Text::default());
                start = line + written.len();
            }
            line += written.len();
        }
        push_part(&mut all, piece, start..content.len());
        at_line_start = content.ends_with('\n');
    }
    // What stands in a file stands there as a part of it too.
    for document in &mut all {
        let frames = text.frames().iter().filter(|frame| frame.form == Form::Raw);
        frames.for_each(|frame| document.push_frame(frame.clone()));
    }
    all.retain(|document| {
        document.pieces().iter().any(|piece| match piece {
            Piece::Known { text, .. } => text
                .lines()
                .any(|line| !line.trim().is_empty() && !line.trim_start().starts_with('#')),
            Piece::Unknown(_) => true,
        })
    });
    all
}

fn is_separator(line: &str) -> bool {
    line.strip_prefix("---")
        .is_some_and(|rest| rest.trim().is_empty() || rest.trim_start().starts_with('#'))
}

fn push_part(all: &mut [Text], piece: &Piece, range: std::ops::Range<usize>) {
    if let Some(part) = piece.slice(range.clone()).filter(|_| !range.is_empty()) {
        push(all, part);
    }
}

fn push(all: &mut [Text], piece: Piece) {
    if let Some(last) = all.last_mut() {
        last.push(piece);
    }
}
