//! Where else the text of a tag goes: a label, a chart's version or an argument would break with a digest behind it.

use super::occurrence::{Place, places};
use super::pin::ways;
use super::scan::Gathered;
use super::values::texts;
use crate::model::reference::Reference;
use crate::terraform::body::BodyView;
use crate::terraform::instance::Walk;
use crate::terraform::project::Project;
use crate::terraform::text::Text;
use hcl_edit::expr::Expression;
use std::collections::{BTreeMap, BTreeSet};

/// Arguments that steer Terraform and reach no resource.
const META: [&str; 4] = ["for_each", "count", "depends_on", "provider"];

/// Returns the literals that hold only a tag and whose text also stands outside an image, and where: `stacks/x/main.tf:12`.
pub fn elsewhere(project: &Project<'_>, found: &Gathered) -> BTreeMap<Place, String> {
    let mut wanted: BTreeSet<Place> = BTreeSet::new();
    let mut dirs = BTreeSet::new();
    for occurrence in &found.occurrences {
        let Some((place, _)) = ways(&occurrence.image).and_then(|ways| ways.literal) else { continue };
        if places(&occurrence.image).len() > 1 || !is_whole(&occurrence.image) {
            wanted.insert(place);
            dirs.insert((occurrence.user.root.clone(), occurrence.user.environment.clone()));
        }
    }
    if wanted.is_empty() {
        return BTreeMap::new();
    }
    let each = project.each_root(|walk| {
        let mut out = BTreeMap::new();
        let root = walk.root();
        if dirs.contains(&(root.dir.clone(), root.environment.as_deref().map(Into::into))) {
            instances(&walk, &wanted, found, &mut out);
        }
        out
    });
    let mut all = BTreeMap::new();
    for (place, at) in each.into_iter().flatten() {
        all.entry(place).or_insert(at);
    }
    all
}

fn instances(walk: &Walk<'_>, wanted: &BTreeSet<Place>, found: &Gathered, out: &mut BTreeMap<Place, String>) {
    for instance in walk.instances() {
        for declared in instance.resources().filter(|declared| declared.block.ident.as_str() != "module") {
            for view in instance.expand(declared) {
                body(&view, wanted, found, out);
            }
        }
    }
}

/// A literal that holds the whole reference stays a reference with a digest behind it, wherever it goes.
fn is_whole(text: &Text) -> bool {
    matches!(places(text).as_slice(), [(_, origin)] if text.known().is_some_and(|all| all.len() == origin.literal.len()))
}

fn body(view: &BodyView<'_>, wanted: &BTreeSet<Place>, found: &Gathered, out: &mut BTreeMap<Place, String>) {
    for attr in view.attrs() {
        let place = attr.place();
        if META.contains(&attr.name()) || is_constant(attr.expr()) || found.consumed.contains(&(attr.source().path.clone(), place.span)) {
            continue;
        }
        for text in texts(&attr.value()) {
            if text.known().is_some_and(|all| is_reference(&all)) {
                continue;
            }
            for (literal, _) in places(&text).into_iter().filter(|(literal, _)| wanted.contains(literal)) {
                out.entry(literal).or_insert_with(|| format!("{}:{}", place.file, place.line));
            }
        }
    }
    for name in view.block_names().into_iter().filter(|name| *name != "lifecycle") {
        view.blocks(name).iter().for_each(|block| body(block, wanted, found, out));
    }
}

/// A whole reference elsewhere (an environment variable that names the same image) takes a digest too.
fn is_reference(text: &str) -> bool {
    Reference::parse(text).is_some_and(|reference| reference.tag.is_some())
}

fn is_constant(expr: &Expression) -> bool {
    matches!(expr, Expression::Null(_) | Expression::Bool(_) | Expression::Number(_) | Expression::String(_))
}
