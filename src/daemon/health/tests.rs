use super::Health;
use std::time::Duration;
use tokio::time::Instant;

const EVERY: Duration = Duration::from_secs(300);

#[test]
fn alive_while_passes_start_or_end_in_time() {
    let begun = Instant::now();
    let health = Health::new(EVERY, begun);
    let limit = Duration::from_secs(3 * (300 + 600));
    assert_eq!(health.alive(begun + limit), Ok(()));
    let late = begun + limit + Duration::from_secs(1);
    assert_eq!(
        health.alive(late),
        Err("no pass started or ended for 2701 seconds".into())
    );
    health.started(late);
    assert_eq!(health.alive(late), Ok(()));
    health.ended(Err("failing is alive too".into()), late + limit);
    assert_eq!(health.alive(late + limit), Ok(()));
}

#[test]
fn ready_while_the_last_pass_could_read_the_repo() {
    let now = Instant::now();
    let health = Health::new(EVERY, now);
    assert_eq!(health.ready(), Err("starting".into()));
    health.started(now);
    assert_eq!(health.ready(), Err("starting".into()));
    health.ended(Ok(()), now);
    assert_eq!(health.ready(), Ok(()));
    health.started(now);
    assert_eq!(health.ready(), Ok(()));
    health.ended(Err("cannot reach\r\nthe remote\n".into()), now);
    assert_eq!(health.ready(), Err("cannot reach the remote".into()));
    health.ended(Ok(()), now);
    health.stopping();
    assert_eq!(health.ready(), Err("stopping".into()));
}
