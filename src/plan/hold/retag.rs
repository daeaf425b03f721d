//! Another tag for a site, with its digest: where the site's literal holds all of the old tag and
//! nothing stands behind it, or where the tag stands by itself in another place.

use crate::model::digest::Digest;
use crate::model::reference::Tag;
use crate::sites::{Literal, Site};
use crate::terraform::edit::{Edit, legal};
use crate::terraform::span::Span;

/// Returns the edits that put `tag` and `digest` in place of the tag and the digest that a site has:
/// one, or two where they stand at two places.
///
/// # Errors
/// A sentence: no place holds the whole tag (a template makes it of parts, it has several readers).
pub fn retag(
    literal: &Literal,
    site: &Site,
    tag: &Tag,
    digest: &Digest,
) -> Result<Vec<Edit>, String> {
    let why = format!("pin {} to {tag} at {digest}", site.image.name);
    let Some(from) = tag_start(&literal.literal, site) else {
        let name = &site.image.name;
        let at = format!("{}:{}", literal.file, literal.line);
        let not_one = |why: &str| format!("the tag of {name} at {at} is not in one place: {why}");
        let place = site.tag.as_ref().map_err(|why| not_one(why))?;
        let old = site.image.tag.as_ref();
        let old = old.ok_or_else(|| not_one("the image has no tag"))?;
        let of_tag = Edit {
            file: place.file.clone(),
            span: place.span,
            expect: old.as_bytes().to_vec(),
            put: tag.as_bytes().to_vec(),
            why: why.clone(),
        };
        let of_digest = Edit {
            file: literal.file.clone(),
            span: site.pin.span,
            expect: site.pin.expect.clone().into_bytes(),
            put: site.pin.text(digest).into_bytes(),
            why,
        };
        return Ok(vec![of_tag, of_digest]);
    };
    let old = &literal.literal[from..];
    let put = match (old.starts_with(':') || old.is_empty(), old) {
        (true, _) => format!(":{tag}@{digest}"),
        (false, _) => format!("{tag}@{digest}"),
    };
    let content = literal.literal.as_bytes();
    legal(site.pin.form, content, from..content.len(), put.as_bytes())
        .map_err(|why| why.to_string())?;
    Ok(vec![Edit {
        file: literal.file.clone(),
        span: Span::new(literal.span.start + from, literal.span.end),
        expect: old.into(),
        put: put.into_bytes(),
        why,
    }])
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
