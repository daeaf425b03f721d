//! Which sites a command is about: what its target names, or the pull request it stands in.

use super::Desk;
use crate::model::ask::{Back, Command, Goal, Target};
use crate::pipeline::answer::Outcome;
use crate::pipeline::forge::{Ask, Forge};
use crate::plan::find::{Matches, find};
use crate::sites::{Fate, Literal, Scan};
use std::collections::BTreeSet;

impl Desk<'_, '_> {
    /// Returns the places in `judged` of the sites that a command would change.
    ///
    /// # Errors
    /// What to tell its author: nothing or too much has that name, or it cannot be changed.
    pub(super) fn sites(&self, command: &Command) -> Result<Vec<usize>, Outcome> {
        let word = command.word();
        let literals = self.literals(word, command.target())?;
        let sites: Vec<usize> = literals.iter().filter_map(|literal| self.place(literal)).collect();
        if sites.is_empty() {
            let why = literals.first().map_or(String::new(), |literal| unfit(literal));
            return Err(Outcome::Refused { command: word, why, hint: Some("`/explain` tells more".into()) });
        }
        let repositories: BTreeSet<_> = sites.iter().map(|index| self.judged[*index].site.image.repository()).collect();
        if repositories.len() > 1 && needs_one(command) {
            let target = command.target().map(ToString::to_string);
            let candidates = self.candidates(&sites).into_iter().map(|name| format!("{name}{}", command.rest())).collect();
            return Err(Outcome::Ambiguous { command: word, target, candidates });
        }
        Ok(sites)
    }

    pub(super) fn literals(&self, command: &'static str, target: Option<&Target>) -> Result<Vec<&Literal>, Outcome> {
        literals(&self.snapshot.scan, self.forge, self.ask, command, target)
    }

    fn place(&self, literal: &Literal) -> Option<usize> {
        self.judged.iter().position(|site| std::ptr::eq(site.literal, literal))
    }

    /// Names of the sites: workloads where they are known, else images.
    fn candidates(&self, sites: &[usize]) -> Vec<String> {
        let names = sites.iter().map(|index| {
            let site = &self.judged[*index];
            let workload = site.literal.uses.iter().find_map(|used| {
                let (namespace, name, container) = (used.namespace.as_ref()?, used.name.as_ref()?, used.container.as_ref()?);
                Some(format!("{namespace}/{name}:{container}"))
            });
            workload.unwrap_or_else(|| site.terms.image.clone())
        });
        names.collect::<BTreeSet<String>>().into_iter().collect()
    }
}

/// Returns the literals that a target names; without one those of the pull request, or the only site there is.
pub(super) fn literals<'a>(
    scan: &'a Scan,
    forge: &Forge,
    ask: &Ask,
    command: &'static str,
    target: Option<&Target>,
) -> Result<Vec<&'a Literal>, Outcome> {
    if let Some(target) = target {
        let Matches { literals, near } = find(scan, target.as_str());
        let found: Vec<&Literal> = literals.iter().map(|index| &scan.literals[*index]).collect();
        return if found.is_empty() { Err(Outcome::NotFound { command, target: target.to_string(), near }) } else { Ok(found) };
    }
    let refused = |why: &str| {
        let hint = format!("name a stack, a workload, an image or a site: `{command} namespace/name`");
        Outcome::Refused { command, why: why.into(), hint: Some(hint) }
    };
    let pull = forge.pulls.iter().find(|pull| pull.number == ask.comment.issue);
    if let Some(pull) = pull.filter(|pull| !pull.pins.is_empty()) {
        let own = |site: &str| pull.pins.iter().any(|pin| pin.site == site);
        let sites: Vec<&Literal> = scan.sites().filter(|(_, site)| own(&site.key.0)).map(|(literal, _)| literal).collect();
        return if sites.is_empty() { Err(refused("the sites of this pull request are gone")) } else { Ok(sites) };
    }
    let all: Vec<&Literal> = scan.sites().map(|(literal, _)| literal).collect();
    match all.len() {
        1 => Ok(all),
        _ => Err(refused("it names no target, and it does not stand in a pull request of pintle's that tells one")),
    }
}

/// A tag or a digest belongs to one repository.
fn needs_one(command: &Command) -> bool {
    matches!(command, Command::Pin { to: Some(Goal::Tag(_) | Goal::Digest(_)), .. } | Command::Rollback { to: Some(Back::Digest(_)), .. })
}

/// Why a literal is not a site.
fn unfit(literal: &Literal) -> String {
    let place = format!("{}:{}", literal.file, literal.line);
    match &literal.fate {
        Fate::Site(_) => format!("{place} is a site"),
        Fate::Half(why) => format!("{place} is only a part of an image: {why}"),
        Fate::Unpinnable(why) => format!("{place} cannot carry a pin: {why}"),
        Fate::Dead(why) => format!("{place} decides nothing: {why}"),
        Fate::Orphan(why) => format!("{place} is in a module that nothing calls: {why}"),
    }
}
