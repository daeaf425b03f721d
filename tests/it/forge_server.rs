//! The forge itself: that it does what the other tests take for granted, and that the proxy in front of it does as it is told.

use serde_json::json;

use crate::support::forge_proxy::{Fault, ForgeProxy, When};
use crate::support::gitea::Gitea;

#[test]
fn a_forge_keeps_its_port_and_its_data() {
    let mut forge = Gitea::start();
    let ada = forge.user("ada");
    let repo = forge.repo(&ada, "infra", true);
    let sha = repo.push_files("Two files", &[("a/main.tf", b"one\r\n"), ("b.tf", &[0, 255])]);
    let address = forge.address();
    forge.stop();
    assert!(std::net::TcpStream::connect(&address).is_err());
    forge.resume();
    assert_eq!(forge.address(), address);
    assert_eq!(repo.tip("main"), Some(sha.clone()));
    assert_eq!(repo.file("a/main.tf", "main").as_deref(), Some(b"one\r\n".as_slice()));
    assert_eq!(repo.file("b.tf", &sha), Some(vec![0, 255]));
    assert_eq!(repo.file("c.tf", "main"), None);
    let commits = repo.commits("main");
    assert_eq!((commits.len(), commits[0].author.as_str()), (2, "ada <ada@example.org>"));
    assert_eq!((commits[0].message.trim_end(), &commits[0].parents[0]), ("Two files", &commits[1].sha));
    assert!(forge.log().contains("HTTPRequest"));
}

#[test]
fn a_proxy_passes_on_and_counts() {
    let forge = Gitea::start();
    let repo = forge.repo(forge.admin(), "infra", false);
    let proxy = ForgeProxy::before(&forge.address());
    let version = crate::support::http::ask(&proxy.address(), "GET", "/api/v1/version", &[]);
    assert_eq!((version.status, version.body), (200, br#"{"version":"1.26.0"}"#.iter().copied().chain(*b"\n").collect()));
    proxy.fail_times(1, Fault::Status(503), |_| true);
    assert_eq!(crate::support::http::ask(&proxy.address(), "GET", "/api/v1/version", &[]).status, 503);
    let _ = (json!({}), When::Before, repo);
}
