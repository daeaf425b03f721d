use super::*;
use crate::remote::git::tests::fixture::{Host, git};

fn entry<'a>(files: &'a Files, path: &str) -> Option<&'a Entry> {
    files.get(&RepoPath::new(path).unwrap())
}

fn content<'a>(files: &'a Files, path: &str) -> Option<&'a [u8]> {
    files
        .bytes(&RepoPath::new(path).unwrap())
        .map(|bytes| &**bytes)
}

#[test]
fn a_folder_and_its_commit_read_the_same() {
    let large = vec![b'x'; (MOST + 1) as usize];
    let host = Host::with(&[
        ("a.tf", b"\xef\xbb\xbfx\r\n"),
        ("deep/er/Values.YAML", b"a: 1"),
        ("logo.png", b"\x89PNG"),
        ("large.json", &large),
        ("Dockerfile", b"FROM alpine"),
        ("blob", b"\0\x01"),
        ("secret.tfvars", b"\0GITCRYPT\0\xff"),
        (".env", b"A=1"),
    ]);
    std::os::unix::fs::symlink("/etc", host.work().join("out")).unwrap();
    std::os::unix::fs::symlink("a.tf", host.work().join("link.tf")).unwrap();
    host.push_work("links");
    let clone = host.clone();
    let committed = read_commit(&clone, &clone.tip()).unwrap();
    let found = read_folder(&host.work()).unwrap();
    assert_eq!(found.files, committed);
    assert_eq!(
        (found.head, found.problems),
        (Some(clone.tip()), Vec::new())
    );
    assert_eq!(
        content(&committed, "a.tf"),
        Some(b"\xef\xbb\xbfx\r\n".as_slice())
    );
    assert_eq!(
        content(&committed, "deep/er/Values.YAML"),
        Some(b"a: 1".as_slice())
    );
    assert_eq!(
        content(&committed, "secret.tfvars"),
        Some(b"\0GITCRYPT\0\xff".as_slice())
    );
    assert_eq!(content(&committed, ".env"), Some(b"A=1".as_slice()));
    assert_eq!(
        entry(&committed, "logo.png"),
        Some(&Entry::NotRead(NO_TEXT))
    );
    assert_eq!(entry(&committed, "blob"), Some(&Entry::NotRead(NO_TEXT)));
    assert_eq!(
        entry(&committed, "large.json"),
        Some(&Entry::NotRead(TOO_LARGE))
    );
    assert_eq!(entry(&committed, "out"), Some(&Entry::NotRead(LINK)));
    assert_eq!(entry(&committed, "link.tf"), Some(&Entry::NotRead(LINK)));
}

#[test]
fn a_folder_is_read_as_it_is_and_left_as_it_was() {
    let host = Host::with(&[("a.tf", b"1")]);
    std::fs::write(host.work().join("new.tf"), "2").unwrap();
    std::fs::remove_file(host.work().join("a.tf")).unwrap();
    for skipped in [
        ".terraform/modules",
        "stack/.terragrunt-cache",
        "node_modules",
    ] {
        std::fs::create_dir_all(host.work().join(skipped)).unwrap();
        std::fs::write(host.work().join(skipped).join("x.tf"), "").unwrap();
    }
    let before = git(&host.work(), ["status", "--porcelain", "--ignored"]);
    let found = read_folder(&host.work()).unwrap();
    let paths: Vec<&str> = found.files.iter().map(|(path, _)| path.as_str()).collect();
    assert_eq!(paths, ["new.tf"]);
    assert_eq!(
        git(&host.work(), ["status", "--porcelain", "--ignored"]),
        before
    );
    assert!(read_folder(&host.work().join("nowhere")).is_err());
}

#[test]
fn a_folder_without_git_has_no_head() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("a.tf"), "x").unwrap();
    let found = read_folder(dir.path()).unwrap();
    assert_eq!((found.head, found.files.len()), (None, 1));
}
