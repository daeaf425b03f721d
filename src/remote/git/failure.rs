//! Whose fault it is that git could not do something: the remote's, or the clone's (which can be
//! made anew).

use crate::error::Error;

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
