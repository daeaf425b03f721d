//! What to do next, in the order of how many images it frees: for somebody who has configured
//! little. Reads the plan, decides nothing.

use crate::pipeline::{Decision, Reason};
use std::cmp::Reverse;
use std::collections::BTreeMap;

/// So many steps are named.
const STEPS: usize = 3;

/// Returns `name a cluster (--kubeconfig, --in-cluster): 171 images`, and so on; nothing where no
/// setting would free an image.
pub fn next_steps(decisions: &[Decision]) -> Vec<String> {
    let mut counts: BTreeMap<String, usize> = BTreeMap::new();
    for step in decisions
        .iter()
        .filter_map(|one| step(one.reasons.first()?))
    {
        *counts.entry(step).or_default() += 1;
    }
    let mut counts: Vec<(String, usize)> = counts.into_iter().collect();
    counts.sort_by_key(|(_, count)| Reverse(*count));
    counts
        .into_iter()
        .take(STEPS)
        .map(|(step, count)| match count {
            1 => format!("{step}: 1 image"),
            count => format!("{step}: {count} images"),
        })
        .collect()
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
    use crate::pipeline::{Seen, Verdict};
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
        (0..count).map(move |_| decision(vec![reason(), Reason::NoChannel]))
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
}
