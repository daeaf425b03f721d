//! Another tag for a site, with its digest: only where the site's literal holds all of the old tag
//! and nothing stands behind it.

use crate::model::digest::Digest;
use crate::model::reference::Tag;
use crate::sites::{Literal, Site};
use crate::terraform::edit::{Edit, legal};
use crate::terraform::span::Span;

/// Returns the edit that puts `tag` and `digest` in place of the tag and the digest that a site
/// has.
///
/// # Errors A sentence: the literal does not hold the whole tag (a template, a tag that comes from
/// elsewhere, a digest alone).
pub fn retag(literal: &Literal, site: &Site, tag: &Tag, digest: &Digest) -> Result<Edit, String> {
    let place = format!("{}:{}", literal.file, literal.line);
    let from = tag_start(&literal.literal, site).ok_or_else(|| {
        format!(
            "the tag of {} is not written at the end of {place} as a whole: it comes from a template, a variable or another place",
            site.image.name
        )
    })?;
    let old = &literal.literal[from..];
    let put = match (old.starts_with(':') || old.is_empty(), old) {
        (true, _) => format!(":{tag}@{digest}"),
        (false, _) => format!("{tag}@{digest}"),
    };
    let content = literal.literal.as_bytes();
    legal(site.pin.form, content, from..content.len(), put.as_bytes())
        .map_err(|why| why.to_string())?;
    Ok(Edit {
        file: literal.file.clone(),
        span: Span::new(literal.span.start + from, literal.span.end),
        expect: old.into(),
        put: put.into_bytes(),
        why: format!("pin {} to {tag} at {digest}", site.image.name),
    })
}

/// Returns where in the literal the tag begins: at its `:` where the name stands before it, at 0
/// where the literal is the tag alone.
fn tag_start(written: &str, site: &Site) -> Option<usize> {
    let image = &site.image;
    if written.contains("${") || written.contains("%{") {
        return None;
    }
    let digest = image
        .digest
        .as_ref()
        .map(|digest| format!("@{digest}"))
        .unwrap_or_default();
    let tag = image.tag.as_deref();
    match tag {
        Some(tag) if written == format!("{tag}{digest}") => Some(0),
        Some(tag) => {
            let end = format!(":{tag}{digest}");
            let name = written.strip_suffix(&end)?;
            image.name.ends_with(name).then_some(name.len())
        }
        // Neither tag nor digest: the channel is spelled out.
        None if image.digest.is_none() && image.name.ends_with(written) => Some(written.len()),
        None => None,
    }
}
