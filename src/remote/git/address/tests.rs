use super::*;

fn place(text: &str) -> Where {
    Remote::parse(text).unwrap().place().clone()
}

#[test]
fn every_form_of_address() {
    assert_eq!(place("/srv/a b.git"), Where::Path("/srv/a b.git".into()));
    assert_eq!(
        place("file:///srv/a%20b.git"),
        Where::Path("/srv/a b.git".into())
    );
    assert_eq!(
        Remote::parse("file:///srv/a%20b.git").unwrap().as_str(),
        "/srv/a b.git"
    );
    assert!(
        matches!(place("x.git"), Where::Path(path) if path.is_absolute() && path.ends_with("x.git"))
    );
    assert!(matches!(
        place("https://git.example.com/a/b.git"),
        Where::Http(_)
    ));
    let ssh = |host: &str, port, path: &str| {
        Where::Ssh(Ssh {
            host: host.into(),
            port,
            path: path.into(),
        })
    };
    assert_eq!(
        place("ssh://git@git.example.com:2222/a/b.git"),
        ssh("git@git.example.com", Some(2222), "/a/b.git")
    );
    assert_eq!(
        place("ssh://git.example.com/~ada/b.git"),
        ssh("git.example.com", None, "~ada/b.git")
    );
    assert_eq!(
        place("git@git.example.com:a/b.git"),
        ssh("git@git.example.com", None, "a/b.git")
    );
    assert!(matches!(place("./a:b.git"), Where::Path(_)));
}

#[test]
fn a_secret_in_the_address_is_refused_and_not_repeated() {
    for text in [
        "https://user:hunter2@git.example.com/x",
        "https://hunter2@git.example.com/x",
        "ssh://git:hunter2@git.example.com/x",
        "git:hunter2@git.example.com:x",
    ] {
        let error = Remote::parse(text).unwrap_err();
        assert!(
            error.hint.is_some() && !format!("{error:?}").contains("hunter2"),
            "{text}"
        );
    }
    let broken = Remote::parse("https://user:hunter2@:x/").unwrap_err();
    assert!(!format!("{broken:?}").contains("hunter2"));
}

#[test]
fn what_is_no_address_is_refused() {
    for text in [
        "",
        "git://git.example.com/x",
        "ssh://-oProxyCommand=x/y",
        "-oProxyCommand=x:y",
        "git@-x:y",
        "host:-x",
        "https://a.example.com/x?y=1",
    ] {
        assert!(Remote::parse(text).is_err(), "{text}");
    }
}

#[test]
fn folders_are_readable_and_distinct() {
    let folder = |text: &str| Remote::parse(text).unwrap().folder();
    assert!(folder("https://git.example.com/a/infra.git").starts_with("infra-"));
    assert_ne!(
        folder("https://git.example.com/a/infra.git"),
        folder("https://git.example.com/b/infra.git")
    );
    assert!(!folder("/srv/...").starts_with('.'));
}
