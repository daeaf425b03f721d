//! Which sites a command is about: what its target names, or the pull request it stands in.

use super::case::CommentCase;
use crate::model::ask::{Back, Command, Goal, TargetName};
use crate::pipeline::answer::Outcome;
use crate::pipeline::forge::{Ask, Forge};
use crate::pipeline::identity::Identities;
use crate::sites::lookup::{Matches, find, is_name};
use crate::sites::{Fate, Literal, Scan};
use std::collections::BTreeSet;

impl CommentCase<'_, '_> {
    /// Returns the places in `judged` of the sites that a command would change.
    ///
    /// # Errors
    /// What to tell its author: nothing or too much has that name, or it cannot be changed.
    pub(super) fn find_sites(&self, command: &Command) -> Result<Vec<usize>, Outcome> {
        let word = command.word();
        let literals = self.literals(word, command.target())?;
        let sites: Vec<usize> = literals
            .iter()
            .filter_map(|literal| self.place(literal))
            .collect();
        if sites.is_empty() {
            let why = literals
                .first()
                .map_or(String::new(), |literal| why_not_a_site(literal));
            return Err(Outcome::Refused {
                command: word,
                why,
                hint: Some("`/explain` shows more".into()),
            });
        }
        let repositories: BTreeSet<_> = sites
            .iter()
            .map(|index| self.sites[*index].site.image.repository())
            .collect();
        if repositories.len() > 1 && needs_one(command) {
            let target = command.target().map(ToString::to_string);
            let candidates = self
                .candidates(&sites)
                .into_iter()
                .map(|name| format!("{}{}", as_typed(&name), command.rest()))
                .collect();
            return Err(Outcome::Ambiguous {
                command: word,
                target,
                candidates,
            });
        }
        Ok(sites)
    }

    pub(super) fn literals(
        &self,
        command: &'static str,
        target: Option<&TargetName>,
    ) -> Result<Vec<&Literal>, Outcome> {
        find_literals(&self.snapshot.scan, self.forge, self.ask, command, target)
    }

    fn place(&self, literal: &Literal) -> Option<usize> {
        self.sites
            .iter()
            .position(|site| std::ptr::eq(site.literal, literal))
    }

    /// Names of the sites: workloads where they are known, else images.
    fn candidates(&self, sites: &[usize]) -> Vec<String> {
        let names = sites.iter().map(|index| {
            let site = &self.sites[*index];
            let workload = site.literal.uses.iter().find_map(|used| {
                let (namespace, name, container) = (
                    used.namespace.as_ref()?,
                    used.name.as_ref()?,
                    used.holder.name()?,
                );
                Some(format!("{namespace}/{name}:{container}"))
            });
            workload.unwrap_or_else(|| site.settings.image.clone())
        });
        names.collect::<BTreeSet<String>>().into_iter().collect()
    }
}

/// Returns the literals that a target names; without one those of the pull request, or the only
/// site there is.
pub(super) fn find_literals<'a>(
    scan: &'a Scan,
    forge: &Forge,
    ask: &Ask,
    command: &'static str,
    target: Option<&TargetName>,
) -> Result<Vec<&'a Literal>, Outcome> {
    if let Some(target) = target {
        let Matches { literals, near } = find(scan, target.as_str());
        let exact = is_name(scan, target.as_str());
        let found: Vec<&Literal> = literals
            .iter()
            .filter(|_| exact)
            .map(|index| &scan.literals[*index])
            .collect();
        return if found.is_empty() {
            Err(Outcome::NotFound {
                command,
                target: target.to_string(),
                near,
            })
        } else {
            Ok(found)
        };
    }
    let refused = |why: &str| {
        let hint =
            format!("name a stack, a workload, an image or a site: `{command} namespace/name`");
        Outcome::Refused {
            command,
            why: why.into(),
            hint: Some(hint),
        }
    };
    let pull = forge
        .pulls
        .iter()
        .find(|pull| pull.number == ask.comment.issue);
    if let Some(pull) = pull.filter(|pull| !pull.pins.is_empty()) {
        let identities = Identities::new(scan);
        let places: BTreeSet<usize> = pull
            .pins
            .iter()
            .flat_map(|pin| identities.sites_of(pin))
            .collect();
        let sites: Vec<&Literal> = scan
            .sites()
            .enumerate()
            .filter(|(place, _)| places.contains(place))
            .map(|(_, (literal, _))| literal)
            .collect();
        return if sites.is_empty() {
            Err(refused("the sites of this pull request are gone"))
        } else {
            Ok(sites)
        };
    }
    let all: Vec<&Literal> = scan.sites().map(|(literal, _)| literal).collect();
    match all.len() {
        1 => Ok(all),
        _ => Err(refused(
            "it names no target, and the pull request does not imply one",
        )),
    }
}

/// A name as it can be typed in a comment.
fn as_typed(name: &str) -> String {
    let forms = TargetName::new(name).map(|target| target.typed_forms());
    forms
        .and_then(|forms| forms.into_iter().next())
        .unwrap_or_else(|| name.to_owned())
}

/// A tag or a digest belongs to one repository.
fn needs_one(command: &Command) -> bool {
    matches!(
        command,
        Command::Pin {
            to: Some(Goal::Tag(_) | Goal::Digest(_)),
            ..
        } | Command::Rollback {
            to: Some(Back::Digest(_)),
            ..
        }
    )
}

/// Why a literal is not a site.
fn why_not_a_site(literal: &Literal) -> String {
    let place = format!("{}:{}", literal.file, literal.line);
    match &literal.fate {
        Fate::Site(_) => format!("{place} is a site"),
        Fate::Component(why) => format!("{place} is only a part of an image: {why}"),
        Fate::Unpinnable(why) => format!("{place} cannot carry a pin: {why}"),
        Fate::Dead(why) => format!("{place} decides nothing: {why}"),
        Fate::Orphan(why) => format!("{place} is in a module that nothing calls: {why}"),
    }
}
