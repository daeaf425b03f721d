//! Who owns an image as far as the text tells: `lifecycle { ignore_changes }` and `keel.sh/…`
//! annotations.

use crate::model::keel::keep_keel;
use crate::terraform::span::Span;
use crate::terraform::value::Value;
use std::sync::Arc;

/// One entry of `ignore_changes`: its text as written and its place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ignored {
    pub path: String,
    pub span: Span,
}

impl Ignored {
    /// Takes an entry in any spelling Terraform accepts: spaces, quotes around the whole (before
    /// 0.12), `.0.` for `[0]`.
    pub fn new(written: &str, span: Span) -> Self {
        let squeezed: String = written
            .trim()
            .trim_matches('"')
            .chars()
            .filter(|c| !c.is_whitespace())
            .collect();
        let mut path = String::new();
        for (index, part) in squeezed.split('.').enumerate() {
            let number = !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit());
            match (index, number) {
                (0, _) => path.push_str(part),
                (_, true) => path.push_str(&format!("[{part}]")),
                (_, false) => path.push_str(&format!(".{part}")),
            }
        }
        Self { path, span }
    }

    /// The block's name and its number, where the entry is `…container[1].image`.
    pub fn container_image(&self) -> Option<(&str, usize)> {
        let (before, number) = self.path.strip_suffix("].image")?.rsplit_once('[')?;
        let name = before
            .rsplit('.')
            .next()
            .filter(|name| ["container", "init_container"].contains(name))?;
        Some((name, number.parse().ok()?))
    }

    /// Says whether a change at `path` is ignored: the entry is `all`, the path itself, or leads to
    /// it.
    pub fn covers(&self, path: &str) -> bool {
        let rest = path.strip_prefix(self.path.as_str());
        self.path == "all"
            || rest.is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '[']))
    }
}

/// Returns whether the path is ignored, and the entries that name exactly this path.
pub fn ignored(entries: &[Ignored], path: &str) -> (bool, Vec<Span>) {
    let exact = entries
        .iter()
        .filter(|entry| entry.path == path)
        .map(|entry| entry.span)
        .collect();
    (entries.iter().any(|entry| entry.covers(path)), exact)
}

/// Returns whether the image of a container is ignored, and the entries that name exactly it;
/// `None` where its number decides and is not known. `container` is the path of its block without
/// the number, and that.
pub fn ignored_image(
    entries: &[Ignored],
    container: (&str, Option<usize>),
) -> (Option<bool>, Vec<Span>) {
    let (block, number) = container;
    if let Some(number) = number {
        let (ignored, exact) = ignored(entries, &format!("{block}[{number}].image"));
        return (Some(ignored), exact);
    }
    let whole = entries.iter().any(|entry| entry.covers(block));
    let tail = |entry: &Ignored| {
        Some(
            entry
                .path
                .strip_prefix(block)?
                .strip_prefix('[')?
                .split_once(']')?
                .1
                .to_owned(),
        )
    };
    let some = entries
        .iter()
        .filter_map(tail)
        .any(|tail| tail.is_empty() || tail == ".image");
    (
        if whole {
            Some(true)
        } else if some {
            None
        } else {
            Some(false)
        },
        Vec::new(),
    )
}

/// Returns Keel's annotations whose values are known, sorted.
pub fn annotations(annotations: &Value) -> Vec<(Arc<str>, Arc<str>)> {
    let Value::Map(map) = annotations else {
        return Vec::new();
    };
    let known = map.iter();
    keep_keel(known.filter_map(|(key, value)| Some((key.clone(), value.as_str()?.into()))))
}
