//! Policies that choose a tag: what is asked for, what is written, what waits, and what comes back
//! after a rollback. Each repo is real text, and what is committed is proved and scanned again.

use super::forge::*;
use super::world::{applied, waiting};
use super::*;
use crate::model::choice::TagBuild;
use crate::model::reference::Repository;
use crate::pipeline::cluster::{Pod, Workload};
use crate::pipeline::{Delivery, TagList, Verdict};
use std::collections::BTreeMap;

const FILE: &str = "stacks/shop/main.tf";
const APP: &str = "ghcr.io/shop/web";
const CONFIG: &str =
    "[defaults]\npolicy = 'minor'\nsettle = '0'\nmode = { update = 'commit', bump = 'commit' }\n";

/// What registries have: the digest of each tag, and when it was built.
#[derive(Default)]
struct Tags(BTreeMap<&'static str, Vec<ListedImage>>);

/// A tag, its digest, and when it was built.
type ListedImage = (&'static str, char, Option<&'static str>);

impl Tags {
    fn of(repository: &'static str, tags: &[(&'static str, char)]) -> Self {
        Self::default().and(repository, tags)
    }

    fn and(mut self, repository: &'static str, tags: &[(&'static str, char)]) -> Self {
        let tags = tags.iter().map(|(tag, c)| (*tag, *c, None)).collect();
        self.0.insert(repository, tags);
        self
    }

    fn built(mut self, repository: &'static str, tag: &str, time: &'static str) -> Self {
        let tags = self.0.get_mut(repository).expect(repository);
        let found = tags.iter_mut().find(|(own, ..)| *own == tag).expect(tag);
        found.2 = Some(time);
        self
    }

    fn find(&self, repository: &Repository) -> &[ListedImage] {
        self.0
            .get(repository.to_string().as_str())
            .map_or(&[], |tags| tags)
    }

    /// Answers what the plan needs, round by round, as a pass does; returns the rounds.
    fn answer(&self, world: &mut Snapshot) -> usize {
        for round in 0..20 {
            let needs = world.plan().needs;
            if needs.is_empty() {
                return round;
            }
            for (repository, wishes) in needs.lists {
                let tags = self.find(&repository);
                let list = TagList {
                    wishes,
                    tags: tags.iter().map(|(tag, ..)| Arc::from(*tag)).collect(),
                    listed: tags.len(),
                };
                world.tags.insert(repository, Seen::Known(list));
            }
            for asked in needs.channels {
                let mut tags = self.find(&asked.repository).iter();
                let found = tags.find(|(tag, ..)| **tag == *asked.tag);
                let meaning =
                    found.map_or(Upstream::Missing, |(_, c, _)| Upstream::Digest(digest(*c)));
                world.upstream.insert(asked, Seen::Known(meaning));
            }
            for (repository, asked) in needs.builds {
                let mut tags = self.find(&repository).iter();
                let created = tags.find_map(|(_, c, time)| (*time).filter(|_| digest(*c) == asked));
                let build = TagBuild {
                    created: created.map(at),
                    platforms: None,
                };
                world.builds.insert((repository, asked), Seen::Known(build));
            }
        }
        panic!("the plan always needs more: {:?}", world.plan().needs);
    }
}

/// A deployment `shop/app` of these containers, with the configuration.
fn world_of(containers: &[(&str, &str, &str)], config: &str) -> Snapshot {
    repo(&[
        (FILE, &deployment("shop", containers)),
        ("pintle.toml", config),
    ])
}

fn world(config: &str) -> Snapshot {
    let image = format!("{APP}:1.2.3@{}", digest('a'));
    world_of(&[("web", &image, "")], config).says("ghcr.io/shop/web:1.2.3", 'a')
}

fn usual_tags() -> Tags {
    let tags = [
        ("1.2.3", 'a'),
        ("1.2.4", 'b'),
        ("1.4.0", 'c'),
        ("2.0.0", 'd'),
    ];
    Tags::of(APP, &tags)
}

fn answered(mut world: Snapshot, tags: &Tags) -> Snapshot {
    tags.answer(&mut world);
    world
}

fn codes(decision: &Decision) -> Vec<&'static str> {
    decision.reasons.iter().map(Reason::code).collect()
}

fn text(world: &Snapshot, file: &str) -> String {
    let bytes = world.files.bytes(&RepoPath::new(file).expect(file));
    String::from_utf8(bytes.expect(file).to_vec()).expect("text")
}

#[test]
fn a_newer_tag_is_written_with_its_digest_and_recorded() {
    let world = answered(world(CONFIG), &usual_tags());
    let plan = world.plan();
    let decision = &plan.decisions[0];
    assert_eq!(decision.verdict, Verdict::Bump);
    assert_eq!(decision.to, Some(digest('c')));
    assert_eq!(codes(decision), ["newer-tag", "newer-tag-kept-out"]);
    let change = &plan.changes[0];
    let subject = change.message.lines().next();
    assert_eq!(subject, Some("shop: bump web from 1.2.3 to 1.4.0"));
    let pin = &change.pins[0];
    assert_eq!(
        (pin.action, pin.cause, pin.from_tag.as_deref(), &*pin.image),
        (
            Action::Bump,
            Cause::NewerTag,
            Some("1.2.3"),
            "ghcr.io/shop/web:1.4.0"
        )
    );
    assert_eq!(
        change.prove,
        [(channel("ghcr.io/shop/web:1.4.0"), digest('c'))]
    );
    let after = carried_out(&world, &plan).says("ghcr.io/shop/web:1.4.0", 'c');
    let image = format!("\"{APP}:1.4.0@{}\"", digest('c'));
    assert!(
        text(&after, FILE).contains(&image),
        "{}",
        text(&after, FILE)
    );
    let after = answered(after, &usual_tags());
    assert_eq!(after.plan().decisions[0].verdict, Verdict::InSync);
    assert_eq!(after.plan().changes, []);
}

#[test]
fn only_sites_that_choose_ask_for_lists() {
    let lists = |world: Snapshot| world.plan().needs.lists.len();
    assert_eq!(lists(world(CONFIG)), 1);
    for config in [
        "[defaults]\npolicy = 'force'",
        "[defaults]\npolicy = 'never'",
        "",
        "[defaults]\npolicy = 'minor'\n[[hold]]\nimage = '*'\nbecause = 'x'",
        "[defaults]\npolicy = 'minor'\n[deny]\nstacks = ['shop']",
        "[defaults]\npolicy = 'minor'\nmode = 'off'",
    ] {
        assert_eq!(lists(world(config)), 0, "{config}");
    }
    let floating = |tag: &str| {
        let image = format!("{APP}:{tag}@{}", digest('a'));
        world_of(&[("web", &image, "")], CONFIG)
    };
    for tag in ["latest", "bookworm-slim", "71b3243", "2026-01-27"] {
        assert_eq!(lists(floating(tag)), 0, "{tag}");
    }
    // The first pin comes before any other tag.
    let unpinned = world_of(&[("web", "ghcr.io/shop/web:1.2.3", "")], CONFIG);
    assert_eq!(lists(unpinned), 0);
}

#[test]
fn one_list_serves_all_sites_of_a_repository() {
    let one = format!("{APP}:1.2.3@{}", digest('a'));
    let other = format!("{APP}:1.3.0@{}", digest('b'));
    let tags = Tags::of(APP, &[("1.2.3", 'a'), ("1.3.0", 'b'), ("1.4.0", 'c')]);
    let world = answered(
        world_of(&[("one", &one, ""), ("other", &other, "")], CONFIG),
        &tags,
    );
    assert_eq!(world.tags.len(), 1);
    let plan = world.plan();
    let verdicts: Vec<_> = plan.decisions.iter().map(|one| one.verdict).collect();
    assert_eq!(verdicts, [Verdict::Bump, Verdict::Bump]);
}

#[test]
fn a_bump_is_a_pull_request_unless_its_mode_says_otherwise() {
    let policy = "[defaults]\npolicy = 'minor'\nsettle = '0'\n";
    let verdict = |config: &str| {
        let plan = answered(world(&format!("{policy}{config}")), &usual_tags()).plan();
        (
            plan.decisions[0].verdict,
            plan.decisions[0].reasons[0].code(),
        )
    };
    // Without a forge nothing can be proposed.
    assert_eq!(verdict(""), (Verdict::Blocked, "no-forge"));
    assert_eq!(verdict("mode = 'commit'"), (Verdict::Blocked, "no-forge"));
    let (bump, off) = ("mode = { bump = 'commit' }", "mode = { bump = 'off' }");
    assert_eq!(verdict(bump), (Verdict::Bump, "newer-tag"));
    assert_eq!(verdict(off), (Verdict::Frozen, "mode-off"));
    let forged = answered(world(policy).forged(|_| {}), &usual_tags()).plan();
    assert!(matches!(
        forged.changes[0].delivery,
        Delivery::PullRequest { because: None, .. }
    ));
    let row = &forged.changes[0]
        .proposal
        .as_ref()
        .expect("a proposal")
        .rows[0];
    assert_eq!(row.from_tag.as_deref(), Some("1.2.3"));
    assert_eq!(row.image, "ghcr.io/shop/web:1.4.0");
}

#[test]
fn a_new_tag_settles_under_its_own_name() {
    let config = CONFIG.replace("settle = '0'", "settle = '1h'");
    let world = answered(world(&config), &usual_tags());
    let plan = world.plan();
    assert_eq!(plan.decisions[0].verdict, Verdict::Waiting);
    assert_eq!(codes(&plan.decisions[0])[0], "settling");
    let key = (channel("ghcr.io/shop/web:1.4.0"), digest('c'));
    assert_eq!(plan.ledger.first_seen.keys().collect::<Vec<_>>(), [&key]);
    let later = Snapshot {
        ledger: Seen::Known(plan.ledger.clone()),
        at: world.at + jiff::SignedDuration::from_hours(2),
        ..world.clone()
    };
    assert_eq!(later.plan().decisions[0].verdict, Verdict::Bump);
    // A list that cannot be read makes no new tag of it when it can be read again.
    let mut unread = Snapshot {
        ledger: Seen::Known(plan.ledger.clone()),
        ..world
    };
    for tags in unread.tags.values_mut() {
        *tags = Seen::Unknown("429 Too Many Requests".into());
    }
    let plan = unread.plan();
    assert_eq!(plan.decisions[0].verdict, Verdict::Unknown);
    assert_eq!(codes(&plan.decisions[0])[0], "tags-unknown");
    assert!(plan.ledger.first_seen.contains_key(&key));
    assert_eq!(plan.changes, []);
}

#[test]
fn a_list_that_lost_tags_moves_nothing_down() {
    let image = format!("{APP}:1.4.0@{}", digest('c'));
    for tags in [
        &[][..],
        &[("1.2.3", 'a')],
        &[("1.2.3", 'a'), ("1.3.9", 'b')],
        &[("1.4.0", 'c'), ("1.3.9", 'b')],
        &[("0.9.0", 'd'), ("latest", 'e')],
    ] {
        for upstream in [Upstream::Digest(digest('c')), Upstream::Missing] {
            let world = world_of(&[("web", &image, "")], CONFIG)
                .upstream("ghcr.io/shop/web:1.4.0", Seen::Known(upstream));
            let plan = answered(world, &Tags::of(APP, tags)).plan();
            assert_eq!(plan.changes, [], "{tags:?}");
        }
    }
}

#[test]
fn a_declared_tag_that_is_gone_can_still_go_up() {
    let missing = Seen::Known(Upstream::Missing);
    let world = world(CONFIG).upstream("ghcr.io/shop/web:1.2.3", missing);
    let world = answered(world, &Tags::of(APP, &[("1.4.0", 'c')]));
    assert_eq!(world.plan().decisions[0].verdict, Verdict::Bump);
}

#[test]
fn stray_tags_are_passed_over_by_their_build_times() {
    let tags = usual_tags()
        .built(APP, "1.2.3", "2026-06-01T00:00:00Z")
        .built(APP, "1.4.0", "2022-01-01T00:00:00Z")
        .built(APP, "1.2.4", "2026-06-02T00:00:00Z");
    let plan = answered(world(CONFIG), &tags).plan();
    assert_eq!(plan.changes[0].pins[0].image, "ghcr.io/shop/web:1.2.4");
    let reasons = plan.decisions[0].reasons.iter().map(ToString::to_string);
    let reasons: Vec<String> = reasons.collect();
    assert!(
        reasons
            .iter()
            .any(|reason| reason.contains("1.4.0") && reason.contains("stray")),
        "{reasons:?}"
    );
}

#[test]
fn settings_of_the_choice_come_from_rules_directives_and_annotations() {
    let tags = || {
        let all = [
            ("1.2.3", 'a'),
            ("1.3.0", 'b'),
            ("1.4.0", 'c'),
            ("1.5.0-rc1", 'd'),
        ];
        Tags::of(APP, &all)
    };
    let chosen = |comment: &str, config: &str| {
        let image = format!("{APP}:1.2.3@{}", digest('a'));
        let comment = format!(" # pintle: {comment}");
        let comment = if comment.len() > 11 { &*comment } else { "" };
        let config = format!("{CONFIG}{config}");
        let world =
            world_of(&[("web", &image, comment)], &config).says("ghcr.io/shop/web:1.2.3", 'a');
        let plan = answered(world, &tags()).plan();
        let change = plan.changes.first();
        change.map(|change| {
            change.pins[0]
                .image
                .rsplit(':')
                .next()
                .unwrap_or("")
                .to_owned()
        })
    };
    let is = |tag: &str| Some(tag.to_owned());
    assert_eq!(chosen("", ""), is("1.4.0"));
    assert_eq!(chosen("step=true", ""), is("1.3.0"));
    assert_eq!(chosen("", "step = true"), is("1.3.0"));
    assert_eq!(chosen("step=false", "step = true"), is("1.4.0"));
    assert_eq!(chosen("exclude='^1\\.4'", ""), is("1.3.0"));
    assert_eq!(chosen("", "exclude = ['^1\\.4', 'rc']"), is("1.3.0"));
    assert_eq!(chosen("match_pre_release=false", ""), is("1.5.0-rc1"));
    assert_eq!(chosen("", "match_pre_release = false"), is("1.5.0-rc1"));
    assert_eq!(chosen("policy=patch", ""), None);
    let rule = "[[rule]]\nmatch = { image = '*/shop/web' }\nstep = true";
    assert_eq!(chosen("", rule), is("1.3.0"));
}

/// Helm values where tag and digest are keys of their own.
#[test]
fn the_keys_tag_and_digest_change_together() {
    let release = |tag: &str, c: char| {
        format!(
            "resource \"helm_release\" \"web\" {{\n  name = \"web\"\n  chart = \"web\"\n  namespace = \"shop\"\n  values = [yamlencode({{\n    image = {{\n      repository = \"{APP}\"\n      tag        = \"{tag}\"\n      digest     = \"{}\"\n    }}\n  }})]\n}}\n",
            digest(c)
        )
    };
    let world = repo(&[(FILE, &release("1.2.3", 'a')), ("pintle.toml", CONFIG)]);
    let world = answered(world, &usual_tags());
    let plan = world.plan();
    assert_eq!(
        plan.decisions[0].verdict,
        Verdict::Bump,
        "{:?}",
        plan.decisions
    );
    let after = carried_out(&world, &plan);
    assert_eq!(text(&after, FILE), release("1.4.0", 'c'));
}

const SERVER: &str = "ghcr.io/shop/server";
const WORKER: &str = "ghcr.io/shop/worker";

/// One tag for two repositories, each pinned where it is used.
fn shared(tag: &str, digests: (char, char), config: &str) -> Snapshot {
    let (server, worker) = (digest(digests.0), digest(digests.1));
    let containers = [
        ("server", format!("{SERVER}:${{local.release}}@{server}")),
        ("worker", format!("{WORKER}:${{local.release}}@{worker}")),
    ];
    let containers = containers
        .each_ref()
        .map(|(name, image)| (*name, &**image, ""));
    let main = deployment("shop", &containers);
    let text = format!("locals {{\n  release = \"{tag}\"\n}}\n{main}");
    repo(&[(FILE, &text), ("pintle.toml", config)])
}

#[test]
fn a_tag_of_two_repositories_is_written_once_with_both_digests() {
    let world = shared("v1.2.3", ('a', 'b'), CONFIG);
    let tags = Tags::of(SERVER, &[("v1.3.0", 'c')]).and(WORKER, &[("v1.3.0", 'd')]);
    let world = answered(world, &tags);
    let plan = world.plan();
    assert_eq!(plan.changes.len(), 1, "{:?}", plan.decisions);
    let after = carried_out(&world, &plan);
    let wanted = shared("v1.3.0", ('c', 'd'), CONFIG);
    assert_eq!(text(&after, FILE), text(&wanted, FILE));
}

#[test]
fn a_tag_of_two_repositories_waits_for_the_one_that_lacks_it() {
    let both = Tags::of(SERVER, &[("v1.3.0", 'c')]);
    for (tags, config) in [
        (both.and(WORKER, &[("v1.2.3", 'b')]), CONFIG.to_owned()),
        (
            Tags::of(SERVER, &[("v1.3.0", 'c')]).and(WORKER, &[("v1.3.1", 'd')]),
            CONFIG.to_owned(),
        ),
        (
            Tags::of(SERVER, &[("v1.3.0", 'c')]).and(WORKER, &[("v1.3.0", 'd')]),
            format!("{CONFIG}[[hold]]\nimage = '*/worker'\nbecause = 'x'"),
        ),
        (
            Tags::of(SERVER, &[("v1.3.0", 'c')]).and(WORKER, &[("v1.3.0", 'd')]),
            format!("[[rule]]\nmatch = {{ image = '*/worker' }}\npolicy = 'force'\n{CONFIG}"),
        ),
    ] {
        let plan = answered(shared("v1.2.3", ('a', 'b'), &config), &tags).plan();
        assert_eq!(plan.changes, [], "{config}");
        let server = &plan.decisions[0];
        assert_eq!(server.verdict, Verdict::Waiting, "{config}");
        assert_eq!(codes(server)[0], "bump-together");
        assert!(server.reasons[0].to_string().contains("worker"));
    }
}

/// Who reads the tag for something else would get another value.
#[test]
fn a_tag_that_something_else_reads_is_not_written() {
    let chart = "resource \"helm_release\" \"web\" {\n  name = \"web\"\n  chart = \"web\"\n  version = local.release\n}\n";
    let world = shared("1.2.3", ('a', 'b'), CONFIG);
    let text = format!("{}{chart}", text(&world, FILE));
    let world = repo(&[(FILE, &text), ("pintle.toml", CONFIG)]);
    let tags = Tags::of(SERVER, &[("1.3.0", 'c')]).and(WORKER, &[("1.3.0", 'd')]);
    let plan = answered(world, &tags).plan();
    assert_eq!(plan.changes, []);
    assert_eq!(plan.decisions[0].verdict, Verdict::Blocked);
    assert_eq!(codes(&plan.decisions[0])[0], "cannot-write-tag");
}

#[test]
fn members_of_a_group_go_to_one_tag_or_not_at_all() {
    let group = format!("{CONFIG}[[group]]\nname = 'shop'\nimages = ['ghcr.io/shop/*']");
    let (server, worker) = (
        format!("{SERVER}:1.2.3@{}", digest('a')),
        format!("{WORKER}:1.2.3@{}", digest('b')),
    );
    let planned = |worker_tags: &[(&'static str, char)]| {
        let containers = [("server", &*server, ""), ("worker", &*worker, "")];
        let world = world_of(&containers, &group)
            .says("ghcr.io/shop/server:1.2.3", 'a')
            .says("ghcr.io/shop/worker:1.2.3", 'b');
        let tags = Tags::of(SERVER, &[("1.3.0", 'c')]).and(WORKER, worker_tags);
        answered(world, &tags).plan()
    };
    let together = planned(&[("1.3.0", 'd')]);
    assert_eq!(
        (together.changes.len(), together.changes[0].pins.len()),
        (1, 2)
    );
    for apart in [&[("1.3.1", 'd')][..], &[("1.2.3", 'b')], &[]] {
        let plan = planned(apart);
        assert_eq!(plan.changes, [], "{apart:?}");
        assert_eq!(codes(&plan.decisions[0])[0], "bump-together", "{apart:?}");
    }
}

/// The deployment `shop/app` with a container, after a change of its image.
fn live(images: &[&str]) -> Workload {
    let mut live = applied("deployment");
    live.namespace = "shop".into();
    let container = &mut live.containers[0];
    container.name = "web".into();
    container.image = images[0].into();
    live.revisions.truncate(images.len());
    for (revision, image) in live.revisions.iter_mut().zip(images) {
        revision.hash = format!("h{image}").into();
        revision.images = BTreeMap::from([("web".into(), (*image).into())]);
    }
    let hash = live.revisions[0].hash.clone();
    for Pod {
        revision,
        containers,
        ..
    } in &mut live.pods
    {
        *revision = Some(hash.clone());
        containers[0].name = "web".into();
        containers[0].digest = Reference::parse(images[0]).and_then(|image| image.digest);
    }
    live
}

#[test]
fn nothing_older_than_what_runs_is_chosen() {
    let run = |image: &str| {
        let world = world(CONFIG).hosts(vec![live(&[image])]);
        let plan = answered(world, &usual_tags()).plan();
        plan.changes
            .first()
            .map(|change| change.pins[0].image.clone())
    };
    let pinned = |tag: &str, c: char| format!("{APP}:{tag}@{}", digest(c));
    let is = |tag: &str| Some(format!("{APP}:{tag}"));
    assert_eq!(run(&pinned("1.2.3", 'a')), is("1.4.0"));
    // The tag that runs goes first, also where the registry has a newer one.
    assert_eq!(run(&pinned("1.2.4", 'b')), is("1.2.4"));
    assert_eq!(run(&pinned("1.5.0", 'e')), None);
    assert_eq!(run(&pinned("nightly", 'e')), None);
}

/// Bumped from 1.2.3 to 1.4.0, applied, and its pods crash.
fn crashed() -> Snapshot {
    let world = answered(world(CONFIG), &usual_tags());
    let world = Snapshot {
        at: at("2026-11-22T11:50:00Z"),
        ..world
    };
    let bumped = carried_out(&world, &world.plan()).says("ghcr.io/shop/web:1.4.0", 'c');
    let (new, old) = (
        format!("{APP}:1.4.0@{}", digest('c')),
        format!("{APP}:1.2.3@{}", digest('a')),
    );
    let live = waiting(live(&[&new, &old]), "web", "CrashLoopBackOff");
    let world = Snapshot {
        at: at(NOW),
        ..bumped
    };
    answered(world.hosts(vec![live]), &usual_tags())
}

#[test]
fn a_failed_bump_is_rolled_back_to_its_tag_and_digest() {
    let world = crashed();
    let plan = world.plan();
    assert_eq!(
        plan.decisions[0].verdict,
        Verdict::Rollback,
        "{:?}",
        plan.decisions
    );
    let pin = &plan.changes[0].pins[0];
    assert_eq!(
        (pin.action, &*pin.image, pin.from_tag.as_deref()),
        (Action::Rollback, "ghcr.io/shop/web:1.2.3", Some("1.4.0"))
    );
    let after = carried_out(&world, &plan);
    let image = format!("\"{APP}:1.2.3@{}\"", digest('a'));
    assert!(text(&after, FILE).contains(&image));
    assert_eq!(after.plan().decisions[0].verdict, Verdict::Held);
}

/// Rolled back, and the hold removed by a person.
fn released() -> Snapshot {
    let world = crashed();
    let after = carried_out(&world, &world.plan());
    let main = text(&after, FILE);
    let lines = main
        .lines()
        .map(|line| line.split(" # pintle").next().unwrap_or(line));
    let main: String = lines.map(|line| format!("{line}\n")).collect();
    let fresh = repo(&[(FILE, &main), ("pintle.toml", CONFIG)]);
    let old = format!("{APP}:1.2.3@{}", digest('a'));
    let fresh = Snapshot {
        history: after.history.clone(),
        ..fresh
    };
    fresh
        .says("ghcr.io/shop/web:1.2.3", 'a')
        .hosts(vec![live(&[&old])])
}

#[test]
fn a_tag_that_was_rolled_back_is_not_chosen_again() {
    let tags = |newest: &[(&'static str, char)]| {
        let all = [&[("1.2.3", 'a'), ("1.4.0", 'c')][..], newest].concat();
        Tags::of(APP, &all)
    };
    let same = answered(released(), &tags(&[])).plan();
    assert_eq!(same.changes, []);
    let told = same.decisions[0].reasons.iter().map(ToString::to_string);
    assert!(
        told.into_iter()
            .any(|reason| reason.contains("1.4.0") && reason.contains("rolled back"))
    );
    // Also where the tag means other bytes by now.
    let pushed_again = Tags::of(APP, &[("1.2.3", 'a'), ("1.4.0", 'e')]);
    assert_eq!(answered(released(), &pushed_again).plan().changes, []);
    let newer = answered(released(), &tags(&[("1.4.1", 'f')])).plan();
    assert_eq!(newer.changes[0].pins[0].image, "ghcr.io/shop/web:1.4.1");
    // The same bytes under a newer tag are what was rolled back.
    let same_bytes = answered(released(), &tags(&[("1.4.1", 'c')])).plan();
    assert_eq!(same_bytes.changes, []);
    assert_eq!(codes(&same_bytes.decisions[0])[0], "rolled-back");
}

#[test]
fn a_bump_that_somebody_took_back_by_hand_is_not_proposed_again() {
    let before = answered(world(CONFIG), &usual_tags());
    let bumped = carried_out(&before, &before.plan());
    let reverted = Snapshot {
        history: bumped.history.clone(),
        ..world(CONFIG)
    };
    let plan = answered(reverted, &Tags::of(APP, &[("1.2.3", 'a'), ("1.4.0", 'c')])).plan();
    assert_eq!(plan.changes, []);
    assert_eq!(plan.decisions[0].verdict, Verdict::InSync);
}

#[test]
fn bumps_share_the_budget_of_updates() {
    let config = format!("{CONFIG}budget = '1 per 6h'");
    let image = format!("{APP}:1.2.3@{}", digest('a'));
    let other = deployment("other", &[("web", &image, "")]);
    let first = deployment("shop", &[("web", &image, "")]);
    let world = repo(&[
        (FILE, &first),
        ("stacks/other/main.tf", &other),
        ("pintle.toml", &config),
    ]);
    let plan = answered(world, &usual_tags()).plan();
    assert_eq!(plan.changes.len(), 1);
    let waits = plan
        .decisions
        .iter()
        .filter(|one| one.verdict == Verdict::Waiting);
    assert_eq!(
        waits.map(|one| codes(one)[0]).collect::<Vec<_>>(),
        ["budget-spent"]
    );
}

#[test]
fn commits_are_ordered_by_build_times_and_not_too_many_are_asked_for() {
    let config = CONFIG.replace("policy = 'minor'", "policy = 'regexp:^[0-9a-f]{7}$'");
    let image = format!("{APP}:71b3243@{}", digest('a'));
    let world = |config: &str| world_of(&[("web", &image, "")], config);
    let tags = Tags::of(APP, &[("71b3243", 'a'), ("aaaaaaa", 'b'), ("bbbbbbb", 'c')])
        .built(APP, "71b3243", "2026-06-01T00:00:00Z")
        .built(APP, "aaaaaaa", "2026-06-03T00:00:00Z")
        .built(APP, "bbbbbbb", "2026-06-02T00:00:00Z");
    let plan = answered(world(&config), &tags).plan();
    assert_eq!(plan.changes[0].pins[0].image, "ghcr.io/shop/web:aaaaaaa");
    let many: Vec<(&'static str, char)> = (0..22)
        .map(|n| (&*format!("{n:07x}").leak(), 'd'))
        .chain([("71b3243", 'a')])
        .collect();
    let plan = answered(world(&config), &Tags::of(APP, &many)).plan();
    assert_eq!(plan.decisions[0].verdict, Verdict::Blocked);
    assert_eq!(codes(&plan.decisions[0])[0], "too-many-builds");
}

#[test]
fn keel_says_for_which_containers_its_policy_is_and_whether_pre_releases_count() {
    let chosen = |annotations: &str| {
        let image = format!("{APP}:1.2.3@{}", digest('a'));
        let text = deployment("shop", &[("web", &image, "")]).replace(
            "    namespace = \"shop\"\n",
            &format!("    namespace = \"shop\"\n    annotations = {{ {annotations} }}\n"),
        );
        let config = CONFIG.replace("policy = 'minor'\n", "");
        let world = repo(&[(FILE, &text), ("pintle.toml", &config)]);
        let tags = Tags::of(APP, &[("1.2.3", 'a'), ("1.4.0", 'c'), ("1.5.0-rc1", 'd')]);
        let plan = answered(world.says("ghcr.io/shop/web:1.2.3", 'a'), &tags).plan();
        let change = plan.changes.first();
        change.map(|change| {
            change.pins[0]
                .image
                .rsplit(':')
                .next()
                .unwrap_or("")
                .to_owned()
        })
    };
    let is = |tag: &str| Some(tag.to_owned());
    let minor = "\"keel.sh/policy\" = \"minor\"";
    assert_eq!(chosen(minor), is("1.4.0"));
    assert_eq!(chosen("\"keel.observer/policy\" = \"minor\""), is("1.4.0"));
    let with = |more: &str| chosen(&format!("{minor}, {more}"));
    assert_eq!(
        with("\"keel.sh/matchPreRelease\" = \"false\""),
        is("1.5.0-rc1")
    );
    assert_eq!(with("\"keel.sh/matchPreRelease\" = \"true\""), is("1.4.0"));
    assert_eq!(
        with("\"keel.sh/monitorContainers\" = \"^web$\""),
        is("1.4.0")
    );
    assert_eq!(with("\"keel.sh/monitorContainers\" = \"^db$\""), None);
}
