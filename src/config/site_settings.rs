//! Which settings hold for a site, and who set each: directives, annotations, rules, defaults.
//! Reads the repo's text and the configuration, no registry and no cluster; what the cluster says
//! is handed in.

use super::{Config, Group, HoldEntry, Match, image_matches};
use crate::model::choice::PolicyScope;
use crate::model::directive::{self, Directive};
use crate::model::hold::Hold;
use crate::model::keel::{MATCH_PRE_RELEASE, NEVER, POLICY, SCHEDULE};
use crate::model::pattern::{Glob, StackPattern};
use crate::model::policy::Policy;
use crate::model::reference::{Channel, Tag};
use crate::model::schedule::Schedule;
use crate::model::settings::{Layer, Mode, ResolvedSettings, Setting, Settings};
use crate::model::tag::Class;
use crate::model::workload::WorkloadKind;
use crate::sites::resource::MARK;
use crate::sites::stacks::StackMatch;
use crate::sites::{Comment, Literal, Scan, Site, StackId, Use};
use crate::terraform::files::RepoPath;
use std::collections::{BTreeMap, BTreeSet};
use std::ops::Deref;
use std::sync::Arc;

/// All that is said about one site, resolved.
#[derive(Clone, Debug, PartialEq)]
pub struct SiteSettings {
    pub resolved: ResolvedSettings,
    /// Directives, annotations and entries that cannot be read or contradict each other: sentences.
    pub errors: Vec<String>,
    /// Entries of the configuration whose short name of a stack could mean one of the site's.
    pub ambiguous: Vec<AmbiguousEntry>,
    pub denied: Option<Denied>,
    /// Variables that a file which cannot be read may set: `var.image_tag`, and the file.
    pub unsure: Option<(Arc<str>, RepoPath)>,
    /// Variables that a var-file sets which nothing loads or names.
    pub unnamed: Option<(Arc<str>, RepoPath)>,
    /// The Job that would run again, where nothing in the repo says that it may.
    pub rerun: Option<Arc<str>>,
    /// Comments that forbid a change.
    pub locks: Vec<Comment>,
    /// All holds, whether or not they have ended.
    pub holds: Vec<Setting<Hold>>,
    pub class: Class,
    /// Whether the pin follows its channel.
    pub follows: bool,
    pub channel: Option<Channel>,
    /// The channel as declared: `repo:tag`.
    pub image: String,
}

impl Deref for SiteSettings {
    type Target = ResolvedSettings;

    fn deref(&self) -> &ResolvedSettings {
        &self.resolved
    }
}

/// An entry that names a stack by a short name that several stacks have.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AmbiguousEntry {
    /// `[[hold]] 2`
    pub entry: String,
    pub name: Arc<str>,
    pub stacks: Vec<StackId>,
}

/// The `[deny]` entry that names a stack of the site.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Denied {
    pub stack: Arc<str>,
    pub pattern: Arc<str>,
}

/// What the cluster says of a site beside the text.
#[derive(Clone, Debug, Default)]
pub struct LiveAnnotations {
    pub policies: Vec<Annotation>,
    pub schedules: Vec<Annotation>,
    pub pre_releases: Vec<Annotation>,
}

/// What one workload says under a key of Keel's.
#[derive(Clone, Debug)]
pub struct Annotation {
    pub value: Arc<str>,
    pub source: String,
    pub is_live: bool,
}

/// What has to be known of the whole scan before one site's settings can be resolved.
pub struct Resolver<'a> {
    scan: &'a Scan,
    config: &'a Config,
    /// How first pins and updates are written where nothing says it.
    usual: Mode,
    /// The containers of the sites that a comment stands beside.
    beside: BTreeMap<(&'a RepoPath, usize), BTreeSet<&'a str>>,
}

impl<'a> Resolver<'a> {
    pub fn new(scan: &'a Scan, config: &'a Config, usual: Mode) -> Self {
        let mut beside: BTreeMap<_, BTreeSet<&str>> = BTreeMap::new();
        for (literal, site) in scan.sites() {
            for comment in &site.comments {
                let names = literal
                    .uses
                    .iter()
                    .filter_map(|used| used.holder.name())
                    .map(|name| &**name);
                beside
                    .entry((&comment.file, comment.line))
                    .or_default()
                    .extend(names);
            }
        }
        Self {
            scan,
            config,
            usual,
            beside,
        }
    }

    /// Resolves from the text alone.
    pub fn resolve(&self, literal: &Literal, site: &Site) -> SiteSettings {
        self.resolve_with(literal, site, |_| LiveAnnotations::default())
    }

    /// Resolves; `live` is asked for what the cluster says, and told whether a directive sets the
    /// policy already.
    pub fn resolve_with(
        &self,
        literal: &Literal,
        site: &Site,
        live: impl FnOnce(bool) -> LiveAnnotations,
    ) -> SiteSettings {
        let mut errors = Vec::new();
        let (directives, directive_holds) = self.directives(literal, site, &mut errors);
        let mut layers = directives;
        let directed = layers.iter().any(|layer| layer.settings.policy.is_some());
        layers.extend(annotation_layers(
            live(directed),
            site,
            &layers,
            &mut errors,
        ));
        let rules = self
            .config
            .rules
            .iter()
            .filter(|rule| self.matches(&rule.matches, literal, site));
        let rule_holds: Vec<Setting<Hold>> = rules.clone().filter_map(rule_hold).collect();
        layers.extend(rules.map(|rule| Layer {
            source: rule_name(rule.number),
            is_live: false,
            settings: rule.settings.clone(),
        }));
        let rerun = rerun_job(literal, &layers);
        layers.push(Layer {
            source: "[defaults]".into(),
            is_live: false,
            settings: self.config.defaults.settings.clone(),
        });
        let usual = Settings {
            adopt: Some(self.usual),
            update: Some(self.usual),
            ..Settings::default()
        };
        layers.push(Layer {
            source: "built in".into(),
            is_live: false,
            settings: usual,
        });
        let mut resolved = ResolvedSettings::resolve(&layers);
        if let Some(group) = self
            .config
            .groups
            .iter()
            .find(|group| self.is_member(group, site))
        {
            resolved.group = Some(Setting {
                value: group.name.clone(),
                source: format!("[[group]] {}", group.name).into(),
            });
        }
        let (channel, is_named) = channel(&resolved, site, &mut errors);
        let class = Class::of(
            channel
                .as_ref()
                .map(|channel| &*channel.tag)
                .or(site.image.tag.as_deref()),
        );
        let entries = self
            .config
            .holds
            .iter()
            .filter(|entry| self.holds(entry, site));
        let entry_holds = entries.map(|entry| Setting {
            value: entry.hold.clone(),
            source: format!("[[hold]] {}", entry.number).into(),
        });
        SiteSettings {
            follows: resolved
                .policy
                .as_ref()
                .map_or(class.floats() || is_named, |policy| {
                    follows_digest(&policy.value, class, channel.as_ref())
                }),
            ambiguous: self.ambiguous(site),
            denied: self.denied(site),
            unsure: site.unsure.first().cloned(),
            unnamed: site.unnamed.first().cloned(),
            rerun,
            locks: self.locks(site),
            holds: directive_holds
                .into_iter()
                .chain(rule_holds)
                .chain(entry_holds)
                .collect(),
            image: declared(site, channel.as_ref()),
            class,
            channel,
            errors,
            resolved,
        }
    }

    /// The directives for this site, those that name its container first, as layers and holds.
    fn directives(
        &self,
        literal: &Literal,
        site: &Site,
        errors: &mut Vec<String>,
    ) -> (Vec<Layer>, Vec<Setting<Hold>>) {
        let mut found = Vec::new();
        for comment in &site.comments {
            let place = format!("{}:{}", comment.file, comment.line);
            match directive::parse(&comment.text) {
                None => {}
                Some(Err(why)) => errors.push(format!("{why} ({place})")),
                Some(Ok(all)) => {
                    let known = self.beside.get(&(&comment.file, comment.line));
                    for directive in all {
                        match is_for(&directive, literal, known) {
                            Ok(true) => {
                                found.push((directive, format!("the directive at {place}")))
                            }
                            Ok(false) => {}
                            Err(why) => errors.push(format!("{why} ({place})")),
                        }
                    }
                }
            }
        }
        found.sort_by_key(|(directive, _)| directive.container.is_none());
        let (mut layers, mut holds) = (Vec::new(), Vec::new());
        for (directive, source) in found {
            let Directive {
                policy,
                step,
                match_pre_release,
                exclude,
                channel,
                hold,
                schedule,
                settle,
                ..
            } = directive;
            let source: Arc<str> = source.into();
            holds.extend(hold.map(|value| Setting {
                value,
                source: source.clone(),
            }));
            layers.push(Layer {
                source,
                is_live: false,
                settings: Settings {
                    policy,
                    step,
                    match_pre_release,
                    exclude,
                    channel,
                    schedule,
                    settle,
                    ..Settings::default()
                },
            });
        }
        (layers, holds)
    }

    /// Says whether a directive of a comment that the site has is for it.
    pub fn covers(&self, directive: &Directive, comment: &Comment, literal: &Literal) -> bool {
        is_for(
            directive,
            literal,
            self.beside.get(&(&comment.file, comment.line)),
        ) == Ok(true)
    }

    /// Says whether a pattern names one of the site's stacks. What it could name counts: a hold or
    /// a denial is rather too wide than too narrow.
    fn names_stack(&self, pattern: &StackPattern, site: &Site) -> bool {
        !self
            .scan
            .stacks
            .matching(pattern)
            .ids()
            .is_disjoint(&site.stacks)
    }

    fn denied(&self, site: &Site) -> Option<Denied> {
        self.config.deny.iter().find_map(|pattern| {
            let named = self.scan.stacks.matching(pattern);
            let stack = named.ids().intersection(&site.stacks).next()?;
            Some(Denied {
                stack: stack.to_string().into(),
                pattern: pattern.as_str().into(),
            })
        })
    }

    /// The entries with a short name that could mean one of the site's stacks and another one.
    fn ambiguous(&self, site: &Site) -> Vec<AmbiguousEntry> {
        let unclear = self.stack_patterns().filter_map(|(entry, pattern)| {
            match self.scan.stacks.matching(pattern) {
                StackMatch::Ambiguous(stacks) if !stacks.is_disjoint(&site.stacks) => {
                    Some(AmbiguousEntry {
                        entry,
                        name: pattern.as_str().into(),
                        stacks: stacks.into_iter().collect(),
                    })
                }
                _ => None,
            }
        });
        unclear.collect()
    }

    /// Every entry of the configuration that names stacks.
    pub fn stack_patterns(&self) -> impl Iterator<Item = (String, &'a StackPattern)> {
        let Config {
            deny,
            rules,
            groups,
            holds,
            ..
        } = self.config;
        let deny = deny.iter().map(|pattern| ("[deny]".to_owned(), pattern));
        let rules = rules.iter().flat_map(|rule| {
            rule.matches
                .stack
                .iter()
                .map(|pattern| (rule_name(rule.number).to_string(), pattern))
        });
        let groups = groups.iter().flat_map(|group| {
            group
                .stacks
                .iter()
                .map(|pattern| (format!("[[group]] {}", group.name), pattern))
        });
        let holds = holds.iter().filter_map(|entry| {
            Some((format!("[[hold]] {}", entry.number), entry.stack.as_ref()?))
        });
        deny.chain(rules).chain(groups).chain(holds)
    }

    fn locks(&self, site: &Site) -> Vec<Comment> {
        let comments = site
            .comments
            .iter()
            .filter(|comment| directive::parse(&comment.text).is_none());
        comments
            .filter(|comment| {
                self.config
                    .do_not_bump
                    .iter()
                    .any(|words| words.found_in(&comment.text))
            })
            .cloned()
            .collect()
    }

    /// Says whether a `[[hold]]` holds the site.
    pub fn holds(&self, entry: &HoldEntry, site: &Site) -> bool {
        (entry.site.is_empty() || names_site(&entry.site, site))
            && entry
                .image
                .as_ref()
                .is_none_or(|glob| image_matches(std::slice::from_ref(glob), &site.image))
            && entry
                .stack
                .as_ref()
                .is_none_or(|pattern| self.names_stack(pattern, site))
    }

    /// Says whether a site is a member of a `[[group]]`.
    pub fn is_member(&self, group: &Group, site: &Site) -> bool {
        names_site(&group.sites, site)
            || group
                .stacks
                .iter()
                .any(|pattern| self.names_stack(pattern, site))
            || image_matches(&group.images, &site.image)
    }

    /// Says whether a `[[rule]]` is for the site: every part that is given matches, those about
    /// workloads on one use.
    pub fn matches(&self, wanted: &Match, literal: &Literal, site: &Site) -> bool {
        let any = |globs: &[Glob], text: &str| {
            globs.is_empty() || globs.iter().any(|glob| glob.matches(text))
        };
        let part = |globs: &[Glob], text: Option<&str>| {
            globs.is_empty() || text.is_some_and(|text| any(globs, text))
        };
        let workload = |used: &Use| {
            part(&wanted.namespace, used.namespace.as_deref())
                && part(&wanted.name, used.name.as_deref())
                && part(&wanted.kind, Some(used.kind.as_str()))
                && part(&wanted.container, used.holder.name().map(|name| &**name))
        };
        let no_workload = [
            &wanted.namespace,
            &wanted.name,
            &wanted.kind,
            &wanted.container,
        ]
        .iter()
        .all(|globs| globs.is_empty());
        (wanted.stack.is_empty()
            || wanted
                .stack
                .iter()
                .any(|pattern| self.names_stack(pattern, site)))
            && any(&wanted.file, literal.file.as_str())
            && (wanted.image.is_empty() || image_matches(&wanted.image, &site.image))
            && (no_workload || literal.uses.iter().any(workload))
    }
}

/// Says whether one of the globs matches the id of a site, one of its aliases, or the name that
/// older versions gave it.
pub fn names_site(globs: &[Glob], site: &Site) -> bool {
    globs.iter().any(|glob| {
        glob.matches(site.id.as_str())
            || site.aliases.iter().any(|alias| glob.matches(alias))
            || site
                .older_names()
                .any(|older| glob.matches(&older) || is_numbered(glob.as_str(), &older))
    })
}

/// Older versions told sites of one name in a file apart by a number: `main.tf#pod/a/b:c~2`. All of
/// them are meant: holding one too many is safe.
fn is_numbered(text: &str, older: &str) -> bool {
    let number = text
        .strip_prefix(older)
        .and_then(|rest| rest.strip_prefix('~'));
    number.is_some_and(|number| number.parse::<u32>().is_ok())
}

/// Says whether a site with a policy follows the digest of its tag, besides newer tags if it
/// chooses among them: what floats by its nature is not left behind where no newer tag is found.
fn follows_digest(policy: &Policy, class: Class, channel: Option<&Channel>) -> bool {
    let scope = channel.map(|channel| PolicyScope::of(policy, &channel.tag));
    match scope {
        Some(PolicyScope::Digest) => true,
        Some(PolicyScope::List) => class.floats(),
        Some(PolicyScope::Nothing) => false,
        None => *policy == Policy::Force,
    }
}

fn rule_name(number: usize) -> Arc<str> {
    format!("[[rule]] {number}").into()
}

fn rule_hold(rule: &super::Rule) -> Option<Setting<Hold>> {
    let because = rule.hold.clone()?;
    Some(Setting {
        value: Hold {
            because: Some(because),
            ..Hold::default()
        },
        source: rule_name(rule.number),
    })
}

fn is_for(
    directive: &Directive,
    literal: &Literal,
    known: Option<&BTreeSet<&str>>,
) -> Result<bool, String> {
    let Some(name) = directive.container.as_deref() else {
        return Ok(true);
    };
    if literal
        .uses
        .iter()
        .any(|used| used.holder.name().is_some_and(|own| **own == *name))
    {
        return Ok(true);
    }
    match known {
        Some(known) if known.contains(name) => Ok(false),
        _ => Err(format!(
            "the directive names container `{name}`, which is not here"
        )),
    }
}

/// A Job's pod template cannot be changed: Terraform replaces the Job, and it runs again. Only a
/// policy in the repo allows that, not one that something stamped on all workloads of the cluster.
fn rerun_job(literal: &Literal, layers: &[Layer]) -> Option<Arc<str>> {
    let job = literal
        .uses
        .iter()
        .find(|used| used.kind == WorkloadKind::Job)?;
    let allowed = layers
        .iter()
        .any(|layer| !layer.is_live && layer.settings.policy == Some(Policy::Force));
    (!allowed).then(|| job.name.clone().unwrap_or_else(|| "?".into()))
}

/// Returns the channel to follow, and whether a directive named it.
fn channel(
    resolved: &ResolvedSettings,
    site: &Site,
    errors: &mut Vec<String>,
) -> (Option<Channel>, bool) {
    let declared = site.image.channel();
    let Some(named) = &resolved.channel else {
        return (declared, false);
    };
    match &declared {
        Some(channel) if channel.tag != named.value => {
            errors.push(format!(
                "{} names the channel `{}`, but the image has `{}`",
                named.source, named.value, channel.tag
            ));
            (declared, false)
        }
        _ => (
            Some(site.image.repository().channel(named.value.clone())),
            true,
        ),
    }
}

fn declared(site: &Site, channel: Option<&Channel>) -> String {
    match channel {
        Some(Channel { tag, .. }) => image_with(site, tag),
        None => site.image.name.to_string(),
    }
}

/// The site's image under a tag, as it is written: `nginx:1.29`.
pub fn image_with(site: &Site, tag: &Tag) -> String {
    format!("{}:{tag}", site.image.name)
}

/// What the annotations say that nobody said before: those that the repo declares, then those of
/// the cluster.
fn annotation_layers(
    live: LiveAnnotations,
    site: &Site,
    said: &[Layer],
    errors: &mut Vec<String>,
) -> Vec<Layer> {
    let mut policies = declared_annotations(site, POLICY, POLICY);
    if policies.is_empty() {
        policies = declared_annotations(site, MARK, POLICY);
    }
    if !said.iter().any(|layer| layer.settings.policy.is_some()) {
        policies.extend(live.policies);
    }
    let mut schedules = declared_annotations(site, SCHEDULE, SCHEDULE);
    if schedules.is_empty() && !said.iter().any(|layer| layer.settings.schedule.is_some()) {
        schedules.extend(live.schedules);
    }
    let mut pre_releases = declared_annotations(site, MATCH_PRE_RELEASE, MATCH_PRE_RELEASE);
    let is_said = |layer: &Layer| layer.settings.match_pre_release.is_some();
    if pre_releases.is_empty() && !said.iter().any(is_said) {
        pre_releases.extend(live.pre_releases);
    }
    let mut layers = Vec::new();
    if let Some(word) = agreed(pre_releases, MATCH_PRE_RELEASE, errors) {
        // Keel takes any other value for false.
        let value = &*word.value == "true";
        layers.push(layer(
            word,
            Settings {
                match_pre_release: Some(value),
                ..Settings::default()
            },
        ));
    }
    if let Some(word) = agreed(policies, POLICY, errors) {
        match Policy::parse(&word.value) {
            Ok(policy) => layers.push(layer(
                word,
                Settings {
                    policy: Some(policy),
                    ..Settings::default()
                },
            )),
            Err(why) => errors.push(format!("{why} ({})", word.source)),
        }
    }
    if let Some(word) = agreed(schedules, SCHEDULE, errors) {
        match Schedule::parse(&word.value) {
            Ok(schedule) => layers.push(layer(
                word,
                Settings {
                    schedule: Some(schedule),
                    ..Settings::default()
                },
            )),
            Err(why) => errors.push(format!("{why} ({})", word.source)),
        }
    }
    layers
}

fn layer(word: Annotation, settings: Settings) -> Layer {
    Layer {
        source: word.source.into(),
        is_live: word.is_live,
        settings,
    }
}

/// What is declared in Terraform on the owners of the uses. `name` is what people know the key by.
fn declared_annotations(site: &Site, key: &str, name: &str) -> Vec<Annotation> {
    let own = site
        .keel
        .annotations
        .iter()
        .filter(|(own, _)| &**own == key);
    own.map(|(_, value)| Annotation {
        value: value.clone(),
        source: format!("the annotation {name}"),
        is_live: false,
    })
    .collect()
}

/// Returns the word that all workloads say; where they disagree, `never` if one of them says it.
fn agreed(words: Vec<Annotation>, key: &str, errors: &mut Vec<String>) -> Option<Annotation> {
    let values: BTreeSet<Arc<str>> = words.iter().map(|word| word.value.clone()).collect();
    let is_never = |word: &Annotation| key == POLICY && &*word.value == NEVER;
    if values.len() > 1 && !words.iter().any(is_never) {
        let all: Vec<_> = values.iter().map(|value| format!("`{value}`")).collect();
        errors.push(format!(
            "the workloads that use the image disagree: {key} is {}",
            all.join(" and ")
        ));
        return None;
    }
    words
        .into_iter()
        .find(|word| values.len() < 2 || is_never(word))
}
