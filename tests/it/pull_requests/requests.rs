//! What a pass asks of the forge when there is nothing to do.

use super::{ADOPTS, NGINX, POSTGRES, open};
use crate::support::forge_line::ForgeLine;
use crate::support::forge_proxy::Seen;

#[test]
fn a_pass_with_nothing_to_do_asks_little_and_writes_nothing() {
    let line = ForgeLine::behind_a_proxy(&[("db", POSTGRES), ("web", NGINX)], ADOPTS);
    line.sync();
    let proxy = line.proxy.as_ref().expect("it is there");
    let quiet = |what: &str| {
        line.sync();
        proxy.take();
        line.sync();
        let seen: Vec<Seen> = proxy.take();
        let asked: Vec<String> = seen
            .iter()
            .map(|seen| format!("{} {}", seen.method, seen.target))
            .collect();
        assert!(!seen.iter().any(Seen::writes), "{what}: {asked:#?}");
        let api = asked.iter().filter(|one| one.contains("/api/")).count();
        assert!(api <= 9 && asked.len() - api <= 4, "{what}: {asked:#?}");
    };
    quiet("in sync");
    line.moves(NGINX, "second");
    quiet("one pull request is open");
    line.repo.comment(open(&line), "/explain", &line.ana);
    quiet("a comment was answered");
}
