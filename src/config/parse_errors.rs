//! Complaints about `pintle.toml` as errors that show their line. The TOML reader's messages become
//! sentences with a suggestion.

use super::checked::Wrong;
use crate::error::{Error, Excerpt};
use crate::model::policy::nearest;
use std::ops::Range;

pub(super) struct ParseErrors<'a> {
    pub file: &'a str,
    pub text: &'a str,
}

/// Words of Keel and its kin that people bring along, and what they are here.
const HINTS: [(&str, &str); 13] = [
    ("pollschedule", "in pintle it is `schedule`"),
    ("poll_schedule", "in pintle it is `schedule`"),
    ("poll", "in pintle it is `schedule`"),
    (
        "trigger",
        "pintle always polls and wakes on webhooks too: leave `trigger` out",
    ),
    (
        "approvals",
        "a pull request is the approval: mode `pull-request`",
    ),
    (
        "approval_deadline",
        "a pull request is the approval: mode `pull-request`",
    ),
    (
        "match_tag",
        "remove it: pintle keeps the declared tag unless a policy chooses another",
    ),
    (
        "matchtag",
        "remove it: pintle keeps the declared tag unless a policy chooses another",
    ),
    (
        "match_pre_release",
        "pre-releases are followed only from a pre-release: leave it out",
    ),
    ("notify", "notices cannot be configured yet"),
    (
        "password",
        "credentials belong in a docker `config.json`, never in the repo",
    ),
    (
        "token",
        "credentials belong in a docker `config.json`, never in the repo",
    ),
    (
        "username",
        "credentials belong in a docker `config.json`, never in the repo",
    ),
];

/// Sections that there is one of, and sections that there may be several of.
const ONE: [&str; 8] = [
    "scan",
    "defaults",
    "deny",
    "do_not_bump",
    "git",
    "forge",
    "pipeline",
    "cluster",
];
const SEVERAL: [&str; 10] = [
    "environment",
    "module",
    "extra",
    "rule",
    "group",
    "hold",
    "registry",
    "cache",
    "cluster.custom",
    "alert",
];

/// What values of another type say, how that is said here, and how it is written.
const TYPES: [(&str, &str, &str); 5] = [
    (
        "expected a string",
        "",
        "write it in quotation marks; a length of time with its unit, such as `\"15m\"`",
    ),
    (
        "expected a boolean",
        "",
        "write `true` or `false`, without quotation marks",
    ),
    (
        "expected a sequence",
        ", expected a list",
        "write a list, such as `[\"…\"]`",
    ),
    (
        "wanted string or table",
        "this is not a word",
        "write one of its words in quotation marks; `pintle config schema` has them",
    ),
    (
        "expected struct ",
        ", expected a section",
        "write its keys below a line of its own, such as `[cluster]`",
    ),
];

const MATCH: [&str; 7] = [
    "stack",
    "file",
    "image",
    "namespace",
    "name",
    "kind",
    "container",
];

impl ParseErrors<'_> {
    pub fn wrong(&self, wrong: Wrong) -> Error {
        self.error(wrong.span, &wrong.what, wrong.hint)
    }

    pub fn toml(&self, error: &toml::de::Error) -> Error {
        let span = error.span().unwrap_or(0..0);
        let message = error.message().lines().collect::<Vec<_>>().join(", ");
        if let Some((header, what, hint)) = self.brackets(&span) {
            return self.error(header, &what, Some(hint));
        }
        match unknown(&message) {
            Some((what, word, expected)) => {
                let (sentence, hint) = not_known(what, word, &expected);
                self.error(span, &sentence, Some(hint))
            }
            None => {
                let (sentence, hint) = other_type(message.trim_end_matches('.'));
                self.error(span, &sentence, hint)
            }
        }
    }

    /// Looks whether the section that is complained about has too few or too many brackets: then
    /// what is said of its keys is beside the point.
    fn brackets(&self, span: &Range<usize>) -> Option<(Range<usize>, String, String)> {
        let mut last = None;
        let mut start = 0;
        for line in self.text.split_inclusive('\n') {
            if start > span.start {
                break;
            }
            let header = line.trim();
            let name = |open, close| Some(header.strip_prefix(open)?.split_once(close)?.0.trim());
            if header.starts_with('[') {
                let place = start + line.len() - line.trim_start().len();
                last = Some((
                    place..place + header.len(),
                    name("[[", "]]"),
                    name("[", "]"),
                ));
            }
            start += line.len();
        }
        match last? {
            (at, Some(several), _) if ONE.contains(&several) => Some((
                at,
                format!("there is one section `{several}`, not several"),
                format!("write `[{several}]`"),
            )),
            (at, None, Some(one)) if SEVERAL.contains(&one) => Some((
                at,
                format!("there may be several sections `{one}`"),
                format!("write `[[{one}]]`, also where there is one"),
            )),
            _ => None,
        }
    }

    fn error(&self, span: Range<usize>, what: &str, hint: Option<String>) -> Error {
        let line = self
            .text
            .get(..span.start)
            .map_or(1, |before| before.matches('\n').count() + 1);
        let secret = self
            .text
            .get(span.clone())
            .is_some_and(|shown| shown.contains("://") && shown.contains('@'));
        let excerpt = Excerpt {
            file: self.file.into(),
            text: self.text.into(),
            span,
            label: "here".into(),
        };
        let error = Error::usage(format!("{}:{line} is wrong", self.file)).cause(what);
        // What may be a password is not drawn.
        let error = if secret { error } else { error.at(excerpt) };
        match hint {
            Some(hint) => error.hint(hint),
            None => error,
        }
    }
}

/// Says what is wrong with a value's type without the words of the reader, and how it is written.
fn other_type(message: &str) -> (String, Option<String>) {
    let found = TYPES.iter().find(|(said, ..)| message.contains(said));
    let Some((said, instead, hint)) = found else {
        return (message.to_owned(), None);
    };
    let before = message
        .split(said)
        .next()
        .unwrap_or_default()
        .trim_end_matches([',', ' ']);
    let sentence = if instead.is_empty() {
        message.to_owned()
    } else {
        format!("{before}{instead}")
    };
    (sentence, Some((*hint).to_owned()))
}

/// Takes serde's "unknown field `x`, expected one of `a`, `b`" apart.
fn unknown(message: &str) -> Option<(&'static str, &str, Vec<&str>)> {
    let (what, rest) = [("key", "unknown field `"), ("word", "unknown variant `")]
        .iter()
        .find_map(|(what, prefix)| Some((*what, message.strip_prefix(prefix)?)))?;
    let (word, rest) = rest.split_once('`')?;
    Some((what, word, rest.split('`').skip(1).step_by(2).collect()))
}

fn not_known(what: &str, word: &str, expected: &[&str]) -> (String, String) {
    let sentence = format!("there is no {what} `{word}` here");
    let all = || {
        format!(
            "it is one of {}",
            expected
                .iter()
                .map(|e| format!("`{e}`"))
                .collect::<Vec<_>>()
                .join(", ")
        )
    };
    let keel = || {
        HINTS
            .iter()
            .find(|(keel, _)| *keel == word.to_lowercase().replace('-', "_"))
            .map(|(_, hint)| (*hint).to_owned())
    };
    let near =
        || nearest(word, expected.iter().copied()).map(|near| format!("did you mean `{near}`?"));
    let inside = expected.contains(&"match") && MATCH.contains(&word.trim_end_matches('s'));
    let inside = inside.then(|| {
        format!(
            "what a rule applies to goes into `match = {{ {} = … }}`",
            word.trim_end_matches('s')
        )
    });
    (
        sentence,
        keel().or(inside).or_else(near).unwrap_or_else(all),
    )
}
