//! What kind of failure kept an answer away, said so that a person can act on it. Never shows an
//! address, which may hold a secret.

use rustls::{Error as TlsError, InvalidMessage};
use std::error::Error as StdError;
use std::io;

/// Why no answer came.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::remote) enum Fault {
    /// TLS was expected and the server answered in plain http.
    PlainHttp,
    /// Nothing listens there.
    Refused,
    /// The certificate is not trusted, or is another's: why.
    Certificate(String),
    /// Everything else: the innermost cause.
    Other(String),
}

impl Fault {
    /// Looks for the cause of an error of any HTTP client here.
    pub(in crate::remote) fn of(error: &(dyn StdError + 'static)) -> Self {
        let mut innermost: &(dyn StdError + 'static) = error;
        let mut next = Some(error);
        while let Some(one) = next {
            innermost = one;
            if let Some(fault) = known(one) {
                return fault;
            }
            next = one.source();
        }
        Self::Other(innermost.to_string())
    }

    /// Returns the cause in words: `registry.example.org:5000 speaks plain http`.
    pub(in crate::remote) fn cause(&self, host: &str) -> String {
        match self {
            Self::PlainHttp => format!("{host} speaks plain http"),
            Self::Refused => format!("{host} refused the connection"),
            Self::Certificate(why) | Self::Other(why) => why.clone(),
        }
    }

    /// Returns what can be done; `option` is what names the address: `--forge`.
    pub(in crate::remote) fn hint(&self, option: &str) -> String {
        match self {
            Self::PlainHttp => format!("write http:// instead of https:// in {option}"),
            Self::Refused => format!("check the address and port in {option}; is the server up?"),
            Self::Certificate(_) => {
                "name the authority that signed its certificate with --ca-file".to_owned()
            }
            Self::Other(_) => "check the address and the network".to_owned(),
        }
    }
}

fn known(error: &(dyn StdError + 'static)) -> Option<Fault> {
    if let Some(error) = error.downcast_ref::<TlsError>() {
        return match error {
            TlsError::InvalidMessage(InvalidMessage::InvalidContentType) => Some(Fault::PlainHttp),
            TlsError::InvalidCertificate(_) => Some(Fault::Certificate(error.to_string())),
            _ => None,
        };
    }
    let error = error.downcast_ref::<io::Error>()?;
    match error.get_ref() {
        // What an error of input or output holds is not among its sources.
        Some(inner) => known(inner),
        None if error.kind() == io::ErrorKind::ConnectionRefused => Some(Fault::Refused),
        None => None,
    }
}
