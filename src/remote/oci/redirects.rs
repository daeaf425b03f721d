//! Where a manifest may be that a registry does not serve itself. Sends nothing: who follows asks
//! the other host as a registry of its own, with that host's credentials only.

use super::error::OciError;
use super::registry::{Answer, Part, Place, Registry, location};
use super::wire::Reply;
use crate::remote::http::{host_of, is_loopback};
use url::{Host, Url};

impl Registry {
    /// Follows to another registry, over https; to one that is not public only when it is named for
    /// this registry.
    pub(super) fn follow_redirect(&self, reply: &Reply, place: &Place) -> Result<Answer, OciError> {
        let from = self.url(place)?;
        let Some(to) = location(reply, &from) else {
            return Err(self.redirected(place, &from, "it names no address"));
        };
        if let Some(why) = self.refuses_hop(&from, &to) {
            return Err(self.redirected(place, &to, why));
        }
        let part = format!("/{}/", place.part.path());
        let path = to
            .path()
            .strip_prefix("/v2/")
            .and_then(|path| path.rsplit_once(&part));
        let (repository, reference) =
            path.ok_or_else(|| self.redirected(place, &to, "it is not a manifest's address"))?;
        let reference = match place.part {
            // With its query, which the other registry needs as well.
            Part::Tags => &place.reference,
            Part::Manifest | Part::Config => reference,
        };
        Ok(Answer::Elsewhere {
            host: host_of(&to),
            is_plain: to.scheme() == "http",
            repository: repository.to_owned(),
            reference: reference.to_owned(),
        })
    }

    /// Returns why a manifest is not asked for there.
    fn refuses_hop(&self, from: &Url, to: &Url) -> Option<&'static str> {
        let is_local = is_loopback(from) && is_loopback(to);
        let is_named = self.may_send_to(to);
        let is_public = matches!(to.host(), Some(Host::Domain(name)) if name.contains('.'));
        match to.scheme() {
            _ if !self.sends_on => Some("it is another host"),
            _ if !to.username().is_empty() || to.password().is_some() => {
                Some("it has credentials in its address")
            }
            "https" if is_named || is_local || is_public && !is_loopback(to) => None,
            "https" => Some("it is not a public host; `[[registry]] redirects` can allow it"),
            "http" if from.scheme() == "http" && (is_local || is_named) => None,
            _ => Some("it is not encrypted"),
        }
    }

    /// Whether this registry is known to answer with that host's manifests.
    pub(super) fn may_send_to(&self, to: &Url) -> bool {
        let host = host_of(to);
        self.redirects_to.iter().any(|allowed| {
            host == *allowed || allowed.starts_with('.') && host.ends_with(allowed.as_str())
        })
    }

    pub(super) fn redirected(&self, place: &Place, to: &Url, why: &'static str) -> OciError {
        OciError::Redirect {
            host: self.host.clone(),
            at: place.to_string(),
            to: host_of(to),
            why,
        }
    }
}
