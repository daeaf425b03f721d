//! The same with a real forge: the rollback goes to its default branch at once, and a comment lets the site follow the tag again.

use std::time::Instant;

use super::{DEADLINE, SOON, WEB, report, trailer};
use crate::support::daemon::Daemon;
use crate::support::kube::world::{ForgeWorld, text};
use crate::support::line::path;

/// Everything is a commit.
const COMMITS: &str = "\n[[rule]]\nmatch = { stack = \"*\" }\nmode = \"commit\"\n";

#[test]
fn an_undo_is_committed_and_an_unpin_follows_only_what_is_newer() {
    let world = ForgeWorld::of(&[WEB], COMMITS);
    let (stage, repo) = (&world.stage, &world.line.repo);
    let first = world.line.registries.put(WEB.2, "first");
    let pinned = text(&stage.namespace, &(WEB.0, WEB.1, &format!("{}@{first}", WEB.2)));
    repo.push_files("Pin", &[(&path("web"), pinned.as_bytes())]);
    let following = stage.ci.follow();
    stage.rolled_out("deployment/web");
    let second = world.line.registries.put(WEB.2, "second");
    let mut run = Daemon::start(world.pintle("run", &["--every", "1s", "--listen", "off", "--log-format", "json"]));
    let mut passes_until = |found: &dyn Fn() -> bool, limit| {
        let begun = Instant::now();
        while !found() {
            assert!(begun.elapsed() < limit, "{:#?}", repo.commits("main"));
            let (_, ended) = run.pass();
            assert!(ended.is_ok(), "{ended:?}");
        }
        begun.elapsed()
    };
    let has = |digest: &str| world.line.text("web", "main").contains(digest);
    passes_until(&|| has(&second), DEADLINE);
    stage.ci.wait_for(&stage.ci.tip());
    stage.rolled_out("deployment/web");

    stage.undo("deployment/web");
    report("undo, with a forge", passes_until(&|| has(&first), SOON));
    let commit = repo.commits("main").remove(0);
    assert_eq!(["Action", "Cause", "From", "To"].map(|name| trailer(&commit.message, name)), ["rollback", "undo", &second, &first]);
    assert!(world.line.text("web", "main").contains("# pintle: hold"));
    stage.ci.wait_for(&commit.sha);

    let issue = repo.issue(&world.line.ana, "Talk");
    let unpin = repo.comment(issue, "/unpin web", &world.line.ana);
    passes_until(&|| !world.line.replies(issue, unpin).is_empty(), DEADLINE);
    assert!(has(&first) && !world.line.text("web", "main").contains("# pintle: hold"), "{:?}", world.line.replies(issue, unpin));
    let third = world.line.registries.put(WEB.2, "third");
    passes_until(&|| has(&third), DEADLINE);
    let written = repo.commits("main").into_iter().filter(|commit| commit.message.contains(&format!("Pintle-To: {second}"))).count();
    assert_eq!(written, 1, "the bad digest was proposed once, before it was bad");
    let log = run.stop();
    assert!(!log.contains("panicked") && !log.contains(world.token()));
    drop(following);
}
