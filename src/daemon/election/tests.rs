use super::*;
use std::sync::{Arc, Mutex};
use tokio::task::JoinHandle;

const A_WHILE: Duration = Duration::from_secs(3_600);

/// A Lease in memory that behaves like an API server's, and can be out of reach.
#[derive(Clone, Default)]
struct Shelf(Arc<Mutex<ShelfState>>);

#[derive(Default)]
struct ShelfState {
    record: Option<LeaseRecord>,
    writes: u32,
    /// Requests fail at once.
    is_refusing: bool,
    /// Requests have no answer.
    is_silent: bool,
}

impl Shelf {
    fn change(&self, change: impl FnOnce(&mut ShelfState)) {
        change(&mut self.0.lock().unwrap());
    }

    fn record(&self) -> Option<LeaseRecord> {
        self.0.lock().unwrap().record.clone()
    }

    fn holder(&self) -> Option<String> {
        self.record()?.holder
    }

    async fn answer(&self) -> Result<()> {
        let (is_silent, is_refusing) = {
            let state = self.0.lock().unwrap();
            (state.is_silent, state.is_refusing)
        };
        if is_silent {
            std::future::pending::<()>().await;
        }
        match is_refusing {
            true => Err(Error::outside("the API server is gone")),
            false => Ok(()),
        }
    }
}

impl LeaseStore for Shelf {
    fn name(&self) -> String {
        "ops/pintle".into()
    }

    async fn read(&self) -> Result<Option<LeaseRecord>> {
        self.answer().await?;
        Ok(self.record())
    }

    async fn write(&self, record: &LeaseRecord) -> Result<Option<LeaseRecord>> {
        self.answer().await?;
        let mut state = self.0.lock().unwrap();
        let known = state.record.as_ref().and_then(|one| one.version.clone());
        if known != record.version {
            return Ok(None);
        }
        state.writes += 1;
        let written = LeaseRecord {
            version: Some(state.writes.to_string()),
            ..record.clone()
        };
        state.record = Some(written.clone());
        Ok(Some(written))
    }
}

struct Replica {
    state: watch::Receiver<ElectionState>,
    release: oneshot::Sender<()>,
    task: JoinHandle<()>,
}

fn start(shelf: &Shelf, identity: &str) -> Replica {
    let (candidate, state) = Candidate::new(shelf.clone(), identity.to_owned());
    let (release, released) = oneshot::channel();
    Replica {
        state,
        release,
        task: tokio::spawn(candidate.run(released)),
    }
}

impl Replica {
    /// Waits for a state, and returns how long that took.
    async fn becomes(&mut self, is_it: impl Fn(&ElectionState) -> bool) -> Duration {
        let begun = Instant::now();
        let waited = timeout(A_WHILE, self.state.wait_for(|state| is_it(state)));
        drop(waited.await.expect("it comes").expect("it runs"));
        begun.elapsed()
    }

    async fn holds(&mut self) -> Duration {
        self.becomes(|state| *state == ElectionState::Held).await
    }

    async fn loses(&mut self) -> Duration {
        self.becomes(|state| matches!(state, ElectionState::Lost(_)))
            .await
    }
}

#[tokio::test(start_paused = true)]
async fn a_lease_that_nobody_holds_is_taken_at_once_and_kept() {
    let shelf = Shelf::default();
    let mut first = start(&shelf, "first");
    assert_eq!(first.holds().await, Duration::ZERO);
    sleep(A_WHILE).await;
    assert_eq!(*first.state.borrow(), ElectionState::Held);
    let record = shelf.record().unwrap();
    assert_eq!(record.holder.as_deref(), Some("first"));
    assert_eq!(record.transitions, 0);
    assert!(shelf.0.lock().unwrap().writes > 1_000, "it is renewed");
}

#[tokio::test(start_paused = true)]
async fn a_second_replica_waits_as_long_as_the_first_renews() {
    let shelf = Shelf::default();
    let mut first = start(&shelf, "first");
    first.holds().await;
    let second = start(&shelf, "second");
    sleep(A_WHILE).await;
    assert_eq!(
        *second.state.borrow(),
        ElectionState::Waiting("first".into())
    );
    assert_eq!(*first.state.borrow(), ElectionState::Held);
}

#[tokio::test(start_paused = true)]
async fn a_lease_that_was_given_back_is_taken_soon() {
    let shelf = Shelf::default();
    let mut first = start(&shelf, "first");
    first.holds().await;
    let mut second = start(&shelf, "second");
    first.release.send(()).unwrap();
    first.task.await.unwrap();
    assert!(second.holds().await <= RENEW);
    assert_eq!(shelf.record().unwrap().transitions, 1);
}

#[tokio::test(start_paused = true)]
async fn the_lease_of_a_replica_that_died_is_taken_after_its_time() {
    let shelf = Shelf::default();
    let mut first = start(&shelf, "first");
    first.holds().await;
    first.task.abort();
    let mut second = start(&shelf, "second");
    let took = second.holds().await;
    assert!((HELD..=HELD + RENEW).contains(&took), "{took:?}");
}

#[tokio::test(start_paused = true)]
async fn of_two_that_wait_only_one_takes_over() {
    let shelf = Shelf::default();
    let mut first = start(&shelf, "first");
    first.holds().await;
    let (second, third) = (start(&shelf, "second"), start(&shelf, "third"));
    first.task.abort();
    sleep(A_WHILE).await;
    let held = [&second, &third].map(|one| *one.state.borrow() == ElectionState::Held);
    assert_eq!(held.iter().filter(|held| **held).count(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_holder_without_an_api_server_gives_up_before_another_may_take_over() {
    for is_silent in [false, true] {
        let shelf = Shelf::default();
        let mut first = start(&shelf, "first");
        first.holds().await;
        shelf.change(|state| {
            state.is_silent = is_silent;
            state.is_refusing = !is_silent;
        });
        let took = first.loses().await;
        assert!(took <= GIVE_UP, "{took:?}");
        assert_eq!(
            shelf.holder().as_deref(),
            Some("first"),
            "others still wait"
        );
        first.task.await.unwrap();
    }
}

#[tokio::test(start_paused = true)]
async fn a_short_trouble_costs_no_lease() {
    let shelf = Shelf::default();
    let mut first = start(&shelf, "first");
    first.holds().await;
    shelf.change(|state| state.is_refusing = true);
    sleep(RENEW + Duration::from_secs(1)).await;
    shelf.change(|state| state.is_refusing = false);
    sleep(A_WHILE).await;
    assert_eq!(*first.state.borrow(), ElectionState::Held);
}

#[tokio::test(start_paused = true)]
async fn a_holder_gives_up_when_another_has_the_lease() {
    let shelf = Shelf::default();
    let mut first = start(&shelf, "first");
    first.holds().await;
    shelf.change(|state| {
        let record = state.record.as_mut().unwrap();
        record.holder = Some("a person".into());
        record.version = Some("by hand".into());
    });
    assert!(first.loses().await <= RENEW);
}

#[tokio::test(start_paused = true)]
async fn a_label_that_somebody_sets_costs_no_lease() {
    let shelf = Shelf::default();
    let mut first = start(&shelf, "first");
    first.holds().await;
    shelf.change(|state| state.record.as_mut().unwrap().version = Some("labelled".into()));
    sleep(A_WHILE).await;
    assert_eq!(*first.state.borrow(), ElectionState::Held);
}

#[tokio::test(start_paused = true)]
async fn a_deleted_lease_is_lost() {
    let shelf = Shelf::default();
    let mut first = start(&shelf, "first");
    first.holds().await;
    shelf.change(|state| state.record = None);
    assert!(first.loses().await <= RENEW);
}

#[tokio::test(start_paused = true)]
async fn without_an_answer_nothing_is_held_and_the_reason_is_known() {
    let shelf = Shelf::default();
    shelf.change(|state| state.is_refusing = true);
    let mut first = start(&shelf, "first");
    let gone = ElectionState::Unknown("the API server is gone".into());
    first.becomes(|state| *state == gone).await;
    shelf.change(|state| state.is_refusing = false);
    assert!(first.holds().await <= RENEW);
}
