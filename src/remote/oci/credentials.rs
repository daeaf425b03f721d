//! Which credentials a registry and its token realm get: those that are filed under the host that
//! is really asked, never those of the registry in the image's name. Never in clear text over a
//! network.

use super::auth;
use super::docker_config::Credentials;
use super::error::{self, OciError};
use super::registry::{Place, Registry};
use crate::remote::http::host_of;
use url::Url;

impl Registry {
    /// Returns what the registry itself gets, for basic auth.
    pub(super) async fn credentials_for_basic(
        &self,
        place: &Place,
    ) -> Result<Option<Credentials>, OciError> {
        let found = self.own(place).await;
        self.check_private(&self.base, found.is_some())?;
        Ok(found)
    }

    /// Returns what a token realm gets: the registry's credentials where it is on the same host or
    /// known to be the registry's, else those that are filed under the realm's own host.
    pub(super) async fn credentials_for_realm(
        &self,
        realm: &Url,
        place: &Place,
    ) -> Result<Option<Credentials>, OciError> {
        let found = match auth::is_realm_of(realm, &self.base) {
            true => self.own(place).await,
            false => self.look_up(&host_of(realm), "").await,
        };
        self.check_private(realm, found.is_some())?;
        if found.is_some() {
            self.http.trust(realm.host_str().unwrap_or_default());
        }
        Ok(found)
    }

    /// Says for a refusal which credentials were at hand.
    pub(super) async fn evidence(&self, place: &Place) -> error::Credentials {
        let realm = match self.learned() {
            Some(auth::Scheme::Bearer { realm, .. }) => Some(realm),
            _ => None,
        };
        let own = self.own(place).await.is_some();
        match realm {
            Some(realm) if !auth::is_realm_of(&realm, &self.base) => {
                match self.look_up(&host_of(&realm), "").await {
                    Some(_) => error::Credentials::Sent,
                    None if own => error::Credentials::Withheld,
                    None => error::Credentials::None,
                }
            }
            _ if own => error::Credentials::Sent,
            _ => error::Credentials::None,
        }
    }

    async fn own(&self, place: &Place) -> Option<Credentials> {
        if let Some(own) = &self.own_credentials {
            return Some(own.clone());
        }
        let path = self.base.path().trim_matches('/');
        let repository = self.repository(place);
        let repository = format!("{path}/{repository}");
        self.look_up(&host_of(&self.base), repository.trim_start_matches('/'))
            .await
    }

    async fn look_up(&self, host: &str, repository: &str) -> Option<Credentials> {
        let keychain = self.keychain.clone()?;
        if !keychain.may_block() {
            return keychain.find(host, repository);
        }
        let (host, repository) = (host.to_owned(), repository.to_owned());
        let found = tokio::task::spawn_blocking(move || keychain.find(&host, &repository)).await;
        found.ok().flatten()
    }

    fn check_private(&self, to: &Url, has_credentials: bool) -> Result<(), OciError> {
        if !has_credentials || self.http.reach().is_private(to) {
            return Ok(());
        }
        let why = format!(
            "the credentials for {} would be sent without encryption; use https://, or allow it with --insecure-http",
            host_of(to)
        );
        Err(OciError::Setup {
            host: self.host.clone(),
            why,
        })
    }
}

#[cfg(test)]
mod tests;
