//! Who is who, and who may do what. An account is known by its id: logins change hands.

use super::Client;
use super::http::Ask;
use super::place::Place;
use super::wire::{Lax, Wire, number};
use crate::error::{Error, Result};
use crate::model::ask::Right;
use serde::Deserialize;

/// A user of the forge.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Account {
    /// From one; zero where the forge names nobody (a deleted user).
    pub id: u64,
    pub login: String,
}

/// What a user may do in the repository.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Permission {
    pub account: Account,
    pub right: Right,
}

/// Why a user's right is not known.
#[derive(Debug)]
pub enum PermissionError {
    /// The token's user may ask for its own right only: asking for another's takes administration
    /// of the repository.
    MayNotAsk(Error),
    Failed(Error),
}

#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct WireAccount {
    id: Lax<u64>,
    login: Lax<String>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct WirePermission {
    permission: Lax<String>,
    user: Lax<WireAccount>,
}

impl WireAccount {
    /// Returns the account; a user that was deleted has no id (Gitea: -1).
    pub(super) fn account(self) -> Account {
        Account {
            id: self.id.0,
            login: self.login.0,
        }
    }
}

impl Wire for WireAccount {
    type Out = Account;

    fn read(self, _: &Place) -> Option<Account> {
        Some(Account {
            id: number(self.id)?,
            login: self.login.0,
        })
    }
}

impl Wire for WirePermission {
    type Out = Permission;

    fn read(self, place: &Place) -> Option<Permission> {
        Some(Permission {
            account: self.user.0.read(place)?,
            right: right(&self.permission),
        })
    }
}

/// A word that is not known gives no right.
fn right(word: &str) -> Right {
    match word {
        "write" | "admin" | "owner" => Right::Write,
        "read" => Right::Read,
        _ => Right::None,
    }
}

impl Client {
    /// Returns whose token this is. Takes the scope `read:user`.
    pub async fn me(&self) -> Result<Account> {
        self.read::<WireAccount>(Ask::get(
            vec!["user".to_owned()],
            "look up whose token this is",
        ))
        .await
    }

    /// Returns what a user may do in the repository now; `None` when there is no such user. The
    /// account that is answered may be another than the one that is meant, when a login changed
    /// hands: compare the ids.
    pub async fn permission(
        &self,
        login: &str,
    ) -> std::result::Result<Option<Permission>, PermissionError> {
        let path = self.path(["collaborators", login, "permission"]);
        let ask = Ask::get(
            path,
            format!("look up what {login} may do in {}", self.place()),
        );
        let reply = self.ask(&ask).await.map_err(PermissionError::Failed)?;
        match reply.status.as_u16() {
            404 => Ok(None),
            403 if reply.missing_scopes().is_none() => {
                Err(PermissionError::MayNotAsk(self.may_not_ask(&ask)))
            }
            200 => self
                .decoded::<WirePermission>(&ask.what, &reply)
                .map(Some)
                .map_err(PermissionError::Failed),
            _ => Err(PermissionError::Failed(self.refusal(&ask, &reply))),
        }
    }

    fn may_not_ask(&self, ask: &Ask) -> Error {
        Error::failed(format!("cannot {}", ask.what))
            .cause("the token's user does not administer the repository, and only administrators may ask for others' rights")
            .hint("make the token's user an administrator of the repository, or list by id who may command")
    }
}
