//! What comments ask for: in real text, proved, and carried out.

use super::forge::*;
use super::*;
use crate::model::ask::{Back, Command, End, Goal, Misread, Right, TargetName};
use crate::model::reference::Tag;
use crate::pipeline::answer::Outcome;
use crate::pipeline::forge::{Ask, Direct, Said};
use crate::pipeline::{Delivery, Verdict};
use crate::report::answers::report_text;
use jiff::SignedDuration;

const SERVER: &str = "ghcr.io/immich-app/server:release";
const ML: &str = "ghcr.io/immich-app/ml:release";

/// Stack immich with server and ml, stack cache with redis; all pinned at `a`, upstream says `a`;
/// commits, not pull requests.
fn world() -> Snapshot {
    written("", "")
}

/// The same with a comment beside the server's image, and a configuration.
fn written(beside: &str, config: &str) -> Snapshot {
    let (server, ml, redis) = (pinned(SERVER, 'a'), pinned(ML, 'a'), pinned("redis:7", 'a'));
    let immich = deployment("immich", &[("server", &server, beside), ("ml", &ml, "")]);
    let cache = deployment("cache", &[("redis", &redis, "")]);
    let config = format!("[defaults]\nmode = \"commit\"\nsettle = \"0\"\n{config}");
    let files = [
        ("stacks/immich/main.tf", immich.as_str()),
        ("stacks/cache/main.tf", cache.as_str()),
        ("pintle.toml", config.as_str()),
    ];
    repo(&files)
        .says(SERVER, 'a')
        .says(ML, 'a')
        .says("redis:7", 'a')
        .forged(|_| {})
}

fn target(text: &str) -> Option<TargetName> {
    Some(TargetName::new(text).expect(text))
}

fn pin(at: &str, to: Option<Goal>) -> Command {
    Command::Pin {
        target: target(at),
        to,
        end: None,
        because: None,
    }
}

fn hold(at: &str) -> Command {
    Command::Hold {
        target: target(at),
        end: None,
        because: Some("waits".into()),
    }
}

fn rollback(at: &str, to: Option<Back>) -> Command {
    Command::Rollback {
        target: target(at),
        to,
        because: None,
    }
}

fn tag(text: &str) -> Option<Goal> {
    Some(Goal::Tag(Tag::parse(text).expect(text)))
}

fn ask(commands: Vec<Command>) -> Vec<Ask> {
    vec![comment(12, commands)]
}

/// The outcome of one command.
fn outcome(world: Snapshot, command: Command) -> Outcome {
    world.asked(ask(vec![command])).outcomes().remove(0)
}

fn refused(world: Snapshot, command: Command) -> String {
    match outcome(world, command) {
        Outcome::Refused { why, .. } => why,
        other => panic!("{other:?}"),
    }
}

/// The text of a stack's file after the plan was carried out.
fn text(world: &Snapshot, stack: &str) -> String {
    let path = RepoPath::new(&format!("stacks/{stack}/main.tf")).expect("path");
    String::from_utf8(world.files.bytes(&path).expect("the file").to_vec()).expect("text")
}

#[test]
fn a_pin_is_written_with_its_hold_and_its_asker() {
    let end = Some(End::For(SignedDuration::from_hours(24)));
    let command = Command::Pin {
        target: target("immich/app:server"),
        to: Some(Goal::Digest(digest('c'))),
        end,
        because: Some("x".into()),
    };
    let asked = world().asked(ask(vec![command]));
    let plan = asked.plan();
    let change = &plan.changes[0];
    assert_eq!(
        (&*change.name, &change.delivery),
        ("comment-12", &Delivery::Commit)
    );
    assert_eq!(
        change.message.lines().next(),
        Some("immich: pin server to cccc…cc")
    );
    assert!(change.message.ends_with(
        "Asked for by ana:\nhttps://forge.example.org/ops/infra/issues/3#issuecomment-12\n\nBecause: x"
    ));
    let asked_by = change.pins[0].asked.as_ref().expect("a person asked");
    assert_eq!(asked_by.because.as_deref(), Some("x"));
    let written = crate::pipeline::trailers::render(&change.message, &change.pins);
    let written = written.expect("it can be recorded");
    assert!(written.contains("\nPintle-Because: x\n"), "{written}");
    assert_eq!(crate::pipeline::trailers::parse(&written), change.pins);
    assert_eq!(change.prove, [(channel(SERVER), digest('c'))]);
    let record = &change.pins[0];
    assert_eq!((record.action, record.cause), (Action::Pin, Cause::Command));
    assert_eq!(
        (&record.from, &record.to),
        (&Some(digest('a')), &Some(digest('c')))
    );
    assert_eq!(
        record.asked.as_ref().map(|asked| asked.by.as_str()),
        Some("ana (7)")
    );
    let Outcome::Written {
        command: "/pin",
        change,
        done,
    } = &plan.answers[0].outcomes[0]
    else {
        panic!("{:?}", plan.answers)
    };
    assert_eq!(
        (&**change, done.len(), done[0].until),
        ("comment-12", 1, Some(at("2026-11-23T11:55:00Z")))
    );
    assert_eq!(done[0].image, format!("{SERVER}@{}", digest('c')));
    assert_eq!(
        plan.decisions
            .iter()
            .filter(|decision| decision.verdict == Verdict::Held)
            .count(),
        1
    );
    let after = carried_out(&asked, &plan);
    assert!(
        text(&after, "immich")
            .contains("# pintle: hold until=2026-11-23T11:55:00Z by=ana because=\"x\"\n"),
        "{}",
        text(&after, "immich")
    );
    let again = after.says(SERVER, 'b').plan();
    assert!(matches!(
        again.answers[0].outcomes[0],
        Outcome::WrittenBefore {
            command: "/pin",
            ..
        }
    ));
    assert_eq!(again.changes, [], "it is held");
}

#[test]
fn a_pin_goes_where_it_is_told() {
    let here = world()
        .asked(ask(vec![pin("immich/app:server", None)]))
        .plan();
    assert_eq!(
        (&here.changes[0].pins[0].to, here.changes[0].prove.len()),
        (&Some(digest('a')), 0)
    );
    let tagged = world()
        .says("ghcr.io/immich-app/server:v2", 'd')
        .asked(ask(vec![pin("immich/app:server", tag("v2"))]));
    let plan = tagged.plan();
    assert_eq!(
        plan.changes[0].pins[0].image,
        "ghcr.io/immich-app/server:v2"
    );
    assert_eq!(
        plan.changes[0].prove,
        [(channel("ghcr.io/immich-app/server:v2"), digest('d'))]
    );
    assert!(
        text(&carried_out(&tagged, &plan), "immich")
            .contains(&pinned("ghcr.io/immich-app/server:v2", 'd'))
    );
    let asked = plan_channels(&tagged);
    assert!(
        asked.contains(&channel("ghcr.io/immich-app/server:v2")),
        "{asked:?}"
    );
    let same = world()
        .says(SERVER, 'b')
        .asked(ask(vec![pin("immich/app:server", tag("release"))]))
        .plan();
    assert_eq!(same.changes[0].pins[0].to, Some(digest('b')));
    assert!(
        refused(world(), pin("immich/app:server", tag("v9")))
            .ends_with("the registry was not asked for ghcr.io/immich-app/server:v9")
    );
    let missing = world().upstream(
        "ghcr.io/immich-app/server:v9",
        Seen::Known(Upstream::Missing),
    );
    assert!(
        refused(missing, pin("immich/app:server", tag("v9")))
            .ends_with("ghcr.io/immich-app/server:v9 does not exist in the registry")
    );
    let mut unserved = world();
    unserved
        .unproved
        .insert((channel(SERVER), digest('c')), "404".into());
    assert!(
        refused(
            unserved,
            pin("immich/app:server", Some(Goal::Digest(digest('c'))))
        )
        .ends_with("digest cccccccccccc could not be fetched: 404")
    );
}

fn plan_channels(world: &Snapshot) -> std::collections::BTreeSet<Channel> {
    crate::plan::channels_to_ask(&world.scan, &world.config, &world.forge)
}

#[test]
fn a_rollback_walks_what_was_pinned() {
    let past = || {
        let world = world().recorded(1, Action::Adopt, None, Some('d'), None);
        world
            .recorded(1, Action::Update, Some('d'), Some('c'), None)
            .recorded(1, Action::Update, Some('c'), Some('a'), None)
    };
    assert!(
        past()
            .scan
            .sites()
            .nth(1)
            .is_some_and(|(_, site)| site.id.0.contains("server"))
    );
    let to = |back: Option<Back>| {
        let plan = past()
            .asked(ask(vec![rollback("immich/app:server", back)]))
            .plan();
        plan.changes.first().map(|change| {
            (
                change.pins[0].action,
                change.pins[0].to.clone().expect("a digest"),
            )
        })
    };
    assert_eq!(to(None), Some((Action::Rollback, digest('c'))));
    assert_eq!(
        to(Some(Back::Pins(2))),
        Some((Action::Rollback, digest('d')))
    );
    assert_eq!(
        to(Some(Back::Digest(digest('d')))),
        Some((Action::Rollback, digest('d')))
    );
    let foreign = rollback("immich/app:server", Some(Back::Digest(digest('e'))));
    let why = refused(past(), foreign.clone());
    assert!(
        why.ends_with("the digest eeeeeeeeeeee was never pinned here"),
        "{why}"
    );
    let Outcome::Refused { hint, .. } = outcome(past(), foreign) else {
        panic!("it is refused")
    };
    assert!(
        hint.is_some_and(|hint| hint.contains(&format!("to {}` pins", digest('e')))),
        "it says what would do that"
    );
    let why = refused(past(), rollback("immich/app:server", Some(Back::Pins(3))));
    assert!(why.ends_with("only 2 earlier pins are known here"), "{why}");
    assert!(matches!(
        outcome(
            past(),
            rollback("immich/app:server", Some(Back::Digest(digest('a'))))
        ),
        Outcome::Nothing { .. }
    ));
    let dark = Snapshot {
        history: Seen::Unknown("502".into()),
        ..past()
    };
    assert!(
        refused(dark, rollback("immich/app:server", None))
            .ends_with("what was pinned before is unknown: 502")
    );
    let asked = past().asked(ask(vec![rollback("immich/app:server", None)]));
    let plan = asked.plan();
    assert_eq!(plan.decisions[1].verdict, Verdict::Rollback);
    let after = carried_out(&asked, &plan).asked(Vec::new());
    assert!(
        text(&after, "immich").contains("rolled back from sha256:aaaaaaaaaaaa"),
        "{}",
        text(&after, "immich")
    );
    let free = after.asked(vec![comment(
        13,
        vec![Command::Unpin {
            target: target("immich/app:server"),
        }],
    )]);
    let freed = carried_out(&free, &free.plan()).asked(Vec::new());
    assert!(
        !text(&freed, "immich").contains("pintle:"),
        "{}",
        text(&freed, "immich")
    );
    let decision = freed.plan().decisions.remove(1);
    assert_eq!(
        (decision.verdict, codes(&decision)[0]),
        (Verdict::Blocked, "rolled-back"),
        "it is never proposed again: {decision:?}"
    );
}

#[test]
fn a_hold_is_put_replaced_and_lifted() {
    let held = || written(" # pintle: hold by=ana because=waits", "");
    assert!(matches!(
        outcome(held(), hold("immich/app:server")),
        Outcome::Nothing {
            command: "/hold",
            ..
        }
    ));
    let another = held().asked(ask(vec![Command::Hold {
        target: target("immich/app:server"),
        end: None,
        because: Some("y".into()),
    }]));
    let replaced = carried_out(&another, &another.plan());
    assert!(
        text(&replaced, "immich").contains("# pintle: hold by=ana because=\"y\"\n"),
        "{}",
        text(&replaced, "immich")
    );
    let resume = held().asked(ask(vec![Command::Resume {
        target: target("immich/app:server"),
    }]));
    let plan = resume.plan();
    assert_eq!(
        (
            plan.changes[0].pins[0].action,
            plan.changes[0].pins[0].to.clone()
        ),
        (Action::Resume, Some(digest('a')))
    );
    assert!(!text(&carried_out(&resume, &plan), "immich").contains("pintle:"));
    let nothing = outcome(
        world(),
        Command::Unpin {
            target: target("immich"),
        },
    );
    assert!(
        matches!(
            nothing,
            Outcome::Nothing {
                command: "/unpin",
                ..
            }
        ),
        "{nothing:?}"
    );
    let stack = world().asked(ask(vec![hold("immich")])).plan();
    assert_eq!(
        stack.changes[0].message.lines().next(),
        Some("immich: hold ml and server")
    );
    let wide = written("", "[[hold]]\nstack = \"immich\"\nbecause = \"broken\"\n");
    let why = refused(
        wide,
        Command::Resume {
            target: target("immich/app:server"),
        },
    );
    assert!(
        why.contains("`[[hold]] 1` of pintle.toml, which covers 1 more site"),
        "{why}"
    );
    let over = Command::Hold {
        target: target("immich"),
        end: Some(End::Until(at("2026-11-22T00:00:00Z"))),
        because: None,
    };
    assert_eq!(
        refused(world(), over),
        "a hold `until 2026-11-22 00:00 UTC` would have ended already"
    );
}

#[test]
fn targets_are_found_or_told() {
    let none = outcome(world(), pin("imich", None));
    assert!(
        matches!(&none, Outcome::NotFound { near, .. } if near.contains(&"immich".to_owned())),
        "{none:?}"
    );
    let many = outcome(world(), pin("immich", Some(Goal::Digest(digest('c')))));
    let Outcome::Ambiguous { candidates, .. } = &many else {
        panic!("{many:?}")
    };
    let rest = format!("to {}", digest('c'));
    assert_eq!(
        candidates,
        &[
            format!("immich/app:ml {rest}"),
            format!("immich/app:server {rest}")
        ]
    );
    assert!(matches!(
        outcome(world(), pin("immich", None)),
        Outcome::Written { .. }
    ));
    assert!(matches!(
        outcome(world(), rollback("immich", Some(Back::Digest(digest('c'))))),
        Outcome::Ambiguous { .. }
    ));
    let nowhere = Command::Hold {
        target: None,
        end: None,
        because: None,
    };
    assert!(refused(world(), nowhere.clone()).starts_with("it names no target"));
    let mut pins = world().asked(ask(vec![hold("cache")])).plan().changes[0]
        .pins
        .clone();
    pins[0].asked = None;
    let in_pull = world()
        .forged(|forge| forge.pulls = vec![closed(proposed(3, "cache", pins))])
        .asked(ask(vec![nowhere]));
    assert_eq!(
        in_pull.plan().changes[0].pins[0].site,
        "stacks/cache/main.tf#kubernetes_deployment.main/container[redis].image"
    );
    let mut dead = world();
    let scan = Arc::make_mut(&mut dead.scan);
    scan.literals[0].fate = Fate::Dead("overridden".into());
    let why = refused(dead, hold("cache/app:redis"));
    assert!(why.ends_with("decides nothing: overridden"), "{why}");
}

#[test]
fn locks_stop_a_person_and_policies_do_not() {
    let all = [
        pin("immich/app:server", Some(Goal::Digest(digest('c')))),
        hold("immich/app:server"),
    ];
    for command in &all {
        for world in [
            written(" # do not bump", ""),
            written("", "[deny]\nstacks = [\"immich\"]\n"),
            written(" # pintle: nevr", ""),
        ] {
            assert!(
                matches!(outcome(world, command.clone()), Outcome::Refused { .. }),
                "{command:?}"
            );
        }
        for world in [
            written(" # pintle: never", ""),
            written(
                "",
                "[[rule]]\nmatch = { stack = \"immich\" }\nmode = \"off\"\n",
            ),
            written(" # pintle: settle=9d", ""),
        ] {
            let told = outcome(world, command.clone());
            assert!(matches!(told, Outcome::Written { .. }), "{told:?}");
        }
    }
    let mut ignored = world();
    let scan = Arc::make_mut(&mut ignored.scan);
    scan.literals
        .iter_mut()
        .flat_map(|literal| &mut literal.uses)
        .for_each(|used| used.ignored = Some(true));
    assert!(matches!(
        outcome(ignored.clone(), all[0].clone()),
        Outcome::Refused { .. }
    ));
    assert!(matches!(
        outcome(ignored, all[1].clone()),
        Outcome::Written { .. }
    ));
}

#[test]
fn only_who_may_is_heard() {
    let right = |right: Seen<Right>, commands: Vec<Command>| {
        let mut ask = comment(12, commands);
        ask.right = right;
        world().asked(vec![ask]).plan()
    };
    let reader = right(
        Seen::Known(Right::Read),
        vec![hold("immich"), Command::Help],
    );
    assert_eq!(reader.changes, []);
    let outcomes = &reader.answers[0].outcomes;
    assert_eq!(
        outcomes[0],
        Outcome::MayNot {
            command: "/hold",
            needs: Right::Write,
            has: Right::Read
        }
    );
    assert!(matches!(
        outcomes[1],
        Outcome::Refused {
            command: "/help",
            ..
        }
    ));
    let stranger = right(Seen::Known(Right::None), vec![Command::Help]);
    assert!(matches!(
        stranger.answers[0].outcomes[0],
        Outcome::MayNot { .. }
    ));
    assert_eq!(
        right(Seen::Known(Right::Read), vec![Command::Help]).answers[0].outcomes,
        [Outcome::Help]
    );
    let untold = right(Seen::NotAsked, vec![hold("immich"), Command::Help]);
    assert_eq!(
        (untold.changes, &untold.answers[0].outcomes[0]),
        (Vec::new(), &Outcome::MayNotAsk { command: "/hold" })
    );
    assert_eq!(
        right(Seen::NotAsked, vec![Command::Help]).answers[0].outcomes,
        [Outcome::Help]
    );
    let unknown = right(Seen::Unknown("502".into()), vec![hold("immich")]);
    assert_eq!(
        (unknown.answers, unknown.changes, unknown.again),
        (Vec::new(), Vec::new(), false)
    );
}

#[test]
fn a_comment_that_cannot_be_carried_out_is_answered() {
    let misread = Misread {
        line: 1,
        command: Some("/pin"),
        what: "x".into(),
        hint: None,
    };
    for (said, outcome) in [
        (Said::Misread(misread.clone()), Outcome::Misread(misread)),
        (Said::Edited, Outcome::Edited),
        (Said::Late, Outcome::Late),
    ] {
        let ask = Ask {
            said,
            ..comment(12, Vec::new())
        };
        assert_eq!(world().asked(vec![ask]).outcomes(), [outcome]);
    }
}

#[test]
fn a_comment_is_done_as_a_whole_or_not_at_all() {
    let plan = world()
        .asked(ask(vec![
            hold("immich"),
            pin("nothing", None),
            Command::Plan,
        ]))
        .plan();
    assert_eq!(plan.changes, []);
    let outcomes = &plan.answers[0].outcomes;
    assert!(
        matches!(&outcomes[0], Outcome::Refused { why, .. } if why == "`/pin` could not be done")
    );
    assert!(matches!(outcomes[1], Outcome::NotFound { .. }));
    assert_eq!(outcomes[2], Outcome::Planned);
    let twice = world()
        .asked(ask(vec![hold("immich"), pin("immich/app:server", None)]))
        .plan();
    assert_eq!(twice.changes, []);
    let both = world()
        .asked(ask(vec![
            hold("cache"),
            pin("immich/app:server", Some(Goal::Digest(digest('c')))),
        ]))
        .plan();
    assert_eq!(both.changes[0].pins.len(), 2);
    assert_eq!(
        both.changes[0].message.lines().next(),
        Some("several stacks: change redis and server")
    );
}

#[test]
fn what_was_carried_out_is_not_done_again() {
    let record =
        |world: Snapshot, id: u64| world.recorded(0, Action::Hold, Some('a'), Some('a'), Some(id));
    let before = record(world(), 12).asked(ask(vec![hold("cache"), Command::Help]));
    let outcomes = before.outcomes();
    assert!(
        matches!(&outcomes[0], Outcome::WrittenBefore { commit: id, .. } if *id == commit('c'))
    );
    assert_eq!(
        (outcomes[1].clone(), before.plan().changes.len()),
        (Outcome::Help, 0)
    );
    for other in [1, 2, 112, 120] {
        assert!(
            matches!(
                record(world(), other)
                    .asked(ask(vec![hold("cache")]))
                    .outcomes()[0],
                Outcome::Written { .. }
            ),
            "{other}"
        );
    }
    let pins = world().asked(ask(vec![hold("cache")])).plan().changes[0]
        .pins
        .clone();
    let proposed = world()
        .pulled(proposed(9, "comment-12", pins))
        .asked(ask(vec![hold("cache")]));
    assert!(matches!(
        &proposed.outcomes()[0],
        Outcome::ProposedBefore { pull: 9, .. }
    ));
    assert_eq!(
        (proposed.plan().changes, proposed.plan().pull_steps),
        (Vec::new(), Vec::new())
    );
}

#[test]
fn what_another_forge_s_comment_of_that_number_asked_for_is_not_taken_for_it() {
    let asks = || ask(vec![hold("cache")]);
    let mut old = world().recorded(0, Action::Hold, Some('a'), Some('a'), Some(12));
    old.history = old
        .history
        .known()
        .map(|history| {
            history
                .iter()
                .cloned()
                .map(|one| Recorded {
                    at: at("2026-11-20T00:00:00Z"),
                    ..one
                })
                .collect()
        })
        .map_or(Seen::NotAsked, Seen::Known);
    assert!(matches!(
        old.asked(asks()).outcomes()[0],
        Outcome::Written { .. }
    ));
    let pins = world().asked(asks()).plan().changes[0].pins.clone();
    let closed = crate::pipeline::forge::PullRequest {
        created: at("2026-11-20T00:00:00Z"),
        ..closed(proposed(9, "comment-12", pins))
    };
    let proposed = world()
        .forged(|forge| forge.pulls = vec![closed])
        .asked(asks());
    assert!(matches!(proposed.outcomes()[0], Outcome::Written { .. }));
}

#[test]
fn where_the_branch_is_protected_it_is_an_urgent_pull_request() {
    let protected = world()
        .forged(|forge| forge.direct = Direct::Protected("main is protected".into()))
        .asked(ask(vec![hold("cache")]));
    let change = protected.plan().changes.remove(0);
    let because = Some(Reason::BranchProtected {
        why: "main is protected".into(),
    });
    assert_eq!(
        change.delivery,
        Delivery::PullRequest {
            because: because.clone(),
            automerge: true
        }
    );
    let proposal = change.proposal.expect("a pull request");
    assert!(proposal.urgent && proposal.number.is_none() && proposal.merges.is_none());
    assert_eq!((proposal.because, proposal.rows.len()), (because, 1));
}

#[test]
fn comments_about_one_file_are_carried_out_one_after_the_other() {
    let three = world().asked(vec![
        comment(12, vec![hold("immich/app:server")]),
        comment(13, vec![hold("immich/app:ml")]),
        comment(14, vec![hold("cache")]),
    ]);
    let plan = three.plan();
    assert!(plan.again);
    let names: Vec<&str> = plan.changes.iter().map(|change| &*change.name).collect();
    assert_eq!(names, ["comment-12", "comment-14"]);
    assert_eq!(plan.answers.len(), 2);
    let contrary = world().asked(vec![
        comment(12, vec![hold("immich/app:server")]),
        comment(
            13,
            vec![Command::Resume {
                target: target("immich/app:server"),
            }],
        ),
    ]);
    assert_eq!(
        (contrary.plan().answers.len(), contrary.plan().again),
        (1, true)
    );
}

#[test]
fn what_pintle_wants_itself_goes_after_what_people_ask_for() {
    let behind = world().says(SERVER, 'b').says(ML, 'b').says("redis:7", 'b');
    let plan = behind
        .asked(ask(vec![pin("immich/app:server", None)]))
        .plan();
    let names: Vec<&str> = plan.changes.iter().map(|change| &*change.name).collect();
    assert_eq!(names, ["comment-12", "cache"]);
    assert!(plan.again);
    let verdicts: Vec<Verdict> = plan
        .decisions
        .iter()
        .map(|decision| decision.verdict)
        .collect();
    assert_eq!(verdicts, [Verdict::Update, Verdict::Held, Verdict::Waiting]);
}

#[test]
fn questions_are_answered() {
    let behind = || world().says(SERVER, 'b').says("redis:7", 'b');
    let lines = |command: Command| {
        let asked = behind().asked(ask(vec![command]));
        let plan = asked.plan();
        let outcome = &plan.answers[0].outcomes[0];
        let text = report_text(&asked, &plan, outcome).unwrap_or_else(|| panic!("{outcome:?}"));
        (text.title, text.lines)
    };
    let (title, explained) = lines(Command::Explain {
        target: target("cache"),
    });
    assert_eq!(
        title,
        "stacks/cache/main.tf#kubernetes_deployment.main/container[redis].image"
    );
    assert!(
        explained
            .iter()
            .any(|line| line.starts_with("mode       adopt commit ([defaults])")),
        "{explained:?}"
    );
    let (_, status) = lines(Command::Status { target: None });
    assert_eq!(status[0], "1 in-sync, 2 update");
    assert_eq!(status.len(), 3);
    let (_, status) = lines(Command::Status {
        target: target("immich"),
    });
    assert_eq!(status[0], "1 in-sync, 1 update");
    let (_, planned) = lines(Command::Plan);
    assert_eq!(planned[0], "commit: cache: pin redis to bbbb…bb (7)");
    assert_eq!(
        planned[1],
        "  update    redis:7 aaaaaaaaaaaa → bbbbbbbbbbbb"
    );
    assert!(matches!(
        outcome(
            behind(),
            Command::Explain {
                target: target("nothing")
            }
        ),
        Outcome::NotFound { .. }
    ));
    assert!(matches!(
        outcome(behind(), Command::Explain { target: None }),
        Outcome::Refused { .. }
    ));
}

#[test]
fn a_hold_that_is_only_proposed_closes_nothing_and_a_newer_wish_replaces_it() {
    let behind = written("", "")
        .says(SERVER, 'b')
        .configured("[defaults]\nmode = \"pull-request\"\nsettle = \"0\"");
    let open = behind.opened();
    let protected = open.forged(|forge| {
        forge.direct = Direct::Protected("the branch main is protected".into());
    });
    let asked = protected
        .clone()
        .asked(ask(vec![hold("immich/app:server")]));
    let plan = asked.plan();
    assert_eq!(
        plan.pull_steps,
        [],
        "the update stays open until the hold is merged"
    );
    let proposed = plan
        .changes
        .iter()
        .find(|change| &*change.name == "comment-12");
    let proposed = pull(200, proposed.expect("the hold is proposed"));

    let waiting = protected.pulled(proposed);
    let newer = comment(
        13,
        vec![pin("immich/app:server", Some(Goal::Digest(digest('c'))))],
    );
    let steps = waiting.clone().asked(vec![newer]).plan().pull_steps;
    let [
        crate::pipeline::PullStep::Close {
            number: 200, why, ..
        },
    ] = &steps[..]
    else {
        panic!("{steps:?}")
    };
    assert!(why.contains("ana (7) asked for something else"), "{why}");
    let resume = Command::Resume {
        target: target("immich/app:server"),
    };
    let outcomes = waiting.asked(vec![comment(14, vec![resume])]).outcomes();
    let [Outcome::Nothing { why, .. }] = &outcomes[..] else {
        panic!("{outcomes:?}")
    };
    assert!(why.contains("pull request #200 proposes it"), "{why}");
}
