//! Single values of the configuration, from words to values that cannot be wrong, and the
//! complaints about them. Knows no section.

use super::wire::{At, TomlText};
use crate::model::duration;
use crate::model::pattern::Glob;
use crate::model::policy::Policy;
use crate::model::reference::Reference;
use crate::model::schedule::Schedule;
use jiff::SignedDuration;
use std::ops::Range;
use std::sync::Arc;
use url::Url;

/// A complaint: a sentence, its place, a hint.
pub(super) struct Wrong {
    pub what: String,
    pub span: Range<usize>,
    pub hint: Option<String>,
}

pub(super) type Checked<T> = Result<T, Wrong>;

impl<T> At<T> {
    pub(super) fn value(&self) -> &T {
        self.0.get_ref()
    }

    pub(super) fn wrong(&self, what: impl Into<String>) -> Wrong {
        Wrong {
            what: what.into(),
            span: self.0.span(),
            hint: None,
        }
    }

    pub(super) fn check<U>(&self, parse: impl FnOnce(&T) -> Result<U, String>) -> Checked<U> {
        parse(self.value()).map_err(|what| self.wrong(what))
    }
}

pub(super) fn hint(wrong: Wrong, hint: &str) -> Wrong {
    Wrong {
        hint: Some(hint.into()),
        ..wrong
    }
}

pub(super) fn each<T, U>(items: &[T], check: impl Fn(&T) -> Checked<U>) -> Checked<Vec<U>> {
    items.iter().map(check).collect()
}

pub(super) fn numbered<T, U>(
    items: &[T],
    check: impl Fn(usize, &T) -> Checked<U>,
) -> Checked<Vec<U>> {
    items
        .iter()
        .enumerate()
        .map(|(index, item)| check(index + 1, item))
        .collect()
}

pub(super) fn optional<U>(
    text: Option<&TomlText>,
    check: impl FnOnce(&TomlText) -> Checked<U>,
) -> Checked<Option<U>> {
    text.map(check).transpose()
}

pub(super) fn unique<'a>(what: &str, names: impl Iterator<Item = &'a TomlText>) -> Checked<()> {
    let mut seen = std::collections::BTreeSet::new();
    for name in names {
        if !seen.insert(name.value()) {
            return Err(name.wrong(format!("there is already a {what} `{}`", name.value())));
        }
    }
    Ok(())
}

pub(super) fn name_glob(text: &TomlText) -> Checked<Glob> {
    text.check(|text| Glob::name(text))
}

pub(super) fn path_glob(text: &TomlText) -> Checked<Glob> {
    text.check(|text| Glob::path(text.trim_end_matches('/')))
}

pub(super) fn filled(text: &TomlText) -> Checked<Arc<str>> {
    text.check(|text| {
        if text.trim().is_empty() {
            Err("the text is empty".into())
        } else {
            Ok(text.trim().into())
        }
    })
}

/// A text that ends up in a line of a commit.
pub(super) fn line(text: &TomlText) -> Checked<Arc<str>> {
    let value = filled(text)?;
    if value.contains(char::is_control) {
        Err(text.wrong("the text has a line break or another control character"))
    } else {
        Ok(value)
    }
}

pub(super) fn identifier(text: &TomlText) -> Checked<Arc<str>> {
    text.check(|text| argument_name(text))
}

/// The name of an argument of a module.
pub(super) fn argument_name(text: &str) -> Result<Arc<str>, String> {
    let is_part = |c: char| c.is_alphanumeric() || "_-.".contains(c);
    if !text.is_empty() && text.chars().all(is_part) {
        Ok(text.into())
    } else {
        Err(format!("`{text}` is not the name of an argument"))
    }
}

/// `spec.containers.*.image`, also written `spec.containers[*].image`.
pub(super) fn dotted(path: &str) -> Result<Vec<Arc<str>>, String> {
    let plain = path.replace("].", ".").replace('[', ".");
    let parts: Vec<Arc<str>> = plain
        .strip_suffix(']')
        .unwrap_or(&plain)
        .split('.')
        .map(Into::into)
        .collect();
    let wrong = parts
        .iter()
        .any(|part| part.is_empty() || part.contains(']'));
    if wrong {
        Err(format!(
            "`{path}` is not a path such as `spec.containers.*.image`"
        ))
    } else {
        Ok(parts)
    }
}

pub(super) fn policy(text: &TomlText) -> Checked<Policy> {
    text.check(|text| Policy::parse(text))
}

pub(super) fn schedule(text: &TomlText) -> Checked<Schedule> {
    text.check(|text| Schedule::parse(text))
}

pub(super) fn length(text: &TomlText) -> Checked<SignedDuration> {
    text.check(|text| duration::parse(text))
}

/// A registry as image references write it, in normal form.
pub(super) fn host(text: &TomlText) -> Checked<Arc<str>> {
    let name = match text.value().as_str() {
        "index.docker.io" | "registry-1.docker.io" | "hub.docker.com" => "docker.io",
        other => other,
    };
    let registry =
        Reference::parse(&format!("{name}/x/y")).map(|reference| reference.repository().registry);
    match registry {
        Some(registry) if &*registry == name => Ok(registry),
        _ => Err(hint(
            text.wrong(format!("`{name}` is not a registry")),
            "write it as in an image: `ghcr.io`, `registry.example.com:5000`",
        )),
    }
}

pub(super) fn url(text: &TomlText) -> Checked<Url> {
    let parsed = text.check(|text| {
        Url::parse(text).map_err(|error| format!("`{text}` is not an address: {error}"))
    })?;
    if !matches!(parsed.scheme(), "http" | "https") || parsed.host_str().is_none() {
        return Err(text.wrong("the address starts with neither `https://` nor `http://`"));
    }
    if !parsed.username().is_empty() || parsed.password().is_some() {
        return Err(hint(
            text.wrong("the address holds credentials"),
            "they belong in a docker `config.json`, never in the repo",
        ));
    }
    if parsed.query().is_some() || parsed.fragment().is_some() {
        return Err(text.wrong("the address has a query or a fragment"));
    }
    Ok(parsed)
}
