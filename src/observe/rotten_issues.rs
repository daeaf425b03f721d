//! The open issues in which pintle reported pins that are gone from their registry. Asks the forge
//! once in a session, and again while there is such an issue or pin. Never writes.

use super::Session;
use crate::comment::marker::Marker;
use crate::pipeline::Seen;
use crate::pipeline::forge::Forge;
use crate::remote::forgejo::Account;
use crate::remote::oci::StoredAs;
use std::collections::BTreeMap;

/// How many pages of open issues are read at most.
const PAGES: u32 = 4;

/// Returns the number of each issue by the hash in its marker; nothing where the forge could not be
/// asked.
pub async fn rotten_issues(session: &Session, forge: &Seen<Forge>) -> BTreeMap<String, u64> {
    let (Some(client), Some(forge)) = (session.forge(), forge.known()) else {
        return BTreeMap::new();
    };
    let answers = session.answers();
    let has_none = answers
        .rotten_issues
        .as_ref()
        .is_some_and(BTreeMap::is_empty);
    let is_gone = answers
        .pins
        .values()
        .any(|pin| matches!(pin.stored, StoredAs::Nothing));
    if has_none && !is_gone {
        return BTreeMap::new();
    }
    let me = Account {
        id: forge.me.id,
        login: forge.me.login.to_string(),
    };
    let issues = match client.open_issues_of(&me, PAGES).await {
        Ok(listed) => listed.items,
        Err(error) => {
            tracing::warn!(%error, "the issues about pins that are gone could not be read");
            return BTreeMap::new();
        }
    };
    let marked = issues.iter().flat_map(|issue| {
        let markers = Marker::all(&issue.body).into_iter();
        markers.filter_map(|marker| match marker {
            Marker::Rotten(hash) => Some((hash, issue.number)),
            _ => None,
        })
    });
    let found: BTreeMap<String, u64> = marked.collect();
    session.remember(|answers| answers.rotten_issues = Some(found.clone()));
    found
}
