//! Whose fault a failed pull is, by the kubelet's message. Only what the registry itself says of
//! the digest is the image's.

/// Why an image could not be pulled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum PullCause {
    /// The registry does not have the digest, or not for this platform.
    Gone,
    /// Quota, network, credentials, a full disk, a registry that is down: it passes, or a person
    /// has to mend something else.
    Foreign,
    /// The message shows no cause.
    Unclear,
}

/// Words of causes that are not the image's, lower case.
const FOREIGN: [&str; 41] = [
    "toomanyrequests",
    "too many requests",
    "rate limit",
    "pull limit",
    "qps exceeded",
    "timeout",
    "timed out",
    "deadline exceeded",
    "context canceled",
    "no such host",
    "server misbehaving",
    "temporary failure",
    "nxdomain",
    "dial tcp",
    "connection refused",
    "connection reset",
    "network is unreachable",
    "no route to host",
    "broken pipe",
    "unexpected eof",
    ": eof",
    "tls:",
    "x509",
    "certificate",
    "gave http response",
    "bad gateway",
    "service unavailable",
    "internal server error",
    "gateway time",
    "unauthorized",
    "forbidden",
    "denied",
    "authentication required",
    "authorization failed",
    "insufficient_scope",
    "no basic auth credentials",
    "no space left",
    "disk quota",
    "read-only file system",
    "secret",
    "proxyconnect",
];
/// HTTP statuses that are not the image's.
const FOREIGN_STATUS: [&str; 9] = [
    "401", "403", "407", "408", "429", "500", "502", "503", "504",
];
/// What registries and container runtimes say of a manifest that is not there.
const GONE: [&str; 7] = [
    "manifest unknown",
    "manifest_unknown",
    "name unknown",
    "name_unknown",
    ": not found",
    "no match for platform",
    "no matching manifest",
];

/// Returns whose fault a failed pull is. A foreign cause goes before all else: a name server's
/// "not found" says nothing of the image.
pub(super) fn classify_pull(message: &str) -> PullCause {
    let words = strip_names(message).to_lowercase();
    let has_status = || {
        let mut numbers = words.split(|c: char| !c.is_ascii_alphanumeric());
        numbers.any(|number| FOREIGN_STATUS.contains(&number))
    };
    if FOREIGN.iter().any(|cause| words.contains(cause)) || has_status() {
        PullCause::Foreign
    } else if GONE.iter().any(|cause| words.contains(cause)) {
        PullCause::Gone
    } else {
        PullCause::Unclear
    }
}

/// Returns the reason and the kubelet's own words, in a form that is the same while it waits and
/// while it tries again.
pub(super) fn pull_words(reason: &str, message: &str) -> String {
    let mut cause = message.trim();
    if let Some(rest) = cause.strip_prefix("Back-off pulling image \"") {
        cause = rest.split_once('"').map_or("", |(_, rest)| rest);
        cause = cause.trim_start_matches(':').trim();
    }
    cause = cause.strip_prefix("ErrImagePull:").unwrap_or(cause).trim();
    let reason = if reason == "ErrImagePull" {
        "ImagePullBackOff"
    } else {
        reason
    };
    if cause.is_empty() {
        reason.to_owned()
    } else {
        format!("{reason} ({cause})")
    }
}

/// The message without what is quoted and without digests: names may have any word in them.
fn strip_names(message: &str) -> String {
    let unquoted: String = message.split('"').step_by(2).collect();
    let is_digest = |word: &str| {
        let hex = word.trim_matches(|c: char| !c.is_ascii_hexdigit());
        word.contains("sha256:")
            || hex.len() >= 12 && hex.bytes().all(|byte| byte.is_ascii_hexdigit())
    };
    let words: Vec<&str> = unquoted.split_whitespace().collect();
    // A digest ends in the colon that begins what is said of it.
    let keep = words.into_iter().map(|word| {
        if !is_digest(word) {
            word
        } else if word.ends_with(':') {
            ":"
        } else {
            ""
        }
    });
    keep.collect::<Vec<_>>().join(" ").replace(" : ", ": ")
}
