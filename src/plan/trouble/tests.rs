//! Whose fault a failed pull is, by messages of kubelets and container runtimes.

use super::pull::{PullCause, classify_pull, pull_words};
use super::{TroubleKind, classify_waiting};
use PullCause::{Foreign, Gone, Unclear};
use strum::IntoEnumIterator;

const IMAGE: &str =
    "quay.io/team/app-503@sha256:3f1c3f1c3f1c3f1c3f1c3f1c3f1c3f1c3f1c3f1c3f1c3f1c3f1c3f1c3f1c3429";

#[test]
fn a_message_shows_whose_fault_a_failed_pull_is() {
    let pull = |rest: &str| {
        format!(
            "failed to pull and unpack image \"{IMAGE}\": failed to resolve reference \"{IMAGE}\": {rest}"
        )
    };
    let table = [
        // containerd, CRI-O and Docker, in the order of the causes.
        (pull(&format!("{IMAGE}: not found")), Gone),
        (
            format!("rpc error: code = NotFound desc = {}", pull(&format!("{IMAGE}: not found"))),
            Gone,
        ),
        ("reading manifest sha256:3f1c3f1c3f1c3f1c in quay.io/team/app: manifest unknown".into(), Gone),
        ("manifest unknown: manifest unknown".into(), Gone),
        ("no match for platform in manifest: not found".into(), Gone),
        ("name unknown: repository not found".into(), Gone),
        (pull("unexpected status from HEAD request to https://quay.io/v2/x: 429 Too Many Requests"), Foreign),
        ("toomanyrequests: You have reached your pull rate limit.".into(), Foreign),
        (pull("unexpected status from HEAD request to https://quay.io/v2/x: 503 Service Unavailable"), Foreign),
        (pull("unexpected status code 502"), Foreign),
        (pull("failed to do request: Head \"https://quay.io/v2/\": dial tcp: lookup quay.io on 10.0.0.10:53: no such host"), Foreign),
        ("host not found: NXDOMAIN".into(), Foreign),
        (pull("failed to do request: Head \"https://quay.io/v2/\": dial tcp 10.0.0.1:443: i/o timeout"), Foreign),
        (pull("failed to do request: tls: failed to verify certificate: x509: certificate signed by unknown authority"), Foreign),
        (pull("net/http: TLS handshake timeout"), Foreign),
        (pull("authorization failed: no basic auth credentials"), Foreign),
        (pull("unexpected status from GET request to https://auth.docker.io/token: 401 Unauthorized"), Foreign),
        ("pull access denied, repository does not exist or may require authorization: server message: insufficient_scope: authorization failed".into(), Foreign),
        (pull("unexpected status from HEAD request to https://ghcr.io/v2/x: 403 Forbidden"), Foreign),
        ("write /var/lib/containerd/io.containerd: no space left on device".into(), Foreign),
        ("pull QPS exceeded".into(), Foreign),
        ("context deadline exceeded".into(), Foreign),
        (format!("Back-off pulling image \"{IMAGE}\": ErrImagePull: {}", pull("429 Too Many Requests")), Foreign),
        (format!("Back-off pulling image \"{IMAGE}\": ErrImagePull: {IMAGE}: not found"), Gone),
        (format!("Back-off pulling image \"{IMAGE}\""), Unclear),
        (String::new(), Unclear),
        (pull("invalid character in header"), Unclear),
        // Numbers and words of names are no causes.
        ("Back-off pulling image \"quay.io/secret/timeout-401:503\"".into(), Unclear),
    ];
    for (message, cause) in table {
        assert_eq!(classify_pull(&message), cause, "{message}");
    }
}

#[test]
fn the_words_of_a_failed_pull_stay_while_it_is_tried_again() {
    let cause = "rpc error: 429 Too Many Requests";
    let told = pull_words("ErrImagePull", cause);
    assert_eq!(
        told,
        pull_words(
            "ImagePullBackOff",
            &format!("Back-off pulling image \"{IMAGE}\": ErrImagePull: {cause}")
        )
    );
    assert!(told.contains(cause), "{told}");
    assert_eq!(
        pull_words(
            "ImagePullBackOff",
            &format!("Back-off pulling image \"{IMAGE}\"")
        ),
        pull_words("ErrImagePull", "")
    );
}

#[test]
fn a_container_that_begins_has_no_trouble() {
    for reason in ["ContainerCreating", "PodInitializing", "", "Unheard"] {
        assert_eq!(classify_waiting(reason, "429"), None, "{reason}");
    }
}

#[test]
fn the_documentation_has_every_code() {
    let page = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/status.md");
    let page = std::fs::read_to_string(page).expect("the page");
    let section = page.split("## Trouble").nth(1).expect("its section");
    for kind in TroubleKind::iter() {
        let code = kind.as_str();
        assert!(section.contains(&format!("`{code}`")), "{code}");
    }
}
