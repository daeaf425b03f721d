//! The scan as JSON: `scan --output json`. The shape is documented in `docs/scan-json.md`; a change
//! of it is a new version.

use super::{Fate, Literal, Problem, Scan, Unfollowed, Use};
use serde::Serialize;
use serde_json::Value;

pub const VERSION: u32 = 2;

#[derive(Serialize)]
struct ScanJson<'a> {
    version: u32,
    sites: Vec<LiteralJson<'a>>,
    problems: Vec<ProblemJson<'a>>,
    unfollowed: Vec<UnfollowedJson<'a>>,
}

#[derive(Serialize)]
struct UnfollowedJson<'a> {
    file: &'a str,
    line: usize,
    span: [usize; 2],
    literal: &'a str,
    inside: &'a str,
}

#[derive(Serialize)]
struct LiteralJson<'a> {
    file: &'a str,
    line: usize,
    span: [usize; 2],
    literal: &'a str,
    fate: &'static str,
    site: Option<&'a str>,
    aliases: Vec<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<&'a str>,
    reference: Option<&'a str>,
    uses: Vec<UseJson<'a>>,
}

#[derive(Serialize)]
struct UseJson<'a> {
    root: &'a str,
    environment: Option<&'a str>,
    file: &'a str,
    line: usize,
    kind: &'a str,
    namespace: Option<&'a str>,
    name: Option<&'a str>,
    container: Option<&'a str>,
    init: bool,
    image: Option<&'a str>,
    ignored: Option<bool>,
    instances: Option<u64>,
}

#[derive(Serialize)]
struct ProblemJson<'a> {
    file: &'a str,
    line: Option<usize>,
    what: &'a str,
}

/// Returns the scan. What the text of the repo does not tell is null.
pub fn to_json(scan: &Scan) -> Value {
    let json = ScanJson {
        version: VERSION,
        sites: scan.literals.iter().map(literal).collect(),
        problems: scan.problems.iter().map(problem).collect(),
        unfollowed: scan.unfollowed.iter().map(unfollowed).collect(),
    };
    // Strings, numbers and lists only: there is nothing in it that JSON could refuse.
    serde_json::to_value(json).unwrap_or_default()
}

/// Returns the fate's word and its reason.
pub fn fate_word(fate: &Fate) -> (&'static str, Option<&str>) {
    match fate {
        Fate::Site(_) => ("site", None),
        Fate::Component(why) => ("component", Some(why)),
        Fate::Unpinnable(why) => ("unpinnable", Some(why)),
        Fate::Dead(why) => ("dead", Some(why)),
        Fate::Orphan(why) => ("orphan", Some(why)),
    }
}

fn literal(literal: &Literal) -> LiteralJson<'_> {
    let (fate, reason) = fate_word(&literal.fate);
    let site = match &literal.fate {
        Fate::Site(site) => Some(site),
        _ => None,
    };
    LiteralJson {
        file: literal.file.display(),
        line: literal.line,
        span: [literal.span.start, literal.span.end],
        literal: &literal.literal,
        fate,
        site: site.map(|site| site.id.as_str()),
        aliases: site
            .iter()
            .flat_map(|site| &site.aliases)
            .map(|alias| &**alias)
            .collect(),
        reason,
        reference: literal.reference.as_deref(),
        uses: literal.uses.iter().map(used).collect(),
    }
}

fn used(used: &Use) -> UseJson<'_> {
    UseJson {
        root: used.root.display(),
        environment: used.environment.as_deref(),
        file: used.file.display(),
        line: used.line,
        kind: used.kind.as_str(),
        namespace: used.namespace.as_deref(),
        name: used.name.as_deref(),
        container: used.holder.name().map(|name| &**name),
        init: used.holder.is_init(),
        image: used.image.as_deref(),
        ignored: used.ignored,
        instances: used.instances,
    }
}

fn unfollowed(one: &Unfollowed) -> UnfollowedJson<'_> {
    UnfollowedJson {
        file: one.file.display(),
        line: one.line,
        span: [one.span.start, one.span.end],
        literal: &one.literal,
        inside: &one.inside,
    }
}

fn problem(problem: &Problem) -> ProblemJson<'_> {
    ProblemJson {
        file: problem.file.display(),
        line: problem.line,
        what: &problem.what,
    }
}

#[cfg(test)]
mod tests;
