//! `status --output json`. The shape is documented in `docs/status.md`; a change of it is a new
//! version.

use crate::pipeline::status::{RunTrouble, StatusReport, StatusRow};
use serde_json::{Value, json};

pub const VERSION: u32 = 2;

/// Returns the status; what is not known is null.
pub fn to_json(status: &StatusReport) -> Value {
    json!({
        "version": VERSION,
        "cluster": status.dark.as_ref().map_or("known", |_| "unknown"),
        "why": status.dark,
        "containers": status.rows.iter().map(row_json).collect::<Vec<_>>(),
        "unmanaged": status.strangers,
    })
}

fn row_json(row: &StatusRow) -> Value {
    json!({
        "site": row.site.as_ref().map(|site| &*site.0),
        "place": row.place,
        "kind": row.kind.as_str(),
        "namespace": row.namespace.as_deref(),
        "name": row.name.as_deref(),
        "container": row.holder.name().map(|name| &**name),
        "init": row.holder.is_init(),
        "state": row.state.as_str(),
        "image": row.image.as_deref(),
        "runs": row.runs.as_ref().map(|digest| digest.as_str()),
        "pinned": row.pinned.as_ref().map(|digest| digest.as_str()),
        "since": row.since.map(|at| at.to_string()),
        "trouble": row.troubles.iter().map(trouble_json).collect::<Vec<_>>(),
        "why": row.why,
        "owner": row.owner,
        "verdict": row.verdict.map(|verdict| verdict.as_str()),
        "waits": row.waits,
    })
}

fn trouble_json(trouble: &RunTrouble) -> Value {
    json!({
        "code": trouble.code,
        "since": trouble.since.map(|at| at.to_string()),
        "what": trouble.what,
    })
}
