//! Webhooks of the repository; all of it takes its administration. A secret is only ever sent,
//! never read.

use super::Client;
use super::body::{CreateHookBody, EditHookBody};
use super::http::Ask;
use super::place::Place;
use super::wire::{Lax, Wire, number};
use crate::error::Result;
use reqwest::Method;
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use std::collections::BTreeMap;
use url::Url;

/// So many pages of webhooks are read.
const PAGES: u32 = 10;

/// A webhook as it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hook {
    pub id: u64,
    /// Where it sends to.
    pub url: String,
    pub json: bool,
    pub active: bool,
    /// As set: `push`, `issue_comment`, `pull_request`, `status`; sorted. A forge may name more
    /// events than it was told.
    pub events: Vec<String>,
}

/// A webhook as it should be.
#[derive(Clone, Debug)]
pub struct NewHook {
    pub url: Url,
    /// Signs each delivery.
    pub secret: SecretString,
    pub events: Vec<String>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct WireHook {
    id: Lax<u64>,
    active: Lax<bool>,
    events: Lax<Vec<String>>,
    config: Lax<WireConfig>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct WireConfig {
    url: Lax<String>,
    content_type: Lax<String>,
}

impl Wire for WireHook {
    type Out = Hook;

    fn read(self, _: &Place) -> Option<Hook> {
        let (id, config, mut events) = (number(self.id)?, self.config.0, self.events.0);
        events.sort();
        Some(Hook {
            id,
            url: config.url.0,
            json: *config.content_type == "json",
            active: *self.active,
            events,
        })
    }
}

impl Client {
    pub async fn hooks(&self) -> Result<Vec<Hook>> {
        let ask = Ask::get(
            self.path(["hooks"]),
            format!("read the webhooks of {}", self.place()),
        );
        self.list::<WireHook>(ask, PAGES)
            .await
            .map(|hooks| hooks.items)
    }

    /// Makes a webhook that sends JSON and is active. Its kind is `gitea`, which Forgejo knows too;
    /// both send the headers of their own name with it.
    pub async fn create_hook(&self, new: &NewHook) -> Result<Hook> {
        let body = CreateHookBody {
            kind: "gitea",
            active: true,
            config: BTreeMap::from([
                ("content_type", "json".to_owned()),
                ("url", new.url.to_string()),
                ("secret", new.secret.expose_secret().to_owned()),
            ]),
            events: new.events.clone(),
        };
        let what = format!("make a webhook in {}", self.place());
        self.read::<WireHook>(Ask::write(Method::POST, self.path(["hooks"]), &body, what)?)
            .await
    }

    /// Makes a webhook active, and sets where it sends to and for which events. Its secret stays
    /// what it is: forges do not change that of a webhook that is there (`editHook` in
    /// `routers/api/v1/utils/hook.go`); for another secret, make a new one and delete the old one.
    pub async fn edit_hook(&self, id: u64, url: &Url, events: &[String]) -> Result<Hook> {
        let body = EditHookBody {
            active: true,
            config: BTreeMap::from([
                ("url", url.to_string()),
                ("content_type", "json".to_owned()),
            ]),
            events: events.to_vec(),
        };
        let what = format!("edit the webhook {id} of {}", self.place());
        self.read::<WireHook>(Ask::write(
            Method::PATCH,
            self.numbered_hook(id),
            &body,
            what,
        )?)
        .await
    }

    /// Deletes a webhook; one that is gone is deleted.
    pub async fn delete_hook(&self, id: u64) -> Result<()> {
        self.gone(Ask::delete(
            self.numbered_hook(id),
            format!("delete the webhook {id} of {}", self.place()),
        ))
        .await
    }

    fn numbered_hook(&self, id: u64) -> Vec<String> {
        self.path(["hooks", &id.to_string()])
    }
}
