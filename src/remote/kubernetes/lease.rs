//! The Lease that replicas of pintle share. It is the only object that pintle writes in a cluster.
//! A write names the version that was read, so of two writers one fails. Decides nothing: who may
//! hold it, and until when, is in `daemon/election.rs`.

use super::Client;
use super::connect::{Connection, without_credentials};
use crate::error::{Error, Result};
use jiff::Timestamp;
use k8s_openapi::api::coordination::v1::{Lease, LeaseSpec};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::MicroTime;
use kube::Api;
use kube::api::{ObjectMeta, PostParams};
use std::fmt;
use std::time::Duration;

/// The name of the Lease where none is given.
const NAME: &str = "pintle";

/// Where a Lease is: `pintle/pintle`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LeaseName {
    pub namespace: String,
    pub name: String,
}

/// The Lease as of one read or write.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LeaseRecord {
    /// Who holds it; `None` for a Lease that was released.
    pub holder: Option<String>,
    /// How long it is held without a renewal.
    pub duration: Duration,
    pub acquired: Option<Timestamp>,
    pub renewed: Option<Timestamp>,
    /// How often it changed hands.
    pub transitions: i32,
    /// Another one after each write; `None` for a Lease that does not exist yet.
    pub version: Option<String>,
}

/// Reads and writes one Lease.
pub struct LeaseClient {
    connection: Connection,
    at: LeaseName,
}

impl LeaseName {
    /// Parses `NAMESPACE/NAME`.
    pub fn parse(text: &str) -> Result<Self> {
        let is_name = |part: &str| {
            let is_allowed = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
            !part.is_empty() && part.chars().all(is_allowed)
        };
        match text.split_once('/') {
            Some((namespace, name)) if is_name(namespace) && is_name(name) => Ok(Self {
                namespace: namespace.to_owned(),
                name: name.to_owned(),
            }),
            _ => Err(Error::usage(format!("`{text}` does not name a Lease"))
                .hint("write its namespace and name: pintle/pintle")),
        }
    }
}

/// `pintle/pintle`
impl fmt::Display for LeaseName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.namespace, self.name)
    }
}

impl Client {
    /// Returns the client of a Lease. `None`: `pintle`, in the namespace of pintle's own pod or of
    /// the kubeconfig's context. Asks nobody yet; it needs a runtime.
    pub fn lease(&self, at: Option<&LeaseName>) -> Result<LeaseClient> {
        let own = || LeaseName {
            namespace: self.config.default_namespace.clone(),
            name: NAME.to_owned(),
        };
        Ok(LeaseClient {
            connection: Connection::new(
                self.connected()?,
                self.place.clone(),
                self.options.clone(),
            ),
            at: at.cloned().unwrap_or_else(own),
        })
    }
}

impl LeaseClient {
    pub fn name(&self) -> &LeaseName {
        &self.at
    }

    /// Reads the Lease; `None` if there is none.
    pub async fn read(&self) -> Result<Option<LeaseRecord>> {
        match self.api().get_opt(&self.at.name).await {
            Ok(found) => Ok(found.map(|lease| LeaseRecord::of(&lease))),
            Err(error) => Err(self.failed("read", error).await),
        }
    }

    /// Writes the Lease, and returns it as it is then. `None` if somebody else wrote it since
    /// `record.version`, and nothing was written.
    pub async fn write(&self, record: &LeaseRecord) -> Result<Option<LeaseRecord>> {
        let (api, params) = (self.api(), PostParams::default());
        let lease = record.to_object(&self.at);
        let written = match record.version {
            Some(_) => api.replace(&self.at.name, &params, &lease).await,
            None => api.create(&params, &lease).await,
        };
        match written {
            Ok(lease) => Ok(Some(LeaseRecord::of(&lease))),
            // 409: another version, or one was created; 404: it was deleted.
            Err(kube::Error::Api(status)) if matches!(status.code, 404 | 409) => Ok(None),
            Err(error) => Err(self.failed("written", error).await),
        }
    }

    fn api(&self) -> Api<Lease> {
        Api::namespaced(self.connection.client(), &self.at.namespace)
    }

    /// Makes the error of a request, and reads the credentials anew if they are refused.
    async fn failed(&self, what: &str, error: kube::Error) -> Error {
        let outside = Error::outside(format!("the Lease {} could not be {what}", self.at));
        match &error {
            kube::Error::Api(status) if status.code == 403 => {
                let error = Error::usage(format!("the Lease {} may not be {what}", self.at));
                error.cause(status.message.to_string()).hint(
                    "grant get, create and update on leases, as deploy does, or start with --no-lease",
                )
            }
            kube::Error::Api(status) => {
                if status.code == 401 {
                    self.connection.renew().await;
                }
                outside.cause(format!("{} {}", status.code, status.message))
            }
            other => match without_credentials(other) {
                Some(why) => outside.cause(why),
                None => outside.because(error),
            },
        }
    }
}

impl LeaseRecord {
    fn of(lease: &Lease) -> Self {
        let spec = lease.spec.clone().unwrap_or_default();
        let seconds = spec.lease_duration_seconds.unwrap_or_default();
        Self {
            holder: spec.holder_identity.filter(|holder| !holder.is_empty()),
            duration: Duration::from_secs(u64::try_from(seconds).unwrap_or_default()),
            acquired: spec.acquire_time.map(|at| at.0),
            renewed: spec.renew_time.map(|at| at.0),
            transitions: spec.lease_transitions.unwrap_or_default(),
            version: lease.metadata.resource_version.clone(),
        }
    }

    fn to_object(&self, at: &LeaseName) -> Lease {
        let seconds = i32::try_from(self.duration.as_secs()).unwrap_or(i32::MAX);
        Lease {
            metadata: ObjectMeta {
                namespace: Some(at.namespace.clone()),
                name: Some(at.name.clone()),
                resource_version: self.version.clone(),
                ..ObjectMeta::default()
            },
            spec: Some(LeaseSpec {
                holder_identity: Some(self.holder.clone().unwrap_or_default()),
                lease_duration_seconds: Some(seconds.max(1)),
                acquire_time: self.acquired.map(MicroTime),
                renew_time: self.renewed.map(MicroTime),
                lease_transitions: Some(self.transitions),
                ..LeaseSpec::default()
            }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lease_is_named_by_namespace_and_name() {
        let name = LeaseName::parse("ops/pintle-2").unwrap();
        assert_eq!(name.to_string(), "ops/pintle-2");
        for wrong in ["pintle", "/pintle", "ops/", "ops/a/b", "Ops/pintle", ""] {
            let error = LeaseName::parse(wrong).unwrap_err().to_string();
            assert_eq!(error, format!("`{wrong}` does not name a Lease"));
        }
    }

    #[test]
    fn a_record_is_read_as_it_was_written() {
        let record = LeaseRecord {
            holder: Some("pintle-1".into()),
            duration: Duration::from_secs(15),
            acquired: Timestamp::from_second(1_000).ok(),
            renewed: Timestamp::from_second(2_000).ok(),
            transitions: 3,
            version: Some("7".into()),
        };
        let at = LeaseName::parse("ops/pintle").unwrap();
        assert_eq!(LeaseRecord::of(&record.to_object(&at)), record);
        let released = LeaseRecord {
            holder: None,
            ..record
        };
        assert_eq!(LeaseRecord::of(&released.to_object(&at)), released);
    }
}
