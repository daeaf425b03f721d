//! Pull requests: opened, kept, declined, left, closed, merged.

use super::forge::*;
use super::*;
use crate::pipeline::forge::{Ask, Branch, Checks, OpenReview, PullRequest, PullState};
use crate::pipeline::{Change, Delivery, Proposal, PullStep, Verdict};
use std::collections::BTreeSet;

const IMAGES: [&str; 3] = ["x/a:v1", "x/b:v1", "x/c:v1"];

/// A stack for each name, with one site that is behind; updates are proposed.
fn stacks(names: &[&str]) -> Snapshot {
    let sites = names
        .iter()
        .enumerate()
        .map(|(index, name)| site(name, 1, &pinned(IMAGES[index], 'a')))
        .collect();
    let world = names
        .iter()
        .enumerate()
        .fold(snapshot(sites), |world, (index, _)| {
            world
                .says(IMAGES[index], 'b')
                .seen(IMAGES[index], 'b', "2026-11-20T00:00:00Z")
        });
    world.forged(|_| {})
}

fn proposals(plan: &Plan) -> Vec<(&str, Option<u64>)> {
    let number = |change: &Change| {
        assert_eq!(
            change.delivery.is_pull_request(),
            change.proposal.is_some(),
            "{change:?}"
        );
        change.proposal.as_ref().map(|proposal| proposal.number)
    };
    plan.changes
        .iter()
        .filter_map(|change| Some((&*change.name, number(change)?)))
        .collect()
}

fn proposal(plan: &Plan) -> &Proposal {
    plan.changes[0].proposal.as_ref().expect("a pull request")
}

fn close(step: &PullStep) -> (u64, &str) {
    match step {
        PullStep::Close { number, why, .. } => (*number, why),
        other => panic!("{other:?}"),
    }
}

#[test]
fn an_open_pull_request_is_kept_and_updated() {
    let open = stacks(&["one", "two"]).opened();
    assert_eq!(
        proposals(&open.plan()),
        [("one", Some(100)), ("two", Some(101))]
    );
    assert_eq!(open.plan().pull_steps, []);
    assert_eq!(
        Seen::Known(open.plan().ledger),
        open.ledger,
        "sightings are kept while it is open"
    );
    let newer = open
        .clone()
        .says("x/a:v1", 'c')
        .seen("x/a:v1", 'c', "2026-11-21T00:00:00Z")
        .plan();
    assert_eq!(proposals(&newer)[0], ("one", Some(100)));
    assert_eq!(newer.changes[0].pins[0].to, Some(digest('c')));
    let settling = open.says("x/a:v1", 'c').plan();
    assert_eq!(proposals(&settling), [("two", Some(101))]);
    assert_eq!(
        settling.pull_steps,
        [],
        "while the new digest settles the old proposal stays"
    );
}

#[test]
fn a_command_about_one_site_changes_nothing_else() {
    let about_first = |mut world: Snapshot| {
        let first = world.scan.sites().next().map(|(_, site)| site.id.clone());
        world.only = Some(first.into_iter().collect());
        world
    };
    let both = stacks(&["one", "two"]);
    let plan = about_first(both.clone()).plan();
    assert_eq!(proposals(&plan), [("one", None)]);
    assert_eq!(plan.decisions.len(), 1, "{:?}", plan.decisions);
    // The other's pull request has become moot, and is not the command's concern.
    let moot = both.opened().says("x/b:v1", 'a');
    assert_eq!(close(&moot.plan().pull_steps[0]).0, 101);
    let plan = about_first(moot.clone()).plan();
    assert_eq!(plan.pull_steps, []);
    assert_eq!(proposals(&plan), [("one", Some(100))]);
    let own = about_first(moot.says("x/a:v1", 'a')).plan();
    assert_eq!(own.pull_steps.len(), 1, "{:?}", own.pull_steps);
    assert_eq!(close(&own.pull_steps[0]).0, 100);
}

#[test]
fn a_member_of_a_group_waits_for_those_that_the_command_does_not_name() {
    let mut world =
        stacks(&["one", "two"]).configured("[[group]]\nname = 'g'\nstacks = ['one', 'two']");
    assert_eq!(world.plan().changes.len(), 1);
    let first = world.scan.sites().next().map(|(_, site)| site.id.clone());
    world.only = Some(first.into_iter().collect());
    let decision = world.decided();
    let Some(Reason::GroupWaits { reason, .. }) = decision.reasons.first() else {
        panic!("{decision:?}")
    };
    assert_eq!(**reason, Reason::NotTargeted);
    assert_eq!(world.plan().changes, []);
}

#[test]
fn odd_names_are_proposed_under_their_branch() {
    let world = stacks(&["media/immich ..lock"]);
    let open = world.clone().opened();
    assert_eq!(
        proposals(&open.plan()),
        [("media/immich ..lock", Some(100))]
    );
    let stolen = stacks(&["comment-12"]).plan();
    assert_eq!(proposals(&stolen), [("comment-12 (stack)", None)]);
}

#[test]
fn no_more_are_opened_than_allowed() {
    let two = |world: Snapshot| world.configured("[forge]\nmax_pull_requests = 2");
    let plan = two(stacks(&["b", "c", "a"])).plan();
    assert_eq!(proposals(&plan), [("a", None), ("b", None)]);
    assert_eq!(plan.decisions[1].verdict, Verdict::Waiting);
    assert_eq!(
        plan.decisions[1].reasons[0],
        Reason::TooManyPullRequests { open: 2 }
    );
    let kept = two(stacks(&["b", "c", "a"]).pulled(proposed(9, "c", Vec::new())));
    assert_eq!(proposals(&kept.plan()), [("a", None), ("c", Some(9))]);
    let asked = two(stacks(&["b", "c", "a"]).pulled(proposed(9, "comment-4", vec![other_pin()])));
    assert_eq!(
        proposals(&asked.plan()).len(),
        2,
        "what people asked for does not count"
    );
    let mut full = stacks(&["a"])
        .configured("[forge]\nmax_pull_requests = 1")
        .pulled(elsewhere());
    assert_eq!(
        proposals(&full.plan()),
        [("a", None)],
        "the other one is closed in the same pass"
    );
    Arc::make_mut(&mut full.scan)
        .problems
        .push(unread("stacks/z/main.tf"));
    assert_eq!(
        (proposals(&full.plan()), full.plan().pull_steps),
        (Vec::new(), Vec::new()),
        "its file cannot be read"
    );
}

fn other_pin() -> PinRecord {
    PinRecord {
        action: Action::Update,
        site: "stacks/b/main.tf#deployment/b/a:a".into(),
        uses: Vec::new(),
        image: "x/a:v1".into(),
        from_tag: None,
        from: None,
        to: Some(digest('f')),
        cause: Cause::TagMoved,
        evidence: None,
        asked: None,
    }
}

/// A pull request about a file that is not here.
fn elsewhere() -> crate::pipeline::forge::PullRequest {
    proposed(
        9,
        "other",
        vec![PinRecord {
            site: "stacks/z/main.tf#deployment/z/a:a".into(),
            ..other_pin()
        }],
    )
}

fn unread(file: &str) -> crate::sites::Problem {
    crate::sites::Problem {
        file: RepoPath::new(file).expect(file),
        line: None,
        what: "broken".into(),
    }
}

#[test]
fn what_a_person_closed_is_not_proposed_again() {
    let world = stacks(&["one", "two"]);
    let declined = world
        .clone()
        .forged(|forge| forge.pulls = vec![closed(pull(4, &world.plan().changes[0]))]);
    let plan = declined.plan();
    assert_eq!(proposals(&plan), [("two", None)]);
    assert_eq!(plan.decisions[0].verdict, Verdict::Held);
    assert_eq!(
        plan.decisions[0].reasons[0],
        Reason::PullRequestDeclined {
            number: 4,
            at: at("2026-11-20T09:00:00Z"),
            pin: format!("/pin … to {}", digest('b'))
        }
    );
    let another = declined
        .clone()
        .says("x/a:v1", 'c')
        .seen("x/a:v1", 'c', "2026-11-21T00:00:00Z");
    assert_eq!(proposals(&another.plan()).len(), 2);
    let by_pintle = world
        .clone()
        .forged(|forge| forge.pulls = vec![closed(proposed(4, "one", Vec::new()))]);
    assert_eq!(proposals(&by_pintle.plan()).len(), 2);
    let handed_back = declined
        .clone()
        .forged(|forge| forge.pulls[0].left = BTreeSet::from([commit('9')]));
    assert_eq!(
        proposals(&handed_back.plan()).len(),
        2,
        "pintle said that closing it hands it back"
    );
    let as_commit = declined.configured("[defaults]\nmode = 'commit'");
    assert_eq!(as_commit.plan().changes.len(), 2, "a commit asks nobody");
}

#[test]
fn what_was_closed_under_another_name_is_not_proposed_again() {
    let world = stacks(&["one", "two"]);
    let pins = world.plan().changes[0].pins.clone();
    let other_name = world.forged(|forge| forge.pulls = vec![closed(proposed(4, "three", pins))]);
    assert_eq!(proposals(&other_name.plan()), [("two", None)]);
}

#[test]
fn a_closed_site_does_not_stop_the_rest_of_its_stack() {
    let sites = vec![
        site("one", 1, &pinned("x/a:v1", 'a')),
        site("one", 2, &pinned("x/b:v1", 'a')),
    ];
    let world = snapshot(sites)
        .says("x/a:v1", 'b')
        .says("x/b:v1", 'b')
        .configured("[defaults]\nsettle = '0'")
        .forged(|_| {});
    let pins = vec![world.plan().changes[0].pins[0].clone()];
    let plan = world
        .forged(|forge| forge.pulls = vec![closed(proposed(4, "one", pins))])
        .plan();
    assert_eq!(plan.changes[0].pins.len(), 1);
    assert_eq!(
        (plan.decisions[0].verdict, plan.decisions[1].verdict),
        (Verdict::Held, Verdict::Update)
    );
}

#[test]
fn a_branch_that_a_person_pushed_to_is_left_alone() {
    let mut pushed = stacks(&["one"]).opened();
    pushed.branches[0] = Branch {
        own: false,
        tip: commit('9'),
        ..pushed.branches[0].clone()
    };
    let plan = pushed.plan();
    assert_eq!(plan.changes, []);
    assert_eq!(
        plan.pull_steps,
        [PullStep::Leave {
            number: 100,
            name: "one".into(),
            tip: commit('9')
        }]
    );
    assert_eq!(plan.decisions[0].verdict, Verdict::Waiting);
    assert_eq!(
        plan.decisions[0].reasons[0],
        Reason::BranchTaken {
            branch: "pintle/one".into(),
            number: 100
        }
    );
    let told = pushed
        .clone()
        .forged(|forge| forge.pulls[0].left = BTreeSet::from([commit('9')]));
    assert_eq!(
        (told.plan().changes, told.plan().pull_steps),
        (Vec::new(), Vec::new()),
        "it is said once"
    );
    let again = pushed
        .clone()
        .forged(|forge| forge.pulls[0].left = BTreeSet::from([commit('8')]));
    assert_eq!(
        again.plan().pull_steps,
        [],
        "not once more for another push"
    );
    let in_sync = pushed.clone().says("x/a:v1", 'a');
    assert!(
        !in_sync
            .plan()
            .pull_steps
            .iter()
            .any(|step| matches!(step, PullStep::Close { .. } | PullStep::DeleteBranch { .. }))
    );
    let foreign = pushed.forged(|forge| forge.pulls.clear());
    assert_eq!(
        (foreign.plan().changes, foreign.plan().pull_steps),
        (Vec::new(), Vec::new())
    );
    assert_eq!(foreign.decided().verdict, Verdict::Blocked);
    assert_eq!(
        foreign.decided().reasons[0],
        Reason::BranchForeign {
            branch: "pintle/one".into()
        }
    );
}

#[test]
fn what_is_moot_is_closed_and_says_why() {
    let open = || stacks(&["one"]).opened();
    let site = "stacks/one/main.tf#kubernetes_deployment.a/container[a].image";
    let table: [(Snapshot, String); 4] = [
        (open().says("x/a:v1", 'a'), "all images are in sync".into()),
        (
            Snapshot {
                scan: Arc::new(Scan::default()),
                ..open()
            },
            format!("the site {site} is gone"),
        ),
        (
            open().configured("[defaults]\nmode = 'commit'"),
            format!("{site} is committed without a pull request"),
        ),
        (
            open().configured("[[group]]\nname = 'g'\nstacks = ['one']"),
            format!("{site} is proposed with g"),
        ),
    ];
    for (world, why) in table {
        let plan = world.plan();
        assert_eq!(
            plan.pull_steps.iter().map(close).collect::<Vec<_>>(),
            [(100, why.as_str())]
        );
    }
    for (config, code) in [
        ("[[hold]]\nstack = 'one'\nbecause = 'broken'", "held"),
        ("[deny]\nstacks = ['one']", "denied"),
    ] {
        let plan = open().configured(config).plan();
        assert_eq!(codes(&plan.decisions[0])[0], code);
        let why = format!("{site}: {}", plan.decisions[0].reasons[0]);
        assert_eq!(
            plan.pull_steps.iter().map(close).collect::<Vec<_>>(),
            [(100, why.as_str())]
        );
    }
}

#[test]
fn a_missing_tag_ends_no_proposal_and_the_text_says_so() {
    let missing = stacks(&["one"])
        .opened()
        .upstream("x/a:v1", Seen::Known(Upstream::Missing));
    let plan = missing.plan();
    assert_eq!(plan.decisions[0].verdict, Verdict::Blocked);
    let why = plan.decisions[0].reasons[0].to_string();
    assert_eq!(
        plan.pull_steps,
        [PullStep::Warn {
            number: 100,
            name: "one".into(),
            why
        }]
    );
    assert_eq!(plan.changes, []);
    let held = missing.configured("[[hold]]\nstack = 'one'\nbecause = 'broken'");
    let steps = held.plan().pull_steps;
    assert_eq!(steps.iter().map(close).count(), 1, "{steps:?}");
}

#[test]
fn a_branch_is_rebased_only_where_it_has_to_be() {
    let newest = |world: &Snapshot| -> Vec<bool> {
        let changes = world.plan().changes;
        let all = changes.iter().filter_map(|change| change.proposal.as_ref());
        all.map(|proposal| proposal.newest_tip).collect()
    };
    let behind = |world: Snapshot| Snapshot {
        tip: Some(commit('7')),
        ..world
    };
    assert_eq!(newest(&behind(stacks(&["one"]).opened())), [false]);
    let always = stacks(&["one"]).configured("[forge]\nrebase = 'always'");
    assert_eq!(newest(&behind(always.opened())), [true]);
    let ruled = stacks(&["one"]).opened();
    let ruled = ruled.forged(|forge| forge.merges_newest_only = true);
    assert_eq!(newest(&behind(ruled)), [true], "the branch asks for it");
    assert_eq!(newest(&behind(ripe())), [true], "it is about to be merged");
    assert_eq!(newest(&ripe()), [false], "it is on the newest tip");
    let draft = ripe().forged(|forge| forge.pulls[0].draft = true);
    assert_eq!(newest(&behind(draft)), [false]);
}

#[test]
fn of_two_that_replicas_opened_at_once_the_older_stays() {
    let world = stacks(&["one"]).opened();
    let mut forge = world.forge.known().expect("a forge").clone();
    let double = PullRequest {
        number: 101,
        ..forge.pulls[0].clone()
    };
    forge.pulls.insert(0, double);
    let plan = Snapshot {
        forge: Seen::Known(forge),
        ..world
    }
    .plan();
    assert_eq!(
        plan.pull_steps.iter().map(close).collect::<Vec<_>>(),
        [(101, "pull request #100 proposes the same")]
    );
    assert!(
        matches!(plan.pull_steps[0], PullStep::Close { tip: None, .. }),
        "the branch is the other one's"
    );
    assert_eq!(proposals(&plan), [("one", Some(100))]);
}

#[test]
fn what_could_not_be_looked_at_is_not_moot() {
    let open = || stacks(&["one"]).opened();
    let table = [
        open().upstream("x/a:v1", Seen::Unknown("502".into())),
        Snapshot {
            history: Seen::Unknown("x".into()),
            ..open()
        },
        Snapshot {
            ledger: Seen::Unknown("x".into()),
            ..open()
        },
        Snapshot {
            scan: Arc::new(Scan {
                problems: vec![unread("stacks/one/main.tf")],
                ..Scan::default()
            }),
            ..open()
        },
        Snapshot {
            forge: Seen::Unknown("502".into()),
            ..open()
        },
        open().says("x/a:v1", 'c'),
        open().configured("[defaults]\nsettle = '30d'"),
    ];
    for (index, world) in table.into_iter().enumerate() {
        let plan = world.plan();
        assert_eq!(
            (plan.pull_steps, plan.changes),
            (Vec::new(), Vec::new()),
            "{index}"
        );
    }
}

#[test]
fn branches_of_ended_pull_requests_are_deleted() {
    let merged = |world: Snapshot| {
        world.says("x/a:v1", 'a').forged(|forge| {
            forge.pulls[0].state = PullState::Merged {
                at: at(NOW),
                commit: None,
            }
        })
    };
    let gone = [PullStep::DeleteBranch {
        name: "one".into(),
        tip: commit('d'),
    }];
    let open = stacks(&["one"]).opened();
    assert_eq!(merged(open.clone()).plan().pull_steps, gone);
    assert_eq!(
        open.clone()
            .forged(|forge| forge.pulls[0] = closed(forge.pulls[0].clone()))
            .plan()
            .pull_steps,
        gone
    );
    let mut theirs = merged(open.clone());
    theirs.branches[0].own = false;
    assert_eq!(theirs.plan().pull_steps, []);
    theirs.branches[0].merged = true;
    assert_eq!(
        theirs.plan().pull_steps,
        gone,
        "what they pushed is on the followed branch"
    );
    let lost = open.forged(|forge| forge.pulls.clear());
    assert_eq!(
        lost.plan().pull_steps,
        [],
        "a branch whose pull request is still to be opened stays"
    );
    assert_eq!(lost.plan().changes.len(), 1);
    assert_eq!(
        lost.says("x/a:v1", 'a').plan().pull_steps,
        gone,
        "one that never got any goes"
    );
}

/// One open pull request that pintle may merge after three days.
fn ripe() -> Snapshot {
    let world = stacks(&["one"])
        .configured("[defaults]\nautomerge = true\nsoak = '3d'")
        .seen("x/a:v1", 'b', "2026-11-19T12:00:00Z")
        .opened();
    world.forged(|forge| {
        forge.pulls[0].checks = Seen::Known(Checks::Green);
        forge.pulls[0].reviews = Seen::Known(Vec::new());
    })
}

fn has_merge(world: &Snapshot) -> bool {
    let steps = world.plan().pull_steps;
    steps
        .iter()
        .any(|step| matches!(step, PullStep::Merge { number: 100, .. }))
}

#[test]
fn what_people_have_not_settled_is_not_merged_and_it_says_for_whom_it_waits() {
    let no = OpenReview::ChangesRequested { by: "ana".into() };
    let asked = OpenReview::Awaited { of: "ben".into() };
    let few = OpenReview::TooFewApprovals {
        given: 0,
        required: 1,
    };
    let reviews =
        |open: Vec<OpenReview>| ripe().forged(|forge| forge.pulls[0].reviews = Seen::Known(open));
    let unread = ripe().forged(|forge| forge.pulls[0].reviews = Seen::Unknown("502".into()));
    for (world, waits) in [
        (
            ripe().forged(|forge| forge.pulls[0].draft = true),
            "its title makes it a draft",
        ),
        (reviews(vec![no]), "ana asks for changes in a review"),
        (
            reviews(vec![asked]),
            "the review that ben was asked for is missing",
        ),
        (reviews(vec![few]), "it has 0 of 1 required approvals"),
        (unread, "its reviews could not be read: 502"),
    ] {
        let plan = world.plan();
        assert_eq!(proposal(&plan).waits, [waits]);
        let reason = Reason::MergeWaits {
            number: 100,
            what: waits.into(),
        };
        assert!(plan.decisions[0].reasons.contains(&reason), "{waits}");
        assert!(!has_merge(&world), "{waits}");
        let by_hand = world.configured("[defaults]\nsoak = '3d'").plan();
        assert_eq!(
            proposal(&by_hand).waits,
            [""; 0],
            "pintle does not merge it"
        );
    }
    let unasked = ripe().forged(|forge| forge.pulls[0].reviews = Seen::NotAsked);
    assert!(!has_merge(&unasked), "nobody looked");
    assert!(has_merge(&ripe()));
}

#[test]
fn a_command_without_an_answer_goes_before_a_merge() {
    use crate::model::ask::{Command, Right};
    let asked = |right| {
        let ask = Ask {
            right,
            ..comment(4, vec![Command::Help])
        };
        ripe().asked(vec![ask])
    };
    assert!(!has_merge(&asked(Seen::Known(Right::Write))));
    assert!(!has_merge(&asked(Seen::Unknown("502".into()))));
    assert!(!has_merge(&asked(Seen::NotAsked)));
    assert!(
        has_merge(&asked(Seen::Known(Right::Read))),
        "a passer-by cannot hold a merge up"
    );
}

#[test]
fn a_pull_request_is_merged_when_its_time_has_come() {
    let merge = |world: &Snapshot| {
        world
            .plan()
            .pull_steps
            .iter()
            .any(|step| matches!(step, PullStep::Merge { number: 100, .. }))
    };
    let merges = ripe().plan();
    assert_eq!(
        proposal(&merges).merges.as_deref(),
        Some("after 3d, on 2026-11-22 12:00 UTC, once its statuses are green")
    );
    assert!(merge(&ripe()));
    let checks = |checks: Seen<Checks>| ripe().forged(|forge| forge.pulls[0].checks = checks);
    for (what, world) in [
        (
            "too young",
            Snapshot {
                at: at("2026-11-22T11:59:59Z"),
                ..ripe()
            },
        ),
        ("no status", checks(Seen::Known(Checks::Missing))),
        ("pending", checks(Seen::Known(Checks::Pending))),
        ("red", checks(Seen::Known(Checks::Red(Vec::new())))),
        ("not asked", checks(Seen::NotAsked)),
        ("not wanted", ripe().configured("[defaults]\nsoak = '3d'")),
        (
            "in flight",
            ripe().forged(|forge| forge.pipeline = Some(pipeline(Checks::Pending))),
        ),
        (
            "red tip",
            ripe().forged(|forge| forge.pipeline = Some(pipeline(Checks::Red(Vec::new())))),
        ),
        (
            "old base",
            Snapshot {
                tip: Some(commit('7')),
                ..ripe()
            },
        ),
        (
            "other digest",
            ripe()
                .says("x/a:v1", 'c')
                .seen("x/a:v1", 'c', "2026-11-01T00:00:00Z"),
        ),
        (
            "the cluster cannot be asked",
            Snapshot {
                cluster: Seen::Unknown("no route".into()),
                ..ripe()
            },
        ),
        (
            "other head",
            ripe().forged(|forge| forge.pulls[0].head = commit('8')),
        ),
        ("a person's push", {
            let mut pushed = ripe();
            pushed.branches[0].own = false;
            pushed
        }),
    ] {
        assert!(!merge(&world), "{what}");
    }
    let soon = stacks(&["one"])
        .configured("[defaults]\nautomerge = true")
        .plan();
    assert_eq!(
        proposal(&soon).merges.as_deref(),
        Some("once its statuses are green")
    );
}

#[test]
fn one_is_merged_at_a_time_and_not_beside_a_commit() {
    let world = stacks(&["one", "two"])
        .configured("[defaults]\nautomerge = true")
        .opened();
    let green = world.forged(|forge| {
        forge.pulls.iter_mut().for_each(|pull| {
            pull.checks = Seen::Known(Checks::Green);
            pull.reviews = Seen::Known(Vec::new());
        })
    });
    assert_eq!(
        green
            .plan()
            .pull_steps
            .iter()
            .filter(|step| matches!(step, PullStep::Merge { .. }))
            .count(),
        1
    );
    let beside = green
        .configured(
            "[defaults]\nautomerge = true\n[[rule]]\nmatch = { stack = 'two' }\nmode = 'commit'",
        )
        .plan();
    assert!(
        !beside
            .pull_steps
            .iter()
            .any(|step| matches!(step, PullStep::Merge { .. }))
    );
    assert_eq!(beside.changes[0].delivery, Delivery::Commit);
}

#[test]
fn a_site_that_somebody_asked_about_waits_for_that() {
    let asked = stacks(&["one"]);
    let pins = asked.plan().changes[0].pins.clone();
    let open = asked.pulled(proposed(9, "comment-4", pins)).plan();
    assert_eq!((open.changes.len(), open.pull_steps.len()), (0, 0));
    assert_eq!(
        open.decisions[0].reasons[0],
        Reason::PullRequestOfComment { number: 9 }
    );
}

#[test]
fn a_group_goes_one_way() {
    let world = stacks(&["one", "two"])
        .configured("[[group]]\nname = 'pair'\nstacks = ['one', 'two']\n[[rule]]\nmatch = { stack = 'one' }\nmode = 'commit'\n");
    let plan = world.plan();
    assert_eq!(proposals(&plan), [("pair", None)]);
    assert_eq!(plan.changes[0].pins.len(), 2);
    let because = Reason::GroupAsPullRequest {
        group: "pair".into(),
        member: plan.decisions[1].site.clone(),
    };
    assert_eq!(proposal(&plan).because, Some(because.clone()));
    assert!(
        plan.decisions[0].reasons.contains(&Reason::AsPullRequest {
            because: Box::new(because)
        }),
        "{:?}",
        plan.decisions
    );
}
