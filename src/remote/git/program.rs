//! The programs that stand between us and a remote that is not spoken to over http: `ssh`, or `git`
//! for a local path. Starts none.

use super::address::{Ssh, Where};
use std::process::Command;

/// Which side of a remote is spoken to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Side {
    Fetch,
    Push,
}

impl Side {
    fn service(self) -> &'static str {
        match self {
            Self::Fetch => "upload-pack",
            Self::Push => "receive-pack",
        }
    }
}

/// The command whose input and output are the server's; `None` for http, which needs no program.
pub(super) fn command(place: &Where, ssh: &str, side: Side) -> Option<Command> {
    let mut command = match place {
        Where::Ssh(place) => ssh_command(place, ssh, side),
        Where::Path(path) => {
            let mut command = Command::new("git");
            command.arg(side.service()).arg(path);
            command
        }
        Where::Http(_) => return None,
    };
    without_git_variables(&mut command);
    if side == Side::Fetch {
        command.env("GIT_PROTOCOL", "version=2");
    }
    Some(command)
}

fn ssh_command(place: &Ssh, ssh: &str, side: Side) -> Command {
    let mut command = Command::new(ssh);
    command.args([
        "-o",
        "BatchMode=yes",
        "-o",
        "ConnectTimeout=20",
        "-o",
        "ServerAliveInterval=20",
    ]);
    if side == Side::Fetch {
        command.args(["-o", "SendEnv=GIT_PROTOCOL"]);
    }
    if let Some(port) = place.port {
        command.args(["-p", &port.to_string()]);
    }
    let service = format!("git-{} {}", side.service(), quoted(&place.path));
    command.arg("--").arg(&place.host).arg(service);
    command
}

/// Takes git's own variables out: they would name another repository or other programs.
fn without_git_variables(command: &mut Command) {
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("GIT_") {
            command.env_remove(&name);
        }
    }
    command.env("GIT_TERMINAL_PROMPT", "0").env("LC_ALL", "C");
}

/// Quotes for the shell at the other end; a leading `~` stays outside, as git leaves it.
fn quoted(path: &str) -> String {
    let (home, rest) = match path.split_once('/') {
        Some((home, rest)) if home.starts_with('~') => (format!("{home}/"), rest),
        _ => (String::new(), path),
    };
    format!("{home}'{}'", rest.replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests;
