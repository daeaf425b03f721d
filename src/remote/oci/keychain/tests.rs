use super::*;
use std::fs;
use std::os::unix::fs::PermissionsExt;

fn config(host: &str, user: &str) -> String {
    format!(r#"{{"auths":{{"{host}":{{"username":"{user}","password":"pass-{user}"}}}}}}"#)
}

fn user(keychain: &Keychain, host: &str, repository: &str) -> Option<String> {
    keychain.find(host, repository).map(|found| match found {
        Credentials::Password { username, .. } => username,
        Credentials::Identity { .. } => "identity".to_owned(),
    })
}

#[test]
fn several_files_are_searched_and_the_first_of_two_equal_entries_counts() {
    let folder = tempfile::tempdir().unwrap();
    let (a, b) = (folder.path().join("a"), folder.path().join("b"));
    fs::write(&a, config("ghcr.io", "ann")).unwrap();
    fs::write(
        &b,
        r#"{"auths":{
            "ghcr.io":{"username":"bob","password":"x"},
            "ghcr.io/team":{"username":"cid","password":"x"},
            "quay.io":{"username":"dan","password":"x"}}}"#,
    )
    .unwrap();
    let keychain = Keychain::read(&[a, b], false).unwrap();
    assert_eq!(user(&keychain, "ghcr.io", "a/b").as_deref(), Some("ann"));
    assert_eq!(user(&keychain, "ghcr.io", "team/b").as_deref(), Some("cid"));
    assert_eq!(user(&keychain, "quay.io", "a/b").as_deref(), Some("dan"));
    assert_eq!(user(&keychain, "docker.io", "a/b"), None);
}

#[test]
fn a_file_that_changes_is_read_again_and_a_broken_one_changes_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("config.json");
    fs::write(&file, config("ghcr.io", "ann")).unwrap();
    let keychain = Keychain::read(std::slice::from_ref(&file), false).unwrap();
    assert_eq!(user(&keychain, "ghcr.io", "a/b").as_deref(), Some("ann"));
    // As a kubelet does it: another file takes the place of the old one.
    let next = folder.path().join("next");
    fs::write(&next, config("ghcr.io", "bob")).unwrap();
    fs::rename(&next, &file).unwrap();
    assert_eq!(user(&keychain, "ghcr.io", "a/b").as_deref(), Some("bob"));
    fs::write(&file, "{").unwrap();
    assert_eq!(user(&keychain, "ghcr.io", "a/b").as_deref(), Some("bob"));
    fs::remove_file(&file).unwrap();
    assert_eq!(user(&keychain, "ghcr.io", "a/b").as_deref(), Some("bob"));
}

#[test]
fn a_file_that_cannot_be_used_at_the_start_is_an_error() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("config.json");
    assert!(Keychain::read(std::slice::from_ref(&file), false).is_err());
    fs::write(&file, r#"{"auths":{"a":{"auth":"s3cret"}}"#).unwrap();
    let error = Keychain::read(&[file], false).unwrap_err();
    assert!(!format!("{error:?}").contains("s3cret"), "{error:?}");
}

/// The program is found by `PATH`, which a test must not change: a name is all that is given.
#[test]
fn helpers_run_only_where_they_are_switched_on() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("config.json");
    fs::write(
        &file,
        r#"{"credHelpers":{"ghcr.io":"pintle-test-absent"},"credsStore":"pintle-test-absent",
            "auths":{"ghcr.io":{"username":"ann","password":"x"}}}"#,
    )
    .unwrap();
    let off = Keychain::read(std::slice::from_ref(&file), false).unwrap();
    assert_eq!(off.unused_helpers().len(), 2);
    assert_eq!(user(&off, "ghcr.io", "a/b").as_deref(), Some("ann"));
    let on = Keychain::read(&[file], true).unwrap();
    assert!(on.unused_helpers().is_empty() && on.may_block());
    // A helper that cannot be started leaves the entry of the file.
    assert_eq!(user(&on, "ghcr.io", "a/b").as_deref(), Some("ann"));
    assert_eq!(user(&on, "quay.io", "a/b"), None);
}

#[test]
fn a_helper_is_named_by_a_plain_name() {
    for name in ["", "../x", "a b", "a;b"] {
        let error = run_helper(name, "ghcr.io").unwrap_err();
        assert_eq!(error, "has a name that no program has", "{name}");
    }
}

#[test]
fn a_program_of_a_helper_gets_the_server_and_gives_one_answer() {
    let folder = tempfile::tempdir().unwrap();
    let program = folder.path().join("helper");
    let script = "#!/bin/sh\nread server\n[ \"$server\" = https://index.docker.io/v1/ ] || exit 1\necho '{\"ServerURL\":\"x\",\"Username\":\"<token>\",\"Secret\":\"abc\"}'\n";
    fs::write(&program, script).unwrap();
    fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
    let asked = server_name("registry-1.docker.io");
    let answer = child::run(
        &mut Command::new(&program),
        format!("{asked}\n").as_bytes(),
        HELPER_LIMIT,
    )
    .unwrap();
    assert!(answer.status.success());
    let reply: HelperReply = serde_json::from_slice(&answer.stdout).unwrap();
    assert_eq!(
        (reply.username.as_str(), reply.secret.as_str()),
        (IDENTITY, "abc")
    );
}
