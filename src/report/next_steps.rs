//! What to do next, in the order of how many images it frees: for somebody who has configured
//! little. Reads the plan, decides nothing.

use crate::pipeline::{Decision, Reason, Verdict};
use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::fmt;

/// So many steps are named.
const STEPS: usize = 3;

/// What a step frees.
#[derive(Clone, Copy, Default)]
struct Freed {
    /// Images that nothing else keeps back.
    alone: usize,
    /// Images that need another step too.
    with_more: usize,
}

/// Returns `name a cluster (--kubeconfig, --in-cluster): 171 images`, and so on; nothing where no
/// setting would free an image.
pub fn next_steps(decisions: &[Decision]) -> Vec<String> {
    let mut freed: BTreeMap<String, Freed> = BTreeMap::new();
    for decision in decisions {
        let Some(first) = decision.reasons.first().and_then(step) else {
            continue;
        };
        let blocking = decision
            .reasons
            .iter()
            .filter(|reason| reason.verdict() == Some(Verdict::Blocked));
        let is_enough = blocking.map(step).all(|one| one.as_ref() == Some(&first));
        let counts = freed.entry(first).or_default();
        match is_enough {
            true => counts.alone += 1,
            false => counts.with_more += 1,
        }
    }
    let mut freed: Vec<(String, Freed)> = freed.into_iter().collect();
    freed.sort_by_key(|(_, counts)| Reverse((counts.alone, counts.with_more)));
    let some = freed.into_iter().take(STEPS);
    some.map(|(step, counts)| format!("{step}: {counts}"))
        .collect()
}

impl fmt::Display for Freed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let images = |count: usize| match count {
            1 => "1 image".to_owned(),
            count => format!("{count} images"),
        };
        match (self.alone, self.with_more) {
            (alone, 0) => write!(f, "{}", images(alone)),
            (0, more) => write!(f, "{} with another step", images(more)),
            (alone, more) => write!(f, "{}, {more} more with another step", images(alone)),
        }
    }
}

/// What takes a reason away.
fn step(reason: &Reason) -> Option<String> {
    Some(match reason {
        Reason::IgnoredByTerraform { .. } => {
            "name a cluster (`--kubeconfig`, `--in-cluster`)".to_owned()
        }
        Reason::NoForge { .. } => {
            "name a forge (`--forge`), or set the mode to `commit`".to_owned()
        }
        Reason::UnreadableVarFile { file, .. } => {
            format!("list {file} in `[scan] without_images`, or exclude it")
        }
        Reason::UnnamedVarFile { file, .. } => {
            format!("name {file} in an `[[environment]]`, or exclude it")
        }
        Reason::NoChannel => "name a tag to follow (`# pintle: channel=…`)".to_owned(),
        Reason::JobWouldRerun { .. } => "set policy `force` for jobs that may run again".to_owned(),
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pipeline::Seen;
    use crate::sites::SiteId;
    use crate::terraform::files::RepoPath;

    fn decision(reasons: Vec<Reason>) -> Decision {
        Decision {
            site: SiteId("main.tf#local.image".into()),
            verdict: Verdict::Blocked,
            reasons,
            from: None,
            to: None,
            tags: None,
            runs: Seen::NotAsked,
        }
    }

    fn blocked(reason: impl Fn() -> Reason, count: usize) -> impl Iterator<Item = Decision> {
        (0..count).map(move |_| decision(vec![reason(), Reason::CacheFresh]))
    }

    #[test]
    fn the_step_that_frees_most_comes_first_and_three_are_named() {
        let file = |name: &str| RepoPath::new(name).expect("a path");
        let ignored = || Reason::IgnoredByTerraform {
            place: "main.tf:9".into(),
        };
        let unnamed = || Reason::UnnamedVarFile {
            file: file("prod.tfvars"),
            variable: "var.tag".into(),
        };
        let encrypted = || Reason::UnreadableVarFile {
            file: file("config.tfvars"),
            variable: "var.tag".into(),
        };
        let job = || Reason::JobWouldRerun { job: "a/b".into() };
        let all: Vec<Decision> = blocked(job, 1)
            .chain(blocked(unnamed, 2))
            .chain(blocked(ignored, 4))
            .chain(blocked(encrypted, 3))
            .chain([decision(Vec::new())])
            .collect();
        assert_eq!(
            next_steps(&all),
            [
                "name a cluster (`--kubeconfig`, `--in-cluster`): 4 images",
                "list config.tfvars in `[scan] without_images`, or exclude it: 3 images",
                "name prod.tfvars in an `[[environment]]`, or exclude it: 2 images",
            ]
        );
        assert_eq!(next_steps(&[]), [] as [String; 0]);
        let one: Vec<Decision> = blocked(job, 1).collect();
        assert_eq!(
            next_steps(&one),
            ["set policy `force` for jobs that may run again: 1 image"]
        );
    }

    #[test]
    fn an_image_that_two_things_keep_back_is_not_freed_by_one() {
        let ignored = || Reason::IgnoredByTerraform {
            place: "main.tf:9".into(),
        };
        let both = || decision(vec![ignored(), Reason::NoChannel]);
        let cluster = "name a cluster (`--kubeconfig`, `--in-cluster`)";
        assert_eq!(
            next_steps(&[both()]),
            [format!("{cluster}: 1 image with another step")]
        );
        let all: Vec<Decision> = blocked(ignored, 2)
            .chain([both(), both(), both()])
            .chain(blocked(|| Reason::NoChannel, 3))
            .collect();
        assert_eq!(
            next_steps(&all),
            [
                "name a tag to follow (`# pintle: channel=…`): 3 images".to_owned(),
                format!("{cluster}: 2 images, 3 more with another step"),
            ]
        );
    }
}
