//! First pins: at what runs, with the tag it runs. What is not known holds the site.

use super::{Case, Pin, Ruling};
use crate::model::digest::Digest;
use crate::pipeline::{Action, Cause, Verdict};
use crate::plan::flip::{First, first};

impl Case<'_> {
    /// Says whether Terraform does not look at what the literal says, for one of its uses at least.
    pub(super) fn is_ignored(&self) -> bool {
        self.literal.uses.iter().any(|used| used.ignored == Some(true))
    }

    /// At what runs; at what the tag means upstream where nothing runs or no cluster is named.
    pub(super) fn adopt(&self, upstream: &Digest) -> Ruling {
        let image = &self.terms.image;
        let first = match first(self.snapshot, self.literal, self.site, self.terms) {
            Ok(first) => first,
            Err((verdict, why)) => return Ruling::new(verdict, why),
        };
        let kind = if self.terms.follows { "floats" } else { "is pinned to its own digest" };
        let mut reasons = vec![match self.from {
            None => format!("not pinned yet: the tag is {} and {kind}", self.terms.class.words()),
            Some(_) => "pinned, and terraform ignores the pin".to_owned(),
        }];
        let pin = match (first, self.from) {
            (Some(first), _) => {
                let runs = first.tag.as_ref().map_or_else(|| image.clone(), |tag| format!("{}:{tag}", self.site.image.name));
                reasons.push(format!("{} runs {runs} at sha256:{}", first.place, first.digest.short()));
                self.at_what_runs(first)
            }
            (None, Some(from)) => {
                let note = format!("{image} stays at its pin.");
                Pin { edits: Vec::new(), ..self.pin(Action::Adopt, Cause::FirstPin, from, note) }
            }
            (None, None) => {
                let note = format!("First pin of {image}: the digest that the tag means upstream.");
                self.pin(Action::Adopt, Cause::FirstPin, upstream, note)
            }
        };
        self.routed(Verdict::Adopt, reasons, pin, None)
    }

    fn at_what_runs(&self, first: First) -> Pin {
        let (image, place) = (&self.terms.image, &first.place);
        let tag = first.tag.map(|tag| format!("{}:{tag}", self.site.image.name));
        let note = match &tag {
            Some(tag) => format!("First pin of {image}: {place} runs {tag}, and so does the repo now."),
            None => format!("First pin of {image}: the digest that {place} runs."),
        };
        let stays = self.from == Some(&first.digest) && tag.is_none();
        let edits = if stays { Vec::new() } else { vec![first.edit] };
        Pin { action: Action::Adopt, cause: Cause::FirstPin, to: first.digest, edits, image: tag, note }
    }
}
