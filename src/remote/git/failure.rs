//! Whose fault it is that git could not do something: the remote's, or the clone's (which can be
//! made anew).

use crate::error::Error;
use std::error::Error as StdError;
use std::io;

pub(super) enum Failure {
    /// Making the clone anew would not help.
    Remote(Error),
    /// The clone may be broken: a sentence.
    Local(String),
}

impl Failure {
    pub(super) fn into_error(self) -> Error {
        match self {
            Self::Remote(error) => error,
            Self::Local(why) => Error::failed("the clone cannot be used")
                .cause(why)
                .hint("is the disk full? the cache folder may be deleted at any time"),
        }
    }
}

/// A failure of the clone itself. The alternate form prints the causes too.
pub(super) fn local(what: &str) -> impl FnOnce(gix::Error) -> Failure {
    move |why| Failure::Local(format!("{what}: {}", causes(&why)))
}

/// Returns the error and its causes in one line.
pub(super) fn causes(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(cause) = next {
        let more = cause.to_string();
        if !text.contains(&more) {
            text.push_str(": ");
            text.push_str(&more);
        }
        next = cause.source();
    }
    text.replace('\n', " ")
}

/// Says whether an error came from the connection: the server failed, or what it sent broke off.
/// The clone is sound then.
pub(super) fn is_of_connection(error: &(dyn StdError + 'static)) -> bool {
    let text = causes(error);
    let mut next = Some(error);
    while let Some(one) = next {
        if one.is::<reqwest::Error>() || one.downcast_ref::<io::Error>().is_some_and(is_broken) {
            return true;
        }
        next = one.source();
    }
    // gix keeps the status in words alone.
    text.contains("Received HTTP status")
}

fn is_broken(error: &io::Error) -> bool {
    let inner = error.get_ref();
    let inner = inner.is_some_and(|inner| {
        inner.is::<reqwest::Error>() || inner.downcast_ref::<io::Error>().is_some_and(is_broken)
    });
    inner
        || matches!(
            error.kind(),
            io::ErrorKind::BrokenPipe
                | io::ErrorKind::ConnectionAborted
                | io::ErrorKind::ConnectionRefused
                | io::ErrorKind::ConnectionReset
                | io::ErrorKind::TimedOut
                | io::ErrorKind::UnexpectedEof
        )
}
