//! What is done to a pull request besides its text: people are asked, and the forge is shown that
//! the proof succeeded. What fails here is reported and stops nothing: the pull request is there.

use super::PlanWriter;
use crate::config::site_settings::Resolver;
use crate::model::commit::CommitId;
use crate::model::settings::Mode;
use crate::pipeline::Change;
use crate::remote::forgejo::{Client, NewStatus, PROOF, State};
use std::collections::BTreeSet;
use std::sync::Arc;

/// Who is asked about a change.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct ChangePeople {
    pub assignees: BTreeSet<Arc<str>>,
    pub reviewers: BTreeSet<Arc<str>>,
}

impl PlanWriter<'_> {
    /// Asks the people that the settings of the changed sites name. Only for a new pull request: a
    /// person who is taken off it is not asked again.
    pub(super) async fn ask_people(&mut self, client: &Client, number: u64, change: &Change) {
        let people = self.find_people(change);
        if !people.assignees.is_empty()
            && let Err(error) = client.assign(number, &people.assignees).await
        {
            self.note_trouble(format!("#{number} could not be assigned"), &error);
        }
        if !people.reviewers.is_empty()
            && let Err(error) = client.ask_for_review(number, &people.reviewers).await
        {
            self.note_trouble(format!("no review of #{number} was asked for"), &error);
        }
    }

    /// Shows at the commit of a pull request that its images were fetched and read, and that its
    /// edits change only what they claim: nothing else is ever proposed.
    pub(super) async fn show_proof(&mut self, client: &Client, head: &CommitId) {
        let status = NewStatus {
            context: PROOF,
            state: State::Success,
            description: "images fetched and read, edits proven",
        };
        if let Err(error) = client.set_status(head, &status).await {
            let short = head.short();
            self.note_trouble(format!("the proof of {short} is not shown"), &error);
        }
    }

    fn find_people(&self, change: &Change) -> ChangePeople {
        let snapshot = self.work.snapshot;
        let resolver = Resolver::new(&snapshot.scan, &snapshot.config, Mode::PullRequest);
        let mut people = ChangePeople::default();
        for (literal, site) in snapshot.scan.sites() {
            if !change.pins.iter().any(|pin| *pin.site == *site.id.0) {
                continue;
            }
            let settings = resolver.resolve(literal, site);
            let named = |setting: &Option<crate::model::settings::Setting<Arc<[Arc<str>]>>>| {
                setting
                    .iter()
                    .flat_map(|setting| setting.value.iter().cloned())
                    .collect::<Vec<_>>()
            };
            people.assignees.extend(named(&settings.assignees));
            people.reviewers.extend(named(&settings.reviewers));
        }
        people
    }
}
