//! Random lives of a workload: what is claimed of them is what happened.

use super::world::*;
use super::*;
use crate::pipeline::Blame;
use crate::pipeline::cluster::{Revision, Workload};
use crate::pipeline::history::History;
use proptest::prelude::*;

#[derive(Clone, Debug)]
enum Step {
    /// pintle pins another digest.
    Pin(char),
    /// Somebody else pins another digest.
    Hand(char),
    /// Terraform applies what is pinned.
    Apply,
    /// Terraform applies what was pinned before.
    ApplyOlder,
    /// `kubectl rollout undo --to-revision`: so many back.
    Undo(usize),
    /// `kubectl set image`
    Set(char),
    /// `kubectl rollout restart`
    Restart,
}

fn step() -> impl Strategy<Value = Step> {
    let digit = prop::sample::select(vec!['a', 'b', 'c', 'd']);
    prop_oneof![
        2 => digit.clone().prop_map(Step::Pin),
        2 => digit.clone().prop_map(Step::Hand),
        3 => Just(Step::Apply),
        1 => Just(Step::ApplyOlder),
        2 => (1..4usize).prop_map(Step::Undo),
        1 => digit.prop_map(Step::Set),
        1 => Just(Step::Restart),
    ]
}

/// A workload as it lives.
struct Life {
    kind: &'static str,
    now: Timestamp,
    /// With the template that is not the image; newest first.
    revisions: Vec<(Revision, usize)>,
    writer: (&'static str, Timestamp),
    world: Snapshot,
    pins: Vec<char>,
    /// When the last pin was written.
    pinned: Timestamp,
    /// It was not pintle.
    by_hand: bool,
    /// The pin was live after it was written.
    was_live: bool,
    /// The last change of the image led from the live pin back to a revision that was there, by
    /// hand.
    undone: bool,
    /// The last pin that was live.
    last_live: char,
    /// That pin was left by hand, maybe while a newer one is not applied.
    left_earlier: bool,
    /// Who set the image wrote something else since: its time is that of this write.
    muddled: bool,
}

impl Life {
    fn new(kind: &'static str) -> Self {
        let now = at("2026-11-22T09:00:00Z");
        let first = revision(1, &image('a'), "2026-11-22T08:00:00Z");
        let world = declared(kind, 'a', "", "");
        let history = Seen::Known(History::default());
        let world =
            Snapshot { history, ..world }.did(Action::Adopt, None, 'a', "2026-11-22T07:00:00Z");
        let writer = ("Terraform", now);
        let pinned = at("2026-11-22T07:00:00Z");
        Self {
            kind,
            now,
            revisions: vec![(first, 0)],
            writer,
            world,
            pins: vec!['a'],
            pinned,
            by_hand: false,
            was_live: true,
            undone: false,
            last_live: 'a',
            left_earlier: false,
            muddled: false,
        }
    }

    fn pin(&self) -> char {
        self.pins.last().copied().unwrap_or('a')
    }

    fn step(&mut self, step: &Step) {
        self.now = self
            .now
            .checked_add(jiff::SignedDuration::from_secs(20))
            .expect("a time");
        let (live, template) = (self.live(), self.revisions[0].1);
        match step {
            Step::Pin(c) | Step::Hand(c) if *c != self.pin() => {
                let from = self.pin();
                self.by_hand = matches!(step, Step::Hand(_));
                if !self.by_hand {
                    self.world = self.world.clone().did(
                        Action::Update,
                        Some(from),
                        *c,
                        &self.now.to_string(),
                    );
                }
                self.pins.push(*c);
                self.pinned = self.now;
                self.was_live = live == image(*c);
                self.undone = false;
            }
            Step::Pin(_) | Step::Hand(_) => {}
            Step::Apply => self.set(&image(self.pin()), template, "Terraform"),
            Step::ApplyOlder => {
                let older = self.pins.iter().rev().nth(1).copied();
                if let Some(older) = older {
                    self.set(&image(older), template, "Terraform");
                }
            }
            Step::Undo(back) => {
                let older = self
                    .revisions
                    .get(*back)
                    .map(|(revision, template)| (revision.images["server"].to_string(), *template));
                if let Some((image, template)) = older {
                    self.set(&image, template, "kubectl-rollout");
                }
            }
            Step::Set(c) => self.set(&image(*c), template, "kubectl-set"),
            Step::Restart => self.set(&live, template + 1, "kubectl-rollout"),
        }
    }

    fn live(&self) -> String {
        self.revisions[0].0.images["server"].to_string()
    }

    fn set(&mut self, to: &str, template: usize, manager: &'static str) {
        let (live, pin) = (self.live(), image(self.pin()));
        let number = self.revisions[0].0.number + 1;
        let known = self
            .revisions
            .iter()
            .position(|(revision, own)| &*revision.images["server"] == to && *own == template);
        if known == Some(0) {
            return;
        }
        let ours = self.revisions[0].0.created;
        let mut next = match known {
            Some(index) => self.revisions.remove(index).0,
            None => revision(number, to, &self.now.to_string()),
        };
        if known.is_some() && self.kind == "deployment" {
            next.earlier.push(next.number);
        }
        next.number = number;
        // Only Deployments tell that a revision came into use again; of the others one that is
        // older than the pin or its revision must have been.
        let tells =
            self.kind == "deployment" || next.created < ours || next.created < Some(self.pinned);
        self.revisions.insert(0, (next, template));
        if live == to && self.writer.0 == manager {
            (self.writer.1, self.muddled) = (self.now, true);
        }
        if live != to {
            (self.writer, self.muddled) = ((manager, self.now), false);
            self.undone =
                live == pin && self.was_live && known.is_some() && tells && manager != "Terraform";
            self.left_earlier = to != image(self.last_live) && manager != "Terraform";
        }
        self.was_live |= to == pin;
        let mut pins = self.pins.iter();
        self.last_live = pins
            .rfind(|c| image(**c) == to)
            .copied()
            .unwrap_or(self.last_live);
    }

    /// Whether the pin's revision was made after it was written: else only the time of who set the
    /// image tells that it was live.
    fn tells(&self) -> bool {
        let pin = image(self.pin());
        let last = self
            .revisions
            .iter()
            .find(|(revision, _)| *revision.images["server"] == *pin);
        !self.muddled || last.is_some_and(|(revision, _)| revision.created >= Some(self.pinned))
    }

    fn snapshot(&self) -> Snapshot {
        let revisions: Vec<Revision> = self
            .revisions
            .iter()
            .map(|(revision, _)| revision.clone())
            .collect();
        let live: Workload = workload(
            self.kind,
            revisions,
            self.writer.0,
            &self.writer.1.to_string(),
        );
        let text = declared(self.kind, self.pin(), "", "");
        let seen = Snapshot {
            history: self.world.history.clone(),
            at: self.now,
            ..text
        };
        seen.says(SERVER, self.pin()).hosts(vec![live])
    }

    /// The same with what git tells of it, if that is asked.
    fn told(&self) -> Snapshot {
        let mut seen = self.snapshot();
        let before = self.pins.iter().rev().nth(1).map(|c| digest(*c));
        let commit = if self.by_hand {
            super::forge::commit('f')
        } else {
            super::forge::commit(self.pin())
        };
        let blame = Blame {
            commit,
            at: self.pinned,
            before,
        };
        seen.blame = crate::plan::pins_to_blame(&seen)
            .into_iter()
            .map(|key| (key, Seen::Known(blame.clone())))
            .collect();
        seen
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 192, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn an_undo_is_claimed_where_there_was_one(steps in prop::collection::vec(step(), 0..14), kind in prop::sample::select(vec!["deployment", "statefulset", "daemonset"])) {
        let mut life = Life::new(kind);
        for step in &steps {
            life.step(step);
        }
        let seen = life.told();
        let plan = seen.plan();
        prop_assert_eq!(&plan, &seen.plan());
        let undo = plan.changes.iter().flat_map(|change| &change.pins).find(|pin| pin.cause == Cause::Undo);
        if let Some(pin) = undo {
            prop_assert!(life.was_live || life.left_earlier, "no pin that was left was ever live");
            prop_assert_ne!(life.writer.0, "Terraform");
            prop_assert_eq!(format!("{SERVER}@{}", pin.to.as_ref().expect("a digest")), life.live());
            prop_assert_eq!(&pin.from, &Some(digest(life.pin())));
        }
        prop_assert!(undo.is_some() || !life.undone || !life.tells(), "{:?}", plan.decisions);
        if life.live() == image(life.pin()) {
            prop_assert_eq!(undo, None);
        }
        let mut blind = life.told();
        blind.blame.values_mut().for_each(|seen| *seen = Seen::Unknown("cut off".into()));
        let undone = blind.plan().changes.iter().flat_map(|change| &change.pins).any(|pin| pin.cause == Cause::Undo);
        let recorded = life.world.history.known().and_then(|history| history.first()?.pin.to.clone()) == Some(digest(life.pin()));
        prop_assert!(!undone || recorded, "what git does not tell is not concluded");
    }
}
