//! A resource as it is written: its ignore entries, annotations and containers, each with its
//! place. Evaluates nothing, so it says nothing of what a `dynamic` block makes.

use super::ownership::Ignored;
use crate::model::directive;
use crate::model::keel::POLICY;
use crate::terraform::edit::put::{item, key_place, place};
use crate::terraform::hcl::Source;
use crate::terraform::span::Span;
use hcl_edit::expr::{Expression, Object};
use hcl_edit::structure::{Attribute, Block, Body};
use std::sync::Arc;

/// Stands among annotations for the policy that pintle's mark beside Keel's says, where it says
/// one: Keel does not read that.
pub const MARK: &str = "pintle/policy";
/// The entry of `ignore_changes` for it.
pub const POLICY_PATH: &str = "metadata[0].annotations[\"keel.sh/policy\"]";

/// A `resource` block of the top level.
#[derive(Clone, Copy)]
pub struct Resource<'s> {
    pub source: &'s Source,
    block: &'s Block,
}

/// `ignore_changes` as it is written.
pub struct Ignores<'s> {
    pub attribute: &'s Attribute,
    /// The block around it, `lifecycle`.
    pub block: &'s Block,
    /// From `[` to `]`; `None` where it is no list.
    pub list: Option<Span>,
    pub entries: Vec<Ignored>,
}

impl<'s> Resource<'s> {
    /// Returns the resource that a line, counted from 1, belongs to.
    pub fn at(source: &'s Source, line: usize) -> Option<Self> {
        let blocks = source
            .body
            .blocks()
            .filter(|block| block.ident.as_str() == "resource");
        let all = blocks.map(|block| Self { source, block });
        all.into_iter().find(|one| {
            one.span().is_some_and(|span| {
                source.line(span.start) <= line && line <= source.line(span.end)
            })
        })
    }

    /// Returns the resource of that type and name.
    pub fn named(source: &'s Source, name: &str) -> Option<Self> {
        let blocks = source
            .body
            .blocks()
            .filter(|block| block.ident.as_str() == "resource");
        blocks
            .map(|block| Self { source, block })
            .find(|one| one.name() == name)
    }

    /// `kubernetes_deployment.web`
    pub fn name(&self) -> String {
        self.block
            .labels
            .iter()
            .map(|label| label.as_str())
            .collect::<Vec<_>>()
            .join(".")
    }

    pub fn span(&self) -> Option<Span> {
        place(self.source, self.block)
    }

    /// Returns what `lifecycle` ignores; `None` where the block says nothing of it.
    pub fn ignores(&self) -> Option<Ignores<'s>> {
        let mut blocks = self.block.body.get_blocks("lifecycle");
        let (block, attribute) =
            blocks.find_map(|block| Some((block, block.body.get_attribute("ignore_changes")?)))?;
        let list = match &attribute.value {
            Expression::Array(_) => place(self.source, &attribute.value),
            _ => None,
        };
        let items: Vec<&Expression> = match &attribute.value {
            Expression::Array(items) => items.iter().collect(),
            other => vec![other],
        };
        let entry = |expression: &Expression| {
            let span = place(self.source, expression)?;
            Some(Ignored::new(
                &String::from_utf8_lossy(self.source.bytes.get(span.range())?),
                span,
            ))
        };
        let entries: Option<Vec<Ignored>> = items.into_iter().map(entry).collect();
        Some(Ignores {
            attribute,
            block,
            list,
            entries: entries?,
        })
    }

    /// Returns the `metadata` block.
    pub fn metadata(&self) -> Option<&'s Block> {
        self.block.body.get_blocks("metadata").next()
    }

    /// Returns the bytes of `image_pull_policy = "Always"` in the container whose image stands on
    /// that line.
    pub fn pulls_always(&self, line: usize) -> Option<Span> {
        let body = holder(self.source, &self.block.body, line)?;
        let attribute = body.get_attribute("image_pull_policy")?;
        let always =
            matches!(&attribute.value, Expression::String(text) if text.as_str() == "Always");
        attribute_span(self.source, attribute).filter(|_| always)
    }

    /// Returns how many blocks of a name the pod's spec has; `None` where some are made by
    /// `dynamic`.
    pub fn count(&self, name: &str) -> Option<usize> {
        let mut body = &self.block.body;
        while !body.has_blocks("container") {
            body = ["spec", "job_template", "template"]
                .iter()
                .find_map(|step| Some(&body.get_blocks(step).next()?.body))?;
            if body.has_blocks("dynamic") {
                return None;
            }
        }
        (!body.has_blocks("dynamic")).then(|| body.get_blocks(name).count())
    }
}

/// Returns the body that has an `image` on that line.
fn holder<'s>(source: &Source, body: &'s Body, line: usize) -> Option<&'s Body> {
    let own = body
        .get_attribute("image")
        .and_then(|image| place(source, &image.key));
    if own.is_some_and(|span| source.line(span.start) == line) {
        return Some(body);
    }
    body.blocks()
        .find_map(|block| holder(source, &block.body, line))
}

/// Returns an attribute's bytes, from its name to the end of its value.
pub fn attribute_span(source: &Source, attribute: &Attribute) -> Option<Span> {
    Some(Span::new(
        place(source, &attribute.key)?.start,
        place(source, &attribute.value)?.end,
    ))
}

/// Returns the object that decides about an annotation which is put there.
///
/// # Errors
/// A sentence: the annotations are made in another way.
pub fn decides(annotations: &Expression) -> Result<&Object, &'static str> {
    match annotations {
        Expression::Object(object) => Ok(object),
        Expression::FuncCall(call) if is_merge(annotations) => match call.args.iter().last() {
            Some(Expression::Object(object)) => Ok(object),
            _ => Err("its annotations are made by `merge`, whose last part is not written there"),
        },
        _ => Err("its annotations are not written as one object there"),
    }
}

fn is_merge(expression: &Expression) -> bool {
    let Expression::FuncCall(call) = expression else {
        return false;
    };
    call.name.name.as_str() == "merge" && !call.name.is_namespaced() && !call.args.expand_final()
}

/// Says whether pintle's own mark stands beside `keel.sh/policy`; the policy for pintle that the
/// mark says.
pub fn marked(source: &Source, annotations: &Expression) -> Option<Option<Arc<str>>> {
    let (key, _) = item(decides(annotations).ok()?, POLICY)?;
    let at = key_place(source, key)?;
    source
        .comments_around(at.start)
        .into_iter()
        .find_map(|comment| {
            let all = directive::parse(comment.plain())?.ok()?;
            let policy = all
                .iter()
                .find_map(|directive| directive.policy.as_ref())
                .map(|policy| policy.to_string().into());
            all.iter()
                .any(|directive| directive.hands_off)
                .then_some(policy)
        })
}
