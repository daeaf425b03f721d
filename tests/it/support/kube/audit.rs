//! What the API server logged of pintle's requests. The only thing here that judges: pintle reads,
//! writes its own Lease, and that is all.

use std::fs::read_to_string;

use serde_json::Value;

use super::{Kube, PINTLE};

/// What pintle may do.
const READS: [&str; 3] = ["get", "list", "watch"];
/// The Leases of pintle's namespace, which it may write.
const LEASES: &str = "/apis/coordination.k8s.io/v1/namespaces/pintle/leases";

/// Every request of pintle's user is logged when its answer begins, and no other.
pub(super) fn policy() -> String {
    format!(
        "apiVersion: audit.k8s.io/v1\nkind: Policy\nomitStages: [RequestReceived]\nrules:\n- level: Metadata\n  users: [\"{PINTLE}\"]\n- level: None\n"
    )
}

/// A request of pintle's user.
#[derive(Clone, Debug, PartialEq)]
pub struct Request {
    pub verb: String,
    pub uri: String,
    pub status: u64,
    pub agent: String,
}

impl Kube {
    /// The requests of pintle's user so far, in order. One that is not over yet may be there, one
    /// that is over may be there twice (a watch).
    pub fn requests(&self) -> Vec<Request> {
        let log = read_to_string(self.folder.path().join("audit.log")).unwrap_or_default();
        // The last line may be half written.
        let whole = log.rfind('\n').map_or("", |end| &log[..end]);
        whole
            .lines()
            .map(|line| request(&serde_json::from_str(line).expect("the log is JSON")))
            .collect()
    }

    /// Ends the test when pintle's user asked for anything but to read or for its Lease, whether it
    /// was allowed or not, or without its name in `User-Agent`.
    pub fn nothing_was_written(&self) {
        let wrong: Vec<Request> = self
            .requests()
            .into_iter()
            .filter(|request| !READS.contains(&request.verb.as_str()))
            .filter(|request| !request.uri.starts_with(LEASES))
            .collect();
        assert!(
            wrong.is_empty(),
            "pintle tried to write to the cluster: {wrong:?}"
        );
        let agent = concat!("pintle/", env!("CARGO_PKG_VERSION"));
        let nameless = self.requests().into_iter();
        // The tests ask as that user too, to see what it may do.
        let is_named = |one: &Request| one.agent == agent || one.agent.starts_with("test/");
        let nameless: Vec<Request> = nameless.filter(|one| !is_named(one)).collect();
        assert!(
            nameless.is_empty(),
            "an administrator cannot tell whose these are: {nameless:?}"
        );
    }
}

fn request(event: &Value) -> Request {
    let text = |name: &str| event[name].as_str().unwrap_or_default().to_owned();
    Request {
        verb: text("verb"),
        uri: text("requestURI"),
        status: event["responseStatus"]["code"].as_u64().unwrap_or_default(),
        agent: text("userAgent"),
    }
}
