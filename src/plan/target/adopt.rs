//! First pins: at what runs, with the tag it runs. What is not known holds the site.

use super::first::{FirstPin, find_first_pin, restarted_workloads};
use super::new_pin::{NewPin, set_pin, settle_verdict};
use crate::config::site_settings::image_with;
use crate::model::digest::Digest;
use crate::model::reference::Channel;
use crate::pipeline::{Action, Cause, Reason, Snapshot, Verdict};
use crate::plan::site_plan::SitePlan;

/// At what runs; at what the tag means upstream where nothing runs or no cluster is named.
pub(super) fn adopt(
    snapshot: &Snapshot,
    site: &mut SitePlan,
    channel: &Channel,
    upstream: &Digest,
) {
    let image = site.settings.image.clone();
    let first = match find_first_pin(snapshot, site) {
        Ok(first) => first,
        Err(reason) => return settle_verdict(site, reason),
    };
    let mut reasons = vec![match site.pinned {
        None => Reason::NotPinned {
            class: site.settings.class,
            follows: site.settings.follows,
        },
        Some(_) => Reason::PinIgnored,
    }];
    let new = |to: &Digest, edits, image, note| NewPin {
        action: Action::Adopt,
        cause: Cause::FirstPin,
        to: to.clone(),
        edits,
        image,
        note,
    };
    let (mut caution, mut restarted) = (None, Vec::new());
    let pin = match (first, &site.pinned) {
        (
            Some(FirstPin {
                digest,
                tag,
                workload,
                edits,
                caution: warned,
            }),
            pinned,
        ) => {
            caution = warned;
            let stays = pinned.as_ref() == Some(&digest) && tag.is_none();
            let retagged = tag.map(|tag| image_with(site.site, &tag));
            let runs = retagged.clone().unwrap_or_else(|| image.clone());
            let note = match &retagged {
                Some(retagged) => format!(
                    "First pin of {image}: {workload} runs {retagged}, and so does the repo now."
                ),
                None => format!("First pin of {image}: the digest that {workload} runs."),
            };
            restarted = restarted_workloads(site, &runs, &digest);
            reasons.push(Reason::Runs {
                workload,
                image: runs,
                digest: digest.clone(),
            });
            new(
                &digest,
                if stays { Vec::new() } else { edits },
                retagged,
                note,
            )
        }
        (None, Some(pinned)) => new(
            pinned,
            Vec::new(),
            None,
            format!("{image} stays at its pin."),
        ),
        (None, None) => {
            let note = format!("First pin of {image}: the digest that the tag means upstream.");
            new(upstream, vec![site.pin_edit(upstream)], None, note)
        }
    };
    if !restarted.is_empty() {
        reasons.push(Reason::RestartsPods {
            workloads: restarted.join(", "),
        });
    }
    set_pin(
        snapshot,
        site,
        Verdict::Adopt,
        reasons,
        (channel, pin),
        caution,
    );
    if let Some(target) = &mut site.target
        && !restarted.is_empty()
    {
        target.notes.push(format!(
            "The next apply restarts {} with the image that runs.",
            restarted.join(", ")
        ));
    }
}
