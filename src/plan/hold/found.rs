//! Every hold on a site, where it is written, and which other sites it covers. Changes nothing.

use crate::config::site_settings::Resolver;
use crate::model::directive::{self, Directive};
use crate::model::hold::Hold;
use crate::pipeline::Snapshot;
use crate::sites::{Comment, Literal, Site, SiteId};

/// Where a hold is written.
pub(super) enum HoldOrigin<'a> {
    Comment {
        comment: &'a Comment,
        directive: Box<Directive>,
    },
    /// The number of a `[[rule]]`.
    Rule(usize),
    /// The number of a `[[hold]]`.
    Entry(usize),
}

pub(super) struct FoundHold<'a> {
    pub hold: Hold,
    pub origin: HoldOrigin<'a>,
    /// The other sites that it holds.
    pub others: Vec<&'a SiteId>,
}

/// Returns all holds of a site, whether or not they have ended.
pub(super) fn find_holds<'a>(
    resolver: &Resolver<'a>,
    snapshot: &'a Snapshot,
    literal: &Literal,
    site: &'a Site,
) -> Vec<FoundHold<'a>> {
    let mut all = Vec::new();
    for comment in &site.comments {
        for directive in directives(comment)
            .into_iter()
            .filter(|directive| resolver.covers(directive, comment, literal))
        {
            let Some(hold) = directive.hold.clone() else {
                continue;
            };
            let sees = |_: &Literal, other: &Site| seen_by(comment, other);
            let others = other_sites(snapshot, site, |literal, other| {
                sees(literal, other) && resolver.covers(&directive, comment, literal)
            });
            all.push(FoundHold {
                hold,
                others,
                origin: HoldOrigin::Comment {
                    comment,
                    directive: Box::new(directive),
                },
            });
        }
    }
    for rule in snapshot
        .config
        .rules
        .iter()
        .filter(|rule| resolver.matches(&rule.matches, literal, site))
    {
        let Some(because) = rule.hold.clone() else {
            continue;
        };
        let hold = Hold {
            because: Some(because),
            ..Hold::default()
        };
        let others = other_sites(snapshot, site, |literal, other| {
            resolver.matches(&rule.matches, literal, other)
        });
        all.push(FoundHold {
            hold,
            others,
            origin: HoldOrigin::Rule(rule.number),
        });
    }
    for entry in snapshot
        .config
        .holds
        .iter()
        .filter(|entry| resolver.holds(entry, site))
    {
        let others = other_sites(snapshot, site, |_, other| resolver.holds(entry, other));
        all.push(FoundHold {
            hold: entry.hold.clone(),
            others,
            origin: HoldOrigin::Entry(entry.number),
        });
    }
    all
}

/// Returns the directives of a comment that can be read.
pub(super) fn directives(comment: &Comment) -> Vec<Directive> {
    directive::parse(&comment.text)
        .and_then(Result::ok)
        .unwrap_or_default()
}

/// Says whether a comment belongs to a site.
pub(super) fn seen_by(comment: &Comment, site: &Site) -> bool {
    site.comments
        .iter()
        .any(|other| (&other.file, other.line) == (&comment.file, comment.line))
}

fn other_sites<'a>(
    snapshot: &'a Snapshot,
    site: &Site,
    covered: impl Fn(&Literal, &Site) -> bool,
) -> Vec<&'a SiteId> {
    let sites = snapshot
        .scan
        .sites()
        .filter(|(_, other)| other.id != site.id);
    sites
        .filter(|(literal, other)| covered(literal, other))
        .map(|(_, other)| &other.id)
        .collect()
}
