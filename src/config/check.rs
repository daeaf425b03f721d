//! The sections of the file, from keys as written to values that cannot be wrong. Every complaint
//! has a place in the text.

use super::checked::{
    Checked, argument_name, dotted, each, filled, hint, host, identifier, length, line, name_glob,
    numbered, optional, path_glob, policy, schedule, unique, url,
};
use super::sections::do_not_bump;
use super::wire::{self, At, Many, TomlText};
use super::{
    Cache, Config, Defaults, Environment, ExtraFile, Git, Group, HoldEntry, Match, Module,
    ModuleArguments, PipelineConfig, Registry, Rule, ScanConfig, VarFile, cluster,
};
use crate::model::hold::{Hold, parse_until};
use crate::model::pattern::{Glob, StackPattern, TagPatterns, Words};
use crate::model::settings::{Mode, Settings};
use std::sync::Arc;

pub(super) fn config(wire: wire::File) -> Checked<Config> {
    if let Some(version) = wire
        .version
        .as_ref()
        .filter(|version| *version.value() != 1)
    {
        let wrong = version.wrong(format!(
            "this pintle reads version 1 of the format, not {}",
            version.value()
        ));
        return Err(hint(
            wrong,
            "write `version = 1`, or run the pintle that the file was written for",
        ));
    }
    unique("group", wire.group.iter().map(|group| &group.name))?;
    unique_members(&wire.group)?;
    unique(
        "registry",
        wire.registry.iter().map(|registry| &registry.host),
    )?;
    unique(
        "receiver",
        wire.notice.iter().map(|receiver| &receiver.name),
    )?;
    unique("cache for", wire.cache.iter().map(|cache| &cache.registry))?;
    Ok(Config {
        scan: scan(&wire.scan)?,
        environments: each(&wire.environment, environment)?,
        modules: each(&wire.module, module)?,
        extras: each(&wire.extra, extra)?,
        defaults: defaults(&wire.defaults)?,
        rules: numbered(&wire.rule, rule)?,
        groups: each(&wire.group, group)?,
        holds: numbered(&wire.hold, hold)?,
        deny: each(&wire.deny.stacks, stack_pattern)?,
        do_not_bump: match &wire.do_not_bump.patterns {
            Some(patterns) => each(patterns, |text| text.check(|text| Words::new(text)))?,
            None => do_not_bump(),
        },
        registries: each(&wire.registry, registry)?,
        caches: each(&wire.cache, |cache| {
            Ok(Cache {
                registry: host(&cache.registry)?,
                url: url(&cache.url)?,
            })
        })?,
        git: git(&wire.git)?,
        forge: super::forge::forge(&wire.forge)?,
        pipeline: pipeline(&wire.pipeline)?,
        cluster: cluster::cluster(&wire.cluster)?,
        alerts: numbered(&wire.alert, cluster::alert)?,
        receivers: each(&wire.notice, super::notice::receiver)?,
    })
}

fn unique_members(groups: &[wire::GroupToml]) -> Checked<()> {
    let mut seen = std::collections::BTreeMap::new();
    for group in groups {
        for (what, members) in [
            ("site", &group.sites),
            ("stack", &group.stacks),
            ("image", &group.images),
        ] {
            for member in members {
                if let Some(first) = seen.insert((what, member.value()), group.name.value()) {
                    let wrong = member.wrong(format!(
                        "the {what} `{}` is already in group `{first}`",
                        member.value()
                    ));
                    return Err(hint(wrong, "a site belongs to one group only"));
                }
            }
        }
    }
    Ok(())
}

fn scan(wire: &wire::ScanToml) -> Checked<ScanConfig> {
    Ok(ScanConfig {
        exclude: each(&wire.exclude, path_glob)?,
        without_images: each(&wire.without_images, path_glob)?,
        roots: each(&wire.roots, path_glob)?,
        var_files: each(&wire.var_files, var_file)?,
    })
}

fn var_file(text: &TomlText) -> Checked<VarFile> {
    Ok(VarFile(filled(text)?))
}

fn environment(wire: &wire::EnvironmentToml) -> Checked<Environment> {
    let everywhere = || Glob::path("**").map_err(|what| wire.name.wrong(what));
    Ok(Environment {
        root: wire.root.as_ref().map_or_else(everywhere, path_glob)?,
        name: filled(&wire.name)?,
        var_files: each(&wire.var_files, var_file)?,
        workspace: optional(wire.workspace.as_ref(), filled)?,
    })
}

fn module(at: &At<wire::ModuleToml>) -> Checked<Module> {
    let wire = at.value();
    let argument = |text: &Option<TomlText>| optional(text.as_ref(), identifier);
    let (registry, repository) = (argument(&wire.registry)?, argument(&wire.repository)?);
    let (tag, digest) = (argument(&wire.tag)?, argument(&wire.digest)?);
    let parts = registry.is_some() || repository.is_some() || tag.is_some() || digest.is_some();
    let reference = argument(&wire.reference)?;
    let is_more = parts || reference.is_some();
    let arguments = match reference {
        _ if wire.values.is_some() && is_more => {
            return Err(hint(
                at.wrong("a module has either `values` or the arguments of one image"),
                "write a `[[module]]` entry for each",
            ));
        }
        Some(_) if parts => {
            return Err(hint(
                at.wrong("a module has either `reference` or the parts"),
                "`reference` is for the argument with the whole image",
            ));
        }
        Some(reference) => ModuleArguments::Reference(reference),
        None if wire.values.is_some() => {
            ModuleArguments::Values(patterns(&wire.values, argument_name)?)
        }
        None if tag.is_none() && digest.is_none() && repository.is_none() => {
            return Err(hint(
                at.wrong("the module names no argument"),
                "set `reference`, or `repository` and `tag`, or `values`",
            ));
        }
        None => ModuleArguments::Parts {
            registry,
            repository,
            tag,
            digest,
        },
    };
    Ok(Module {
        source: name_glob(&wire.source)?,
        arguments,
    })
}

fn extra(at: &At<wire::ExtraToml>) -> Checked<ExtraFile> {
    let wire = at.value();
    match (&wire.resource, &wire.env, &wire.file, &wire.path) {
        (Some(resource), Some(env), None, None) => Ok(ExtraFile::Env {
            resource: name_glob(resource)?,
            env: each(env, name_glob)?,
        }),
        (None, None, Some(file), Some(path)) => Ok(ExtraFile::File {
            file: path_glob(file)?,
            path: path.check(|text| dotted(text))?,
        }),
        _ => Err(hint(
            at.wrong("the extra place is not complete"),
            "it has `resource` and `env`, or `file` and `path`",
        )),
    }
}

fn mode(mode: wire::ModeToml) -> Mode {
    match mode {
        wire::ModeToml::Commit => Mode::Commit,
        wire::ModeToml::PullRequest => Mode::PullRequest,
        wire::ModeToml::Off => Mode::Off,
    }
}

/// Sets the modes. One word for all of them makes no commits of bumps: for that they have to be
/// named.
fn modes(wire: Option<wire::Modes>) -> Settings {
    let (adopt, update, bump, rollback) = match wire {
        None => (None, None, None, None),
        Some(wire::Modes::All(all)) => {
            let all = Some(mode(all));
            (all, all, all.filter(|all| *all != Mode::Commit), all)
        }
        Some(wire::Modes::Each(each)) => (
            each.adopt.map(mode),
            each.update.map(mode),
            each.bump.map(mode),
            each.rollback.map(mode),
        ),
    };
    Settings {
        adopt,
        update,
        bump,
        rollback,
        ..Settings::default()
    }
}

/// What a section says of sites: the keys that `[defaults]` and `[[rule]]` share.
fn settings(wire: &wire::SettingsToml) -> Checked<Settings> {
    let exclude = |texts: &[TomlText]| {
        let patterns = each(texts, |text| text.check(|text| TagPatterns::parse(text)));
        patterns.map(TagPatterns)
    };
    Ok(Settings {
        step: wire.step,
        exclude: wire.exclude.map(exclude).transpose()?,
        match_pre_release: wire.match_pre_release,
        automerge: wire.automerge,
        soak: optional(wire.soak, length)?,
        settle: optional(wire.settle, length)?,
        watch: optional(wire.watch, length)?,
        auto_rollback: wire.auto_rollback,
        drift: wire.drift.map(cluster::drift),
        policy: optional(wire.policy, policy)?,
        schedule: optional(wire.schedule, schedule)?,
        assignees: wire.assignees.map(accounts).transpose()?,
        reviewers: wire.reviewers.map(accounts).transpose()?,
        ..modes(wire.mode)
    })
}

/// Logins of accounts of the forge.
fn accounts(wire: &[TomlText]) -> Checked<Arc<[Arc<str>]>> {
    let account = |text: &TomlText| {
        let name = line(text)?;
        let is_name = |c: char| c.is_alphanumeric() || matches!(c, '-' | '_' | '.');
        if name.chars().all(is_name) {
            Ok(name)
        } else {
            let wrong = text.wrong(format!("`{name}` is not the name of an account"));
            Err(hint(wrong, "write it without `@`, as in its address"))
        }
    };
    Ok(each(wire, account)?.into())
}

fn stack_pattern(text: &TomlText) -> Checked<StackPattern> {
    text.check(|text| StackPattern::new(text))
}

fn defaults(wire: &wire::DefaultsToml) -> Checked<Defaults> {
    let budget = wire
        .budget
        .as_ref()
        .map_or(Ok(Defaults::default().budget), cluster::budget)?;
    let batch = |at: &At<u16>| match *at.value() {
        0 => Err(hint(
            at.wrong("0 images are none at all"),
            "write `mode = { adopt = \"off\" }` for that",
        )),
        batch => Ok(usize::from(batch)),
    };
    Ok(Defaults {
        settings: settings(&wire.shared())?,
        budget,
        adopt_batch: wire.adopt_batch.as_ref().map(batch).transpose()?,
    })
}

fn rule(number: usize, wire: &wire::RuleToml) -> Checked<Rule> {
    let settings = Settings {
        group: optional(wire.group.as_ref(), line)?,
        ..settings(&wire.shared())?
    };
    Ok(Rule {
        number,
        matches: matches(&wire.matches)?,
        settings,
        hold: optional(wire.hold.as_ref(), filled)?,
    })
}

fn matches(wire: &wire::MatchToml) -> Checked<Match> {
    let kind = |text: &str| Glob::name(&text.to_lowercase());
    Ok(Match {
        stack: patterns(&wire.stack, StackPattern::new)?,
        file: patterns(&wire.file, Glob::path)?,
        image: patterns(&wire.image, Glob::name)?,
        namespace: patterns(&wire.namespace, Glob::name)?,
        name: patterns(&wire.name, Glob::name)?,
        kind: patterns(&wire.kind, kind)?,
        container: patterns(&wire.container, Glob::name)?,
    })
}

/// One pattern or several; an empty list would match nothing.
fn patterns<T>(
    many: &Option<At<Many>>,
    parse: impl Fn(&str) -> Result<T, String>,
) -> Checked<Vec<T>> {
    match many {
        Some(at) if at.value().0.is_empty() => {
            Err(at.wrong("the list is empty: nothing would match"))
        }
        Some(at) => at
            .value()
            .0
            .iter()
            .map(|text| parse(text).map_err(|what| at.wrong(what)))
            .collect(),
        None => Ok(Vec::new()),
    }
}

fn group(wire: &wire::GroupToml) -> Checked<Group> {
    if wire.sites.is_empty() && wire.stacks.is_empty() && wire.images.is_empty() {
        return Err(hint(
            wire.name
                .wrong(format!("the group `{}` has no members", wire.name.value())),
            "give it `sites`, `stacks` or `images`",
        ));
    }
    Ok(Group {
        name: line(&wire.name)?,
        sites: each(&wire.sites, name_glob)?,
        stacks: each(&wire.stacks, stack_pattern)?,
        images: each(&wire.images, name_glob)?,
    })
}

fn hold(number: usize, at: &At<wire::HoldToml>) -> Checked<HoldEntry> {
    let wire = at.value();
    if wire.site.is_none() && wire.image.is_none() && wire.stack.is_none() {
        return Err(hint(
            at.wrong("the hold does not name what it holds"),
            "give it `site`, `image` or `stack`",
        ));
    }
    let hold = Hold {
        until: optional(wire.until.as_ref(), |text| {
            text.check(|text| parse_until(text))
        })?,
        by: optional(wire.by.as_ref(), filled)?,
        because: Some(filled(&wire.because)?),
    };
    Ok(HoldEntry {
        number,
        site: patterns(&wire.site, Glob::name)?,
        image: optional(wire.image.as_ref(), name_glob)?,
        stack: optional(wire.stack.as_ref(), stack_pattern)?,
        hold,
    })
}

fn registry(wire: &wire::RegistryToml) -> Checked<Registry> {
    let endpoint = optional(wire.endpoint.as_ref(), url)?;
    let rate = wire.requests_per_second.as_ref();
    let positive = |n: &f64| {
        if n.is_finite() && *n > 0.0 {
            Ok(*n)
        } else {
            Err(format!("{n} requests a second is not a rate"))
        }
    };
    let some = |n: &u16| {
        if *n > 0 {
            Ok(usize::from(*n))
        } else {
            Err("no request could be made".into())
        }
    };
    Ok(Registry {
        host: host(&wire.host)?,
        endpoint,
        plain_http: wire.plain_http,
        ca_file: optional(wire.ca_file.as_ref(), filled)?,
        max_concurrency: wire
            .max_concurrency
            .as_ref()
            .map(|at| at.check(some))
            .transpose()?,
        requests_per_second: rate.map(|at| at.check(positive)).transpose()?,
        redirects: wire
            .redirects
            .iter()
            .map(redirect_host)
            .collect::<Checked<_>>()?,
    })
}

/// A host with or without a port, as an address has it; `.example.com` stands for every host below.
fn redirect_host(text: &TomlText) -> Checked<Arc<str>> {
    let host = filled(text)?;
    let is_host = !host.contains(|c: char| c.is_whitespace() || matches!(c, '/' | '@' | '?' | '*'));
    if is_host {
        Ok(host)
    } else {
        Err(text.wrong("it is not a host, such as `images.example.com` or `10.0.0.1:5000`"))
    }
}

/// The longest prefix of a subject, of which 72 characters are shown in many places.
const LONGEST_PREFIX: usize = 30;

fn subject_prefix(text: &TomlText) -> Checked<Arc<str>> {
    let prefix = line(text)?;
    if prefix.chars().count() > LONGEST_PREFIX {
        return Err(text.wrong(format!("a prefix has at most {LONGEST_PREFIX} characters")));
    }
    Ok(prefix)
}

fn git(wire: &wire::GitToml) -> Checked<Git> {
    let built_in = Git::default();
    let author = |text: &TomlText| {
        let value = line(text)?;
        if value.contains(['<', '>']) {
            Err(text.wrong("the name or address of an author has no `<` or `>`"))
        } else {
            Ok(value)
        }
    };
    Ok(Git {
        branch: optional(wire.branch.as_ref(), |text| {
            let name = filled(text)?;
            Ok(name
                .strip_prefix("refs/heads/")
                .map_or(name.clone(), Into::into))
        })?,
        author_name: optional(wire.author_name.as_ref(), author)?.unwrap_or(built_in.author_name),
        author_email: optional(wire.author_email.as_ref(), author)?
            .unwrap_or(built_in.author_email),
        sign_off: wire.sign_off.unwrap_or(built_in.sign_off),
        subject_prefix: optional(wire.subject_prefix.as_ref(), subject_prefix)?,
    })
}

fn pipeline(wire: &wire::PipelineToml) -> Checked<PipelineConfig> {
    let built_in = PipelineConfig::default();
    Ok(PipelineConfig {
        wait: wire.wait.unwrap_or(built_in.wait),
        timeout: optional(wire.timeout.as_ref(), length)?.unwrap_or(built_in.timeout),
        contexts: each(&wire.contexts, path_glob)?,
    })
}
