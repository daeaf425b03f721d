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
        ("go.mod", b"module x\n"),
        ("x.dat", b"\xff\xfe"),
        ("secret.tfvars", b"\0GITCRYPT\0\xff"),
        (".env", b"A=1"),
    ]);
    let link = |target: &str, name: &str| {
        std::os::unix::fs::symlink(target, host.work().join(name)).unwrap();
    };
    link("/etc", "out");
    link("../../a.tf", "above.tf");
    link("nothing.tf", "gone.tf");
    link("loop.tf", "loop.tf");
    link("a.tf", "link.tf");
    link("../a.tf", "deep/link.tf");
    link("link.tf", "twice.tf");
    link("deep", "folder");
    link("..", "deep/er/up");
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
        content(&committed, "go.mod"),
        Some(b"module x\n".as_slice())
    );
    for no_text in ["logo.png", "blob", "x.dat"] {
        assert_eq!(
            entry(&committed, no_text),
            Some(&Entry::NotRead(NO_TEXT.into())),
            "{no_text}"
        );
    }
    assert_eq!(
        entry(&committed, "large.json"),
        Some(&Entry::NotRead(
            "8.0 MiB, and at most 8 MiB are read".into()
        ))
    );
    for refused in ["out", "above.tf", "gone.tf", "loop.tf", "deep/er/up"] {
        let Some(Entry::NotRead(why)) = entry(&committed, refused) else {
            panic!("{refused}: {:?}", entry(&committed, refused))
        };
        assert!(
            why.starts_with("a symbolic link that leads out"),
            "{refused}"
        );
    }
    let target = Entry::Link(RepoPath::new("a.tf").unwrap());
    for link in ["link.tf", "deep/link.tf", "twice.tf", "folder/link.tf"] {
        assert_eq!(entry(&committed, link), Some(&target), "{link}");
        assert_eq!(content(&committed, link), content(&committed, "a.tf"));
    }
    assert_eq!(
        content(&committed, "folder/er/Values.YAML"),
        Some(b"a: 1".as_slice())
    );
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
