//! Which terms hold for a site: its policy, its channel, its gates, and who said so. Reads no registry's answer.

mod annotations;

use crate::config::{self, Config, Defaults, Drift, HoldEntry, Match, Mode, Modes, Rule};
use crate::model::directive::{self, Directive};
use crate::model::hold::Hold;
use crate::model::policy::Policy;
use crate::model::reference::Channel;
use crate::model::schedule::Schedule;
use crate::model::tag::Class;
use crate::pipeline::Snapshot;
use crate::sites::{Comment, Literal, Scan, Site, Use};
use crate::terraform::files::RepoPath;
use annotations::Stamps;
use jiff::SignedDuration;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// A value and who said it.
#[derive(Clone, Debug)]
pub(super) struct Setting<T> {
    pub value: T,
    pub from: String,
}

/// All that was said about one site, settled.
#[derive(Clone, Debug)]
pub(super) struct Terms {
    /// Directives and annotations that could not be read: sentences.
    pub wrong: Vec<String>,
    pub denied: Option<String>,
    /// Why nobody knows whether the literal decides.
    pub unsure: Option<String>,
    /// Why nobody knows whether the cluster says `never`: a sentence. Whatever is not to move does not need it.
    pub unread: Option<String>,
    /// Why a change would run something again, where nobody said that it may.
    pub replaced: Option<String>,
    /// Comments that forbid a change: sentences.
    pub locks: Vec<String>,
    pub holds: Vec<Setting<Hold>>,
    /// `None`: nobody said anything, and the tag is not one that floats.
    pub policy: Option<Setting<Policy>>,
    pub class: Class,
    /// Whether the pin goes where the channel goes.
    pub follows: bool,
    pub channel: Option<Channel>,
    /// The channel as declared: `repo:tag`.
    pub image: String,
    pub adopt: Setting<Mode>,
    pub follow: Setting<Mode>,
    pub rollback: Setting<Mode>,
    pub automerge: Setting<bool>,
    pub soak: Setting<SignedDuration>,
    pub schedule: Option<Setting<Schedule>>,
    pub settle: Setting<SignedDuration>,
    /// How long after a digest went live its failure is its own.
    pub watch: Setting<SignedDuration>,
    pub auto_rollback: Setting<bool>,
    pub drift: Setting<Drift>,
    pub group: Option<Arc<str>>,
}

/// What one source says; the first that speaks wins, for each field on its own.
#[derive(Default)]
struct Layer {
    from: String,
    /// Nobody wrote it in the repo.
    live: bool,
    policy: Option<Policy>,
    channel: Option<Arc<str>>,
    modes: Modes,
    schedule: Option<Schedule>,
    settle: Option<SignedDuration>,
    automerge: Option<bool>,
    soak: Option<SignedDuration>,
    watch: Option<SignedDuration>,
    auto_rollback: Option<bool>,
    drift: Option<Drift>,
    hold: Option<Hold>,
    group: Option<Arc<str>>,
}

/// What has to be known of the whole scan before one site's terms can be told.
pub(super) struct Select<'a> {
    config: &'a Config,
    /// How updates travel where nobody says anything.
    usual: Mode,
    /// Where the cluster is asked too.
    live: Option<Stamps<'a>>,
    /// The containers of the sites that a comment stands beside.
    beside: BTreeMap<(&'a RepoPath, usize), BTreeSet<&'a str>>,
}

impl<'a> Select<'a> {
    pub fn new(scan: &'a Scan, config: &'a Config, usual: Mode) -> Self {
        let mut beside: BTreeMap<_, BTreeSet<&str>> = BTreeMap::new();
        for (literal, site) in scan.sites() {
            for comment in &site.comments {
                let names = literal.uses.iter().filter_map(|used| used.container.as_deref());
                beside.entry((&comment.file, comment.line)).or_default().extend(names);
            }
        }
        Self { config, usual, live: None, beside }
    }

    /// With what the cluster says beside the text.
    pub fn of(snapshot: &'a Snapshot) -> Self {
        Self { live: Some(Stamps::new(snapshot)), ..Self::new(&snapshot.scan, &snapshot.config, super::usual(snapshot)) }
    }

    pub fn terms(&self, literal: &Literal, site: &Site) -> Terms {
        let mut wrong = Vec::new();
        let mut layers = self.directives(literal, site, &mut wrong);
        let directed = layers.iter().any(|layer| layer.policy.is_some());
        let live = self.live.as_ref();
        let unread = live.filter(|_| !directed).and_then(|live| live.unread(literal, site));
        layers.extend(annotations::layers(live, literal, site, &layers, &mut wrong));
        let rules = self.config.rules.iter().filter(|rule| rule_matches(&rule.matches, literal, site));
        layers.extend(rules.map(rule));
        let replaced = replaced(literal, &layers);
        layers.extend(self.defaults());
        let (channel, named) = channel(&layers, site, &mut wrong);
        let class = Class::of(channel.as_ref().map(|channel| &*channel.tag).or(site.image.tag.as_deref()));
        let policy = first(&layers, |layer| layer.policy.clone());
        Terms {
            follows: policy.as_ref().map_or(class.floats() || named, |policy| policy.value == Policy::Force),
            denied: self.denied(site),
            replaced,
            unsure: unsure(site),
            unread,
            locks: self.locks(site),
            holds: self.holds(&layers, site),
            adopt: first(&layers, |layer| layer.modes.adopt).unwrap_or_else(|| built_in(self.usual)),
            follow: first(&layers, |layer| layer.modes.follow).unwrap_or_else(|| built_in(self.usual)),
            rollback: first(&layers, |layer| layer.modes.rollback).unwrap_or_else(|| built_in(Mode::Commit)),
            automerge: first(&layers, |layer| layer.automerge).unwrap_or_else(|| built_in(false)),
            soak: first(&layers, |layer| layer.soak).unwrap_or_else(|| built_in(self.config.defaults.soak)),
            schedule: first(&layers, |layer| layer.schedule.clone()),
            settle: first(&layers, |layer| layer.settle).unwrap_or_else(|| built_in(self.config.defaults.settle)),
            watch: first(&layers, |layer| layer.watch).unwrap_or_else(|| built_in(self.config.defaults.watch)),
            auto_rollback: first(&layers, |layer| layer.auto_rollback).unwrap_or_else(|| built_in(true)),
            drift: first(&layers, |layer| layer.drift).unwrap_or_else(|| built_in(Drift::Report)),
            group: self.group(&layers, site),
            image: declared(site, channel.as_ref()),
            wrong,
            policy,
            class,
            channel,
        }
    }

    /// Two layers, so that what the file says is told apart from what holds without it.
    fn defaults(&self) -> [Layer; 2] {
        let (said, built_in) = (&self.config.defaults, Defaults::default());
        let own = Layer {
            from: "[defaults]".into(),
            policy: said.policy.clone(),
            modes: said.modes,
            automerge: said.automerge,
            soak: Some(said.soak).filter(|soak| *soak != built_in.soak),
            schedule: said.schedule.clone(),
            settle: Some(said.settle).filter(|settle| *settle != built_in.settle),
            watch: Some(said.watch).filter(|watch| *watch != built_in.watch),
            auto_rollback: said.auto_rollback,
            drift: said.drift,
            ..Layer::default()
        };
        let rest = Layer { from: "built in".into(), settle: Some(built_in.settle), ..Layer::default() };
        [own, rest]
    }

    /// The directives for this site, those that name its container first.
    fn directives(&self, literal: &Literal, site: &Site, wrong: &mut Vec<String>) -> Vec<Layer> {
        let mut found = Vec::new();
        for comment in &site.comments {
            let place = format!("{}:{}", comment.file, comment.line);
            match directive::parse(&comment.text) {
                None => {}
                Some(Err(why)) => wrong.push(format!("{why} ({place})")),
                Some(Ok(all)) => {
                    let known = self.beside.get(&(&comment.file, comment.line));
                    for directive in all {
                        match self.is_for(&directive, literal, known) {
                            Ok(true) => found.push((directive, format!("the directive at {place}"))),
                            Ok(false) => {}
                            Err(why) => wrong.push(format!("{why} ({place})")),
                        }
                    }
                }
            }
        }
        found.sort_by_key(|(directive, _)| directive.container.is_none());
        found.into_iter().map(|(directive, from)| layer_of(directive, from)).collect()
    }

    fn is_for(&self, directive: &Directive, literal: &Literal, known: Option<&BTreeSet<&str>>) -> Result<bool, String> {
        let Some(name) = directive.container.as_deref() else { return Ok(true) };
        if literal.uses.iter().any(|used| used.container.as_deref() == Some(name)) {
            return Ok(true);
        }
        match known {
            Some(known) if known.contains(name) => Ok(false),
            _ => Err(format!("the directive names the container `{name}`, which is not here")),
        }
    }

    /// Says whether a directive of a comment that the site has is for it.
    pub fn covers(&self, directive: &Directive, comment: &Comment, literal: &Literal) -> bool {
        self.is_for(directive, literal, self.beside.get(&(&comment.file, comment.line))) == Ok(true)
    }

    fn denied(&self, site: &Site) -> Option<String> {
        let glob = self.config.deny.iter().find(|glob| glob.matches(&site.stack))?;
        Some(format!("the stack {} is on the deny list (`{}`)", site.stack, glob.as_str()))
    }

    fn locks(&self, site: &Site) -> Vec<String> {
        let comments = site.comments.iter().filter(|comment| directive::parse(&comment.text).is_none());
        let locking = comments.filter(|comment| self.config.do_not_bump.iter().any(|words| words.found_in(&comment.text)));
        locking.map(|comment| format!("the comment at {}:{} says “{}”", comment.file, comment.line, quoted(&comment.text))).collect()
    }

    /// All holds, whether or not they have ended.
    fn holds(&self, layers: &[Layer], site: &Site) -> Vec<Setting<Hold>> {
        let said = layers.iter().filter_map(|layer| Some(Setting { value: layer.hold.clone()?, from: layer.from.clone() }));
        let entries = self.config.holds.iter().filter(|entry| entry_matches(entry, site));

        said.chain(entries.map(|entry| Setting { value: entry.hold.clone(), from: format!("[[hold]] {}", entry.number) })).collect()
    }

    fn group(&self, layers: &[Layer], site: &Site) -> Option<Arc<str>> {
        let member = |group: &&config::Group| {
            group.sites.iter().any(|glob| glob.matches(&site.key.0))
                || group.stacks.iter().any(|glob| glob.matches(&site.stack))
                || config::image_matches(&group.images, &site.image)
        };
        let named = self.config.groups.iter().find(member).map(|group| group.name.clone());
        named.or_else(|| layers.iter().find_map(|layer| layer.group.clone()))
    }
}

/// An encrypted var-file could set the variable: then the literal decides nothing, and a pin there would say what is not so.
fn unsure(site: &Site) -> Option<String> {
    let (name, file) = site.unsure.first()?;
    Some(format!("{file} cannot be read and may set {name}; if it sets no image, say so: `[scan] without_images = [\"{file}\"]`"))
}

/// A Job's pod template cannot be changed: Terraform replaces the Job, and it runs again. Only a policy of its own allows that, not
/// one that something stamped on all workloads.
fn replaced(literal: &Literal, layers: &[Layer]) -> Option<String> {
    let job = literal.uses.iter().find(|used| &*used.kind == "job")?;
    let allowed = layers.iter().any(|layer| !layer.live && layer.policy == Some(Policy::Force));
    let name = job.name.as_deref().unwrap_or("?");
    (!allowed).then(|| {
        format!("terraform replaces the job {name} when its image changes, and it runs again; the policy `force` on it allows that")
    })
}

fn first<T>(layers: &[Layer], get: impl Fn(&Layer) -> Option<T>) -> Option<Setting<T>> {
    layers.iter().find_map(|layer| Some(Setting { value: get(layer)?, from: layer.from.clone() }))
}

/// Returns a comment's text on one line, shortened.
fn quoted(text: &str) -> String {
    let words = text.split_whitespace().collect::<Vec<_>>().join(" ");
    if words.chars().count() <= 100 { words } else { words.chars().take(99).chain(['…']).collect() }
}

fn built_in<T>(value: T) -> Setting<T> {
    Setting { value, from: "built in".into() }
}

fn layer_of(directive: Directive, from: String) -> Layer {
    let Directive { policy, channel, hold, schedule, settle, .. } = directive;
    Layer { from, policy, channel, hold, schedule, settle, ..Layer::default() }
}

fn rule(rule: &Rule) -> Layer {
    Layer {
        from: format!("[[rule]] {}", rule.number),
        policy: rule.policy.clone(),
        modes: rule.modes,
        automerge: rule.automerge,
        soak: rule.soak,
        schedule: rule.schedule.clone(),
        settle: rule.settle,
        watch: rule.watch,
        auto_rollback: rule.auto_rollback,
        drift: rule.drift,
        hold: rule.hold.as_ref().map(|because| Hold { because: Some(because.clone()), ..Hold::default() }),
        group: rule.group.clone(),
        ..Layer::default()
    }
}

/// Returns the channel to follow, and whether a directive named it.
fn channel(layers: &[Layer], site: &Site, wrong: &mut Vec<String>) -> (Option<Channel>, bool) {
    let declared = site.image.channel();
    let Some(named) = first(layers, |layer| layer.channel.clone()) else { return (declared, false) };
    match &declared {
        Some(channel) if channel.tag == named.value => {}
        Some(channel) => {
            wrong.push(format!("{} names the channel `{}`, but the image says `{}`", named.from, named.value, channel.tag));
            return (declared, false);
        }
        None => {}
    }
    let (registry, repository) = site.image.repository();
    (Some(Channel { registry, repository, tag: named.value }), true)
}

fn declared(site: &Site, channel: Option<&Channel>) -> String {
    match channel {
        Some(channel) => format!("{}:{}", site.image.name, channel.tag),
        None => site.image.name.to_string(),
    }
}

/// Says whether a `[[hold]]` holds the site.
pub(super) fn entry_matches(entry: &HoldEntry, site: &Site) -> bool {
    let image = |glob: &_| config::image_matches(std::slice::from_ref(glob), &site.image);
    entry.site.as_ref().is_none_or(|glob| glob.matches(&site.key.0))
        && entry.image.as_ref().is_none_or(image)
        && entry.stack.as_ref().is_none_or(|glob| glob.matches(&site.stack))
}

pub(super) fn rule_matches(wanted: &Match, literal: &Literal, site: &Site) -> bool {
    let one = |globs: &[crate::model::pattern::Glob], text: &str| globs.is_empty() || globs.iter().any(|glob| glob.matches(text));
    let part = |globs: &[_], text: Option<&str>| globs.is_empty() || text.is_some_and(|text| one(globs, text));
    let workload = |used: &Use| {
        part(&wanted.namespace, used.namespace.as_deref())
            && part(&wanted.name, used.name.as_deref())
            && part(&wanted.kind, Some(&used.kind))
            && part(&wanted.container, used.container.as_deref())
    };
    let no_workload = [&wanted.namespace, &wanted.name, &wanted.kind, &wanted.container].iter().all(|globs| globs.is_empty());
    one(&wanted.stack, &site.stack)
        && one(&wanted.file, literal.file.as_str())
        && (wanted.image.is_empty() || config::image_matches(&wanted.image, &site.image))
        && (no_workload || literal.uses.iter().any(workload))
}
