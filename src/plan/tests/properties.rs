use super::forge::comment;
use super::*;
use crate::model::ask::{Command, TargetName};
use crate::pipeline::forge::{Direct, branch_name};
use crate::pipeline::{Delivery, Verdict};
use proptest::prelude::*;

const IMAGES: [&str; 6] = [
    "alpine",
    "redis:7.2.4",
    "ghcr.io/immich-app/immich-server:release",
    "postgres:15-alpine",
    "x/app:71b32438",
    "registry.example.com:5000/y/tool:v3",
];
const COMMENTS: [&str; 6] = [
    "",
    "",
    "pintle: never",
    "do not bump",
    "pintle: hold because=x",
    "pintle: nonsense",
];

/// What one site is and what the world says about it.
#[derive(Clone, Debug)]
struct Odd {
    stack: usize,
    image: usize,
    pin: Option<char>,
    comment: usize,
    ignored: bool,
}

fn odd() -> impl Strategy<Value = Odd> {
    let pin = prop_oneof![Just(None), Just(Some('a')), Just(Some('b'))];
    (
        0..4usize,
        0..IMAGES.len(),
        pin,
        0..COMMENTS.len(),
        prop::bool::weighted(0.2),
    )
        .prop_map(|(stack, image, pin, comment, ignored)| Odd {
            stack,
            image,
            pin,
            comment,
            ignored,
        })
}

fn literal(line: usize, odd: &Odd) -> Literal {
    let image = IMAGES[odd.image];
    let text = odd.pin.map_or(image.to_owned(), |pin| pinned(image, pin));
    let mut literal = site(&format!("stack{}", odd.stack), line, &text);
    literal.uses[0].ignored = Some(odd.ignored);
    let numbered = with(literal, |site| {
        site.id = SiteId(format!("{}#{line}", site.id).into())
    });
    if COMMENTS[odd.comment].is_empty() {
        numbered
    } else {
        beside(numbered, COMMENTS[odd.comment])
    }
}

fn seen(index: u8) -> Seen<Upstream> {
    match index {
        0 => Seen::Unknown("no answer".into()),
        1 => Seen::Known(Upstream::Missing),
        _ => Seen::Known(Upstream::Digest(digest('b'))),
    }
}

fn world(odds: &[Odd], upstream: &[u8], grouped: bool) -> Snapshot {
    let sites = odds
        .iter()
        .enumerate()
        .map(|(line, odd)| literal(line + 1, odd))
        .collect();
    let world = IMAGES
        .iter()
        .zip(upstream)
        .fold(snapshot(sites), |world, (image, answer)| {
            world.upstream(image, seen(*answer))
        });
    let group = if grouped {
        "[[group]]\nname = 'g'\nstacks = ['stack1', 'stack2']\n"
    } else {
        ""
    };
    world.configured(&format!("[defaults]\nsettle = '0'\n{group}"))
}

fn worlds() -> impl Strategy<Value = (Vec<Odd>, Vec<u8>, bool)> {
    (
        prop::collection::vec(odd(), 0..12),
        prop::collection::vec(0..8u8, IMAGES.len()),
        any::<bool>(),
    )
}

/// Returns the snapshot after the plan was carried out: the literals hold the new pins.
fn applied(before: &Snapshot, plan: &Plan) -> Snapshot {
    let mut scan = (*before.scan).clone();
    for pin in plan.changes.iter().flat_map(|change| &change.pins) {
        for literal in &mut scan.literals {
            if let Fate::Site(site) = &mut literal.fate
                && *site.id.0 == *pin.site
            {
                site.image = Reference::parse(&format!(
                    "{}@{}",
                    pin.image,
                    pin.to.as_ref().expect("a digest")
                ))
                .expect("a pinned image");
            }
        }
    }
    Snapshot {
        scan: Arc::new(scan),
        ledger: Seen::Known(plan.ledger.clone()),
        ..before.clone()
    }
}

/// The same world with a forge: modes by action and by stack, few pull requests, comments,
/// protection.
fn forged(
    odds: &[Odd],
    upstream: &[u8],
    grouped: bool,
    modes: (usize, usize),
    protected: bool,
) -> Snapshot {
    const MODES: [&str; 3] = ["commit", "pull-request", "off"];
    let world = world(odds, upstream, grouped).forged(|forge| {
        if protected {
            forge.direct = Direct::Protected("protected".into());
        }
    });
    let group = if grouped {
        "[[group]]\nname = 'g'\nstacks = ['stack1', 'stack2']\n"
    } else {
        ""
    };
    world.configured(&format!(
        "[defaults]\nsettle = '0'\nmode = {{ adopt = '{}', update = '{}' }}\n[forge]\nmax_pull_requests = 2\n{group}[[rule]]\nmatch = {{ stack = 'stack3' }}\nmode = 'pull-request'\n",
        MODES[modes.0], MODES[modes.1]
    ))
}

type Forged = ((Vec<Odd>, Vec<u8>, bool), (usize, usize), bool);

fn forged_worlds() -> impl Strategy<Value = Forged> {
    (worlds(), (0..3usize, 0..3usize), any::<bool>())
}

/// The commits of a plan alone.
fn commits(plan: &Plan) -> Plan {
    Plan {
        changes: plan
            .changes
            .iter()
            .filter(|change| change.delivery == Delivery::Commit)
            .cloned()
            .collect(),
        ..plan.clone()
    }
}

/// The names of a plan's pull requests, with their pins.
fn proposed(plan: &Plan) -> Vec<(Arc<str>, Vec<PinRecord>)> {
    let pulls = plan
        .changes
        .iter()
        .filter(|change| change.delivery != Delivery::Commit);
    pulls
        .map(|change| (change.name.clone(), change.pins.clone()))
        .collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn with_a_forge_the_same_plan_comes_again(((odds, upstream, grouped), modes, protected) in forged_worlds()) {
        let before = forged(&odds, &upstream, grouped, modes, protected);
        let first = before.plan();
        prop_assert_eq!(&first, &before.plan());
        let after = applied(&before.clone().opened(), &commits(&first));
        let second = after.plan();
        prop_assert!(commits(&second).changes.is_empty());
        prop_assert_eq!(proposed(&first), proposed(&second));
        prop_assert_eq!(&second.pull_steps, &[]);
        prop_assert_eq!(&second.ledger, &first.ledger);
        for change in &second.changes {
            prop_assert_eq!(change.delivery.is_pull_request(), change.proposal.is_some());
            let Some(proposal) = &change.proposal else { continue };
            prop_assert!(proposal.number.is_some());
            prop_assert_eq!(proposal.rows.len(), change.pins.len());
        }
    }

    #[test]
    fn no_name_is_changed_twice_and_no_edit_overlaps(((odds, upstream, grouped), modes, protected) in forged_worlds()) {
        let plan = forged(&odds, &upstream, grouped, modes, protected).plan();
        let mut names = std::collections::BTreeSet::new();
        for pull in [false, true] {
            let changes: Vec<_> = plan.changes.iter().filter(|change| (change.delivery != Delivery::Commit) == pull).collect();
            prop_assert!(changes.iter().all(|change| names.insert((pull, branch_name(&change.name)))));
            prop_assert!(!pull || changes.len() <= 2);
            let mut edits: Vec<_> = changes.iter().flat_map(|change| &change.edits).collect();
            edits.sort();
            prop_assert!(edits.windows(2).all(|pair| pair[0].file != pair[1].file || pair[0].span.end <= pair[1].span.start));
        }
        let mut sites = std::collections::BTreeSet::new();
        prop_assert!(plan.changes.iter().flat_map(|change| &change.pins).all(|pin| sites.insert(&pin.site)), "no site goes two ways");
    }

    #[test]
    fn what_people_ask_for_goes_first(((odds, upstream, grouped), modes, protected) in forged_worlds(), stack in 0..4usize) {
        let target = TargetName::new(&format!("stack{stack}"));
        let asks = vec![comment(12, vec![Command::Pin { target: target.clone(), to: None, end: None, because: None }]), comment(13, vec![Command::Status { target }])];
        let world = forged(&odds, &upstream, grouped, modes, protected).asked(asks);
        let plan = world.plan();
        prop_assert_eq!(plan.answers.len(), 2);
        let asked: Vec<&str> = plan.changes.iter().filter(|change| &*change.name == "comment-12").flat_map(|change| &change.pins).map(|pin| pin.site.as_str()).collect();
        prop_assert!(asked.is_empty() || &*plan.changes[0].name == "comment-12");
        let own = plan.changes.iter().filter(|change| &*change.name != "comment-12").flat_map(|change| &change.pins);
        prop_assert!(own.clone().all(|pin| !asked.contains(&pin.site.as_str())));
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn what_was_written_is_in_sync_and_nothing_more_is_written((odds, upstream, grouped) in worlds()) {
        let before = world(&odds, &upstream, grouped);
        let first = before.plan();
        let second = applied(&before, &first).plan();
        prop_assert!(second.changes.is_empty());
        prop_assert_eq!(&second.ledger, &first.ledger);
        for (one, two) in first.decisions.iter().zip(&second.decisions) {
            let written = matches!(one.verdict, Verdict::Adopt | Verdict::Update);
            prop_assert_eq!(two.verdict, if written { Verdict::InSync } else { one.verdict });
        }
    }

    #[test]
    fn decisions_are_one_a_site_and_changes_are_sorted((odds, upstream, grouped) in worlds()) {
        let world = world(&odds, &upstream, grouped);
        let plan = world.plan();
        prop_assert_eq!(plan.decisions.len(), odds.len());
        prop_assert!(plan.decisions.iter().all(|decision| !decision.reasons.is_empty()));
        prop_assert!(plan.changes.windows(2).all(|pair| pair[0].name < pair[1].name));
        for change in &plan.changes {
            prop_assert!(change.edits.windows(2).all(|pair| pair[0] < pair[1]));
            prop_assert_eq!(change.edits.len(), change.pins.len());
            let subject = change.message.lines().next().unwrap_or_default();
            prop_assert!(subject.chars().count() <= 72 && !change.message.ends_with('\n'));
        }
        let writes = plan.decisions.iter().filter(|d| matches!(d.verdict, Verdict::Adopt | Verdict::Update)).count();
        prop_assert_eq!(writes, plan.changes.iter().map(|change| change.pins.len()).sum::<usize>());
    }

    #[test]
    fn the_plan_does_not_depend_on_the_order_of_maps((odds, upstream, grouped) in worlds(), seed in any::<u64>()) {
        let world = world(&odds, &upstream, grouped);
        let mut entries: Vec<_> = world.upstream.clone().into_iter().collect();
        entries.rotate_left(usize::try_from(seed % 6).unwrap_or(0));
        let turned = Snapshot { upstream: entries.into_iter().rev().collect(), ..world.clone() };
        prop_assert_eq!(world.plan(), turned.plan());
        let text = |plan: &Plan| crate::report::plan_json::to_json(plan, &world.scan).to_string();
        prop_assert_eq!(text(&world.plan()), text(&turned.plan()));
    }

    #[test]
    fn not_knowing_one_image_changes_nothing_for_the_others((odds, upstream, _) in worlds(), lost in 0..IMAGES.len()) {
        let before = world(&odds, &upstream, false);
        let after = before.clone().upstream(IMAGES[lost], Seen::Unknown("lost".into()));
        for (odd, (one, two)) in odds.iter().zip(before.plan().decisions.iter().zip(&after.plan().decisions)) {
            if odd.image != lost {
                prop_assert_eq!(one, two);
            } else {
                prop_assert!(!matches!(two.verdict, Verdict::Adopt | Verdict::Update));
            }
        }
    }
}
