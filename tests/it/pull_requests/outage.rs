//! A forge that is away for a while: what needs it waits and says so, and goes on by itself.

use super::{ADOPTS, NGINX, POSTGRES, in_sync, open};
use crate::support::daemon::{Daemon, probe};
use crate::support::forge_line::ForgeLine;
use crate::support::forge_proxy::Fault;
use serde_json::json;

/// First pins at once; then the database as commits, the rest as pull requests.
const BOTH: &str = "\n[[rule]]\nmatch = { stack = \"*\" }\nmode = { adopt = \"commit\" }\n\n[[rule]]\nmatch = { stack = \"db\" }\nmode = \"commit\"\n";

#[test]
fn while_the_api_is_away_commits_go_on_and_pull_requests_wait() {
    let line = ForgeLine::behind_a_proxy(&[("db", POSTGRES), ("web", NGINX)], BOTH);
    line.sync();
    let (db, web) = (line.moves(POSTGRES, "second"), line.moves(NGINX, "second"));
    let proxy = line.proxy.as_ref().expect("it is there");
    proxy.fail(Fault::Status(503), |seen| seen.target.starts_with("/api/"));
    let plan = line.pintle("plan", &["--output", "json"]).run();
    assert!(
        plan.stdout.contains("the forge could not be asked"),
        "{}",
        plan.stdout
    );
    proxy.take();
    let away = line.pintle("sync", &[]).run();
    assert_eq!(away.code, Some(3), "{}", away.stderr);
    assert!(
        away.stderr.contains("the forge could not be asked"),
        "{}",
        away.stderr
    );
    assert!(line.text("db", "main").contains(&db) && !line.text("web", "main").contains(&web));
    let again = line.pintle("sync", &[]).run();
    assert_eq!(
        (
            again.code,
            line.repo.pulls("all").len(),
            line.repo.branches()
        ),
        (Some(3), 0, vec!["main".to_owned()])
    );
    assert!(
        !proxy
            .take()
            .iter()
            .any(|seen| seen.writes() && seen.target.starts_with("/api/")),
        "nothing is half done"
    );
    proxy.mend();
    line.sync();
    line.repo.merge(open(&line), "merge");
    line.sync();
    assert!(line.text("web", "main").contains(&web));
    in_sync(&line);
}

#[test]
fn a_pull_request_that_could_not_be_opened_is_opened_by_the_next_pass() {
    let line = ForgeLine::behind_a_proxy(&[("web", NGINX)], BOTH);
    line.sync();
    line.moves(NGINX, "second");
    let proxy = line.proxy.as_ref().expect("it is there");
    proxy.fail(Fault::Status(503), |seen| {
        seen.writes() && seen.target.ends_with("/pulls")
    });
    let away = line.pintle("sync", &[]).run();
    assert_eq!(away.code, Some(3), "{}", away.stderr);
    assert!(
        away.stderr
            .contains("the pull request of web is not as it should be"),
        "{}",
        away.stderr
    );
    proxy.fail(Fault::Status(403), |seen| {
        seen.writes() && seen.target.ends_with("/pulls")
    });
    let refused = line.pintle("sync", &[]).run();
    assert!(
        refused.code == Some(3)
            && refused
                .stderr
                .contains("(which rights has the token's user on "),
        "{}",
        refused.stderr
    );
    let head = line.repo.tip("pintle/web");
    assert!(head.is_some() && line.repo.pulls("all").is_empty());
    proxy.mend();
    line.sync();
    open(&line);
    assert_eq!(
        line.repo.tip("pintle/web"),
        head,
        "the branch was right already"
    );
}

#[test]
fn a_run_goes_on_by_itself_when_the_forge_is_back() {
    let mut line = ForgeLine::of_stacks(&[("web", NGINX)], BOTH);
    line.sync();
    line.moves(NGINX, "second");
    line.gitea.stop();
    let away = line.pintle("sync", &[]).run();
    assert_eq!(away.code, Some(3), "{}", away.stderr);
    let args = ["--every", "1s", "--listen", "off", "--log-format", "json"];
    let mut run = Daemon::start(line.pintle("run", &args));
    assert!(run.pass().1.is_err());
    line.gitea.resume();
    while run.pass().1.is_err() {}
    open(&line);
    run.stop();
}

#[test]
fn a_forge_that_cannot_be_used_is_reported_until_it_can() {
    let line = ForgeLine::of_stacks(&[("web", NGINX)], ADOPTS);
    line.sync();
    let args = [
        "--every",
        "1s",
        "--listen",
        "127.0.0.1:0",
        "--log-format",
        "json",
    ];
    let mut run = Daemon::start(line.pintle("run", &args));
    let address = run.address();
    let troubles = |run: &mut Daemon| run.says("pass")["troubles"].as_u64();
    assert_eq!(troubles(&mut run), Some(0));
    assert_eq!(probe(&address, "/readyz").0, 200);

    let archive = |archived: bool| {
        let repo = line.repo.path("");
        line.repo
            .owner
            .must("PATCH", &repo, &json!({"archived": archived}));
    };
    archive(true);
    while troubles(&mut run) != Some(1) {}
    troubles(&mut run);
    let (status, why) = probe(&address, "/readyz");
    assert!(
        status == 503 && why.contains("is archived"),
        "{status} {why}"
    );
    for command in ["sync", "plan", "status"] {
        let output = line.pintle(command, &[]).run();
        assert!(
            output.code == Some(3) && output.stderr.contains("is archived"),
            "{command}: {}",
            output.stderr
        );
    }
    archive(false);
    while troubles(&mut run) != Some(0) {}
    assert_eq!(probe(&address, "/readyz").0, 200);

    line.repo.collaborator(&line.bot, "read");
    while troubles(&mut run) != Some(1) {}
    let (status, why) = probe(&address, "/readyz");
    assert!(
        status == 503 && why.contains("may not write to"),
        "{status} {why}"
    );
    line.repo.collaborator(&line.bot, "admin");
    while troubles(&mut run) != Some(0) {}
    let log = run.stop();
    let warned = |what: &str| {
        let is_warning = |entry: &&str| entry.contains("trouble: ") && entry.contains(what);
        log.lines().filter(is_warning).count()
    };
    assert_eq!(
        (warned("is archived"), warned("may not write")),
        (1, 1),
        "{log}"
    );
}
