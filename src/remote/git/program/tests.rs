use super::*;
use crate::remote::git::Remote;

#[test]
fn a_path_means_itself_to_the_shell_at_the_other_end() {
    assert_eq!(quoted("/a b/it's.git"), r"'/a b/it'\''s.git'");
    assert_eq!(quoted("~ada/x $(y).git"), "~ada/'x $(y).git'");
    assert_eq!(quoted("plain.git"), "'plain.git'");
}

#[test]
fn ssh_is_given_no_secret_and_asks_nobody() {
    let Ok(remote) = Remote::parse("ssh://git@git.example.com:2222/infra.git") else {
        panic!("it is an address")
    };
    let Some(command) = command(remote.place(), "ssh", Side::Push) else {
        panic!("ssh is a program")
    };
    let args: Vec<_> = command
        .get_args()
        .map(|arg| arg.to_string_lossy().into_owned())
        .collect();
    assert!(args.contains(&"BatchMode=yes".to_owned()));
    assert_eq!(
        args[args.len() - 2..],
        ["git@git.example.com", "git-receive-pack '/infra.git'"]
    );
    assert_eq!(args[args.len() - 3], "--");
}
