use super::http::{HttpServer, WebhookSecrets};
use super::schedule::WakeCauses;
use super::{
    DaemonSettings, EventSources, LEAVE, LiveTroubles, PassRunner, PassSummary, StopSignals,
    missing_in, run,
};
use crate::error::{Error, Result};
use crate::write::WriteLease;
use std::collections::VecDeque;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep};

const EVERY: Duration = Duration::from_secs(300);
const GRACE: Duration = Duration::from_secs(25);

/// What one pass does.
enum Act {
    Ends(Box<Result<PassSummary>>),
    /// Observes until it is told.
    Observes(oneshot::Receiver<Result<PassSummary>>),
    /// Writes for that long, and then observes for ever if `observes`.
    Writes {
        for_long: Duration,
        observes: bool,
    },
    Panics,
}

impl Act {
    fn ends(end: Result<PassSummary>) -> Self {
        Self::Ends(Box::new(end))
    }
}

/// A pass that was started: why, and how long after the start of the run.
type Seen = (String, Duration);

struct Script {
    acts: Mutex<VecDeque<Act>>,
    lease: Arc<WriteLease>,
    begun: Instant,
    seen: mpsc::UnboundedSender<Seen>,
}

impl PassRunner for Script {
    async fn run_pass(&self, woken: &WakeCauses) -> Result<PassSummary> {
        self.seen
            .send((woken.to_string(), self.begun.elapsed()))
            .unwrap();
        let act = self
            .acts
            .lock()
            .unwrap()
            .pop_front()
            .unwrap_or_else(|| Act::ends(Ok(PassSummary::default())));
        match act {
            Act::Ends(how) => *how,
            Act::Observes(told) => told.await.unwrap(),
            Act::Writes { for_long, observes } => {
                let writing = self.lease.begin()?;
                sleep(for_long).await;
                drop(writing);
                if observes {
                    std::future::pending().await
                }
                Ok(PassSummary {
                    commits: 1,
                    ..PassSummary::default()
                })
            }
            Act::Panics => panic!("of the pass"),
        }
    }
}

struct StopMessages(mpsc::UnboundedReceiver<&'static str>);

impl StopSignals for StopMessages {
    async fn next(&mut self) -> &'static str {
        self.0.recv().await.expect("the test holds the other end")
    }
}

struct Run {
    seen: mpsc::UnboundedReceiver<Seen>,
    stop: mpsc::UnboundedSender<&'static str>,
    task: JoinHandle<Result<()>>,
    begun: Instant,
}

fn start(acts: Vec<Act>) -> Run {
    start_with(acts, None)
}

fn start_with(acts: Vec<Act>, server: Option<HttpServer>) -> Run {
    let (tell, seen) = mpsc::unbounded_channel();
    let (stop, stops) = mpsc::unbounded_channel();
    let lease = Arc::new(WriteLease::for_run());
    let begun = Instant::now();
    let script = Script {
        acts: Mutex::new(acts.into()),
        lease: lease.clone(),
        begun,
        seen: tell,
    };
    let settings = DaemonSettings {
        every: EVERY,
        grace: GRACE,
    };
    let server = server.map(|server| {
        (
            server,
            WebhookSecrets {
                forge: Some("a secret".into()),
                ..WebhookSecrets::default()
            },
        )
    });
    let task = tokio::spawn(run(
        settings,
        script,
        lease,
        StopMessages(stops),
        EventSources {
            server,
            ..EventSources::default()
        },
    ));
    Run {
        seen,
        stop,
        task,
        begun,
    }
}

impl Run {
    async fn run_pass(&mut self) -> Seen {
        self.seen.recv().await.expect("the run goes on")
    }

    /// Stops it; returns how it ended, how long that took, and how many more passes there were.
    async fn stops(mut self) -> (Result<()>, Duration, usize) {
        let asked = Instant::now();
        self.stop.send("SIGTERM").unwrap();
        let ended = self.task.await.unwrap();
        let took = asked.elapsed();
        let mut more = 0;
        while self.seen.recv().await.is_some() {
            more += 1;
        }
        (ended, took, more)
    }
}

fn outside() -> Act {
    Act::ends(Err(Error::outside("cannot reach the remote")))
}

fn says_again() -> Act {
    Act::ends(Ok(PassSummary {
        again: true,
        ..PassSummary::default()
    }))
}

fn says_fault() -> Act {
    Act::ends(Ok(PassSummary {
        fault: Some("the forge refuses the token".into()),
        ..PassSummary::default()
    }))
}

#[tokio::test(start_paused = true)]
async fn while_the_forge_cannot_be_used_passes_are_tried_again_ever_more_slowly() {
    let mut run = start(vec![says_fault(), says_fault(), says_fault()]);
    let mut last = Duration::ZERO;
    for (cause, least, most) in [
        ("start", 0, 0),
        ("retry", 2, 5),
        ("retry", 5, 10),
        ("retry", 10, 20),
    ] {
        let (why, when) = run.run_pass().await;
        let wait = secs((when - last).saturating_add(Duration::from_millis(1)));
        assert_eq!(why, cause);
        assert!((least..=most).contains(&wait), "{cause}: {wait}");
        last = when;
    }
    // The next one succeeds: registries are asked again when that is due, not before.
    let (why, when) = run.run_pass().await;
    assert_eq!((why.as_str(), secs(when)), ("timer", 300));
}

fn secs(duration: Duration) -> u64 {
    duration.as_secs()
}

#[tokio::test(start_paused = true)]
async fn the_first_pass_is_at_once_and_then_by_the_clock() {
    let mut run = start(vec![]);
    for (at, cause) in [(0, "start"), (300, "timer"), (600, "timer")] {
        let (why, when) = run.run_pass().await;
        assert_eq!((why.as_str(), secs(when)), (cause, at));
    }
    let (ended, took, more) = run.stops().await;
    assert_eq!((ended.is_ok(), secs(took), more), (true, 0, 0));
}

#[tokio::test(start_paused = true)]
async fn failed_passes_are_tried_again_and_a_broken_configuration_waits() {
    let broken = Act::ends(Err(Error::usage("pintle.toml is broken")));
    let mut run = start(vec![
        outside(),
        outside(),
        outside(),
        broken,
        Act::ends(Err(Error::failed("no"))),
    ]);
    let mut last = Duration::ZERO;
    for (cause, least, most) in [
        ("start", 0, 0),
        ("retry", 2, 5),
        ("retry", 5, 10),
        ("retry", 10, 20),
        ("timer", 300, 300),
        ("retry", 40, 80),
    ] {
        let (why, when) = run.run_pass().await;
        let wait = secs((when - last).saturating_add(Duration::from_millis(1)));
        assert!(
            why == cause && (least..=most).contains(&wait),
            "{why} after {wait}"
        );
        last = when;
    }
    assert!(run.stops().await.0.is_ok());
}

#[tokio::test(start_paused = true)]
async fn again_is_at_once_and_not_for_ever() {
    let mut run = start((0..6).map(|_| says_again()).collect());
    let mut whens = Vec::new();
    for _ in 0..8 {
        let (why, when) = run.run_pass().await;
        whens.push((why, secs(when)));
    }
    let want = [
        "start", "again", "again", "again", "again", "again", "timer", "timer",
    ]
    .into_iter()
    .zip([0, 0, 0, 0, 0, 0, 300, 600]);
    assert_eq!(
        whens,
        want.map(|(why, when)| (why.to_owned(), when))
            .collect::<Vec<_>>()
    );
}

#[tokio::test(start_paused = true)]
async fn stopping_while_nothing_runs_is_at_once() {
    let mut run = start(vec![]);
    run.run_pass().await;
    sleep(Duration::from_secs(10)).await;
    let (ended, took, more) = run.stops().await;
    assert_eq!((ended.is_ok(), took, more), (true, Duration::ZERO, 0));
}

#[tokio::test(start_paused = true)]
async fn a_pass_that_observes_is_abandoned() {
    let (_held, told) = oneshot::channel();
    let mut run = start(vec![Act::Observes(told)]);
    run.run_pass().await;
    let (ended, took, more) = run.stops().await;
    assert_eq!((ended.is_ok(), took, more), (true, Duration::ZERO, 0));
}

#[tokio::test(start_paused = true)]
async fn a_write_in_progress_is_finished() {
    let mut run = start(vec![Act::Writes {
        for_long: Duration::from_secs(20),
        observes: false,
    }]);
    run.run_pass().await;
    let (ended, took, more) = run.stops().await;
    assert_eq!((ended.is_ok(), secs(took), more), (true, 20, 0));
}

#[tokio::test(start_paused = true)]
async fn after_its_write_a_pass_observes_no_more() {
    let mut run = start(vec![Act::Writes {
        for_long: Duration::from_secs(20),
        observes: true,
    }]);
    run.run_pass().await;
    let (ended, took, more) = run.stops().await;
    assert_eq!(
        (ended.is_ok(), took, more),
        (true, Duration::from_secs(20) + LEAVE, 0)
    );
}

#[tokio::test(start_paused = true)]
async fn a_write_that_takes_longer_than_the_grace_is_abandoned() {
    let mut run = start(vec![Act::Writes {
        for_long: Duration::from_secs(60),
        observes: false,
    }]);
    run.run_pass().await;
    let (ended, took, more) = run.stops().await;
    assert_eq!(
        ended.unwrap_err().to_string(),
        "a write was abandoned: it took longer than 25 seconds"
    );
    assert_eq!((took, more), (GRACE, 0));
}

#[tokio::test(start_paused = true)]
async fn a_second_signal_ends_at_once() {
    let mut run = start(vec![Act::Writes {
        for_long: Duration::from_secs(60),
        observes: false,
    }]);
    run.run_pass().await;
    run.stop.send("SIGTERM").unwrap();
    sleep(Duration::from_secs(3)).await;
    run.stop.send("SIGINT").unwrap();
    let ended = run.task.await.unwrap();
    assert_eq!(
        ended.unwrap_err().to_string(),
        "a write was abandoned: a second signal came: SIGINT"
    );
    assert_eq!(secs(run.begun.elapsed()), 3);
}

#[tokio::test(start_paused = true)]
async fn a_pass_that_panics_ends_the_run() {
    let mut run = start(vec![Act::ends(Ok(PassSummary::default())), Act::Panics]);
    run.run_pass().await;
    run.run_pass().await;
    let error = run.task.await.unwrap().unwrap_err().to_string();
    assert!(
        error.starts_with("a pass ended early: ") && error.contains("of the pass"),
        "{error}"
    );
}

#[tokio::test(start_paused = true)]
async fn a_pass_cannot_begin_to_write_once_the_run_stops() {
    let (tell, told) = oneshot::channel();
    let mut run = start(vec![
        Act::Observes(told),
        Act::Writes {
            for_long: Duration::ZERO,
            observes: false,
        },
    ]);
    run.run_pass().await;
    run.stop.send("SIGTERM").unwrap();
    tell.send(Ok(PassSummary {
        again: true,
        ..PassSummary::default()
    }))
    .unwrap();
    assert!(run.task.await.unwrap().is_ok());
    assert!(run.seen.recv().await.is_none(), "no pass after the signal");
}

/// Sends a webhook that is signed with the secret of these tests.
async fn hook(address: std::net::SocketAddr, event: &str) -> String {
    use hmac::{Hmac, KeyInit, Mac};
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let mac = Hmac::<sha2::Sha256>::new_from_slice(b"a secret").unwrap();
    let signature = hex::encode(mac.chain_update(b"{}").finalize().into_bytes());
    let head = format!(
        "POST /hooks/forgejo HTTP/1.1\r\nHost: x\r\nX-Gitea-Event: {event}\r\nX-Gitea-Signature: {signature}\r\n"
    );
    let mut stream = tokio::net::TcpStream::connect(address).await.unwrap();
    stream
        .write_all(format!("{head}Content-Length: 2\r\n\r\n{{}}").as_bytes())
        .await
        .unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    answer.lines().next().unwrap_or_default().to_owned()
}

#[tokio::test]
async fn any_number_of_hooks_during_a_pass_makes_one_more() {
    let server = HttpServer::bind(([127, 0, 0, 1], 0).into()).await.unwrap();
    let address = server.address().unwrap();
    let (tell, told) = oneshot::channel();
    let mut run = start_with(vec![Act::Observes(told)], Some(server));
    assert_eq!(run.run_pass().await.0, "start");
    for event in ["push", "status", "push", "issue_comment", "status"] {
        assert_eq!(hook(address, event).await, "HTTP/1.1 202 Accepted");
    }
    assert_eq!(hook(address, "release").await, "HTTP/1.1 204 No Content");
    tell.send(Ok(PassSummary::default())).unwrap();
    assert_eq!(run.run_pass().await.0, "push+issue_comment+status");
    assert_eq!(hook(address, "pull_request").await, "HTTP/1.1 202 Accepted");
    assert_eq!(
        run.run_pass().await.0,
        "pull_request",
        "and nothing is left of the others"
    );
    assert!(run.stops().await.0.is_ok());
    assert!(
        tokio::net::TcpStream::connect(address).await.is_err(),
        "nobody listens any more"
    );
}

#[test]
fn trouble_is_news_when_it_begins_and_when_it_ends() {
    let troubles = |all: &[(&str, &'static str, &str)]| -> LiveTroubles {
        let one = |(container, code, what): &(&str, &'static str, &str)| {
            (((*container).to_owned(), *code), (*what).to_owned())
        };
        all.iter().map(one).collect()
    };
    let before = troubles(&[("web", "crashing", "1 restart"), ("db", "paused", "")]);
    let now = troubles(&[("web", "crashing", "2 restarts"), ("web", "rotten", "")]);
    let keys = |known, all| {
        let missing = missing_in(known, all).map(|((container, code), _)| (&**container, *code));
        missing.collect::<Vec<_>>()
    };
    assert_eq!(keys(&before, &now), [("web", "rotten")]);
    assert_eq!(keys(&now, &before), [("db", "paused")]);
    assert_eq!(keys(&now, &now), []);
}
