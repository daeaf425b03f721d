//! Where registries keep blobs: a host of its own, often, to which the registry sends whoever asks
//! (distribution spec, "Pulling blobs"). Never sends a credential there, never learns from it how
//! the registry is to be asked.

use super::error::OciError;
use super::registry::{Place, Registry, location};
use super::wire::{CONFIG_LIMIT, Reply};
use crate::remote::http::is_loopback;
use reqwest::{Method, StatusCode};
use url::Url;

/// How often storage may send a request on.
const HOPS: usize = 3;

impl Registry {
    /// Fetches a blob from where the registry sends us. What the host answers says nothing about
    /// the registry's own patience.
    pub(super) async fn stored(&self, place: &Place, first: Url) -> Result<Reply, OciError> {
        let mut url = first;
        for _ in 0..HOPS {
            if let Some(why) = self.refuses(&url) {
                return Err(self.redirected(place, &url, why));
            }
            let reply = self
                .exchange(
                    self.http.request(Method::GET, url.clone()),
                    &place.to_string(),
                    CONFIG_LIMIT,
                )
                .await?;
            match (reply.status, location(&reply, &url)) {
                (_, Some(to)) => url = to,
                (StatusCode::OK, None) => return Ok(reply),
                (status, None) => {
                    let host = url.host_str().unwrap_or_default().to_owned();
                    return Err(OciError::Status {
                        host,
                        at: place.to_string(),
                        status: status.as_u16(),
                    });
                }
            }
        }
        Err(self.redirected(place, &url, "it is one redirect too many"))
    }

    fn refuses(&self, to: &Url) -> Option<&'static str> {
        let plain = self.base.scheme() == "http" && is_loopback(&self.base) && is_loopback(to);
        match to.scheme() {
            _ if !to.username().is_empty() || to.password().is_some() => {
                Some("it has credentials in its address")
            }
            "https" if to.has_host() => None,
            "http" if plain => None,
            _ => Some("it is not encrypted"),
        }
    }
}
