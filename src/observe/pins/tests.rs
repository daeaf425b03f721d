//! How often a pin is asked for, and what is made of the answer.

use super::*;
use crate::demo::registry::{DemoImage, Fault, FaultKind};
use crate::observe::tests::world_at;
use std::sync::atomic::{AtomicI64, Ordering::Relaxed};

const HOST: &str = "ghcr.io";

/// Hours since the start, of the one test that moves it.
static HOURS: AtomicI64 = AtomicI64::new(0);

fn moving() -> Timestamp {
    Timestamp::UNIX_EPOCH
        .checked_add(SignedDuration::from_hours(HOURS.load(Relaxed)))
        .unwrap()
}

fn channel() -> Channel {
    Channel::parse(&format!("{HOST}/a/app:latest")).unwrap()
}

#[tokio::test]
async fn a_pin_is_asked_for_twice_a_day_and_one_that_is_gone_is_rotten() {
    let (registry, _running, session, registries) = world_at(moving).await;
    let old = registry.put_image(HOST, &DemoImage::new("a/app", "latest", "old"));
    let new = registry.put_image(HOST, &DemoImage::new("a/app", "latest", "new"));
    let key = (channel(), old.clone());
    let wanted = BTreeMap::from([(key.clone(), Some(new))]);
    let read = async || read_pins(&session, &registries, wanted.clone()).await;
    assert_eq!(read().await, BTreeMap::new());
    registry.reset_counts();
    registry.remove(HOST, "a/app", &old);
    assert_eq!(read().await, BTreeMap::new(), "it was there a moment ago");
    HOURS.store(11, Relaxed);
    assert_eq!(read().await, BTreeMap::new());
    assert_eq!(registry.requests(), []);
    HOURS.store(12, Relaxed);
    let rotten = BTreeMap::from([(key.clone(), PinFact::Gone)]);
    assert_eq!(read().await, rotten);
    let counts = registry.counts(HOST);
    assert_eq!((counts.heads, counts.gets), (1, 1), "a GET agrees");
    assert_eq!(read().await, rotten);
    // What is known stays known where upstream does not answer.
    let unknown = BTreeMap::from([(key, None)]);
    assert_eq!(read_pins(&session, &registries, unknown).await, rotten);
    assert_eq!(registry.counts(HOST).heads, 1);
    registry.put_image(HOST, &DemoImage::new("a/app", "older", "old"));
    HOURS.store(13, Relaxed);
    assert_eq!(read().await, BTreeMap::new(), "it was pushed again");
}

#[tokio::test]
async fn one_platform_of_what_the_tag_means_is_known_as_that_with_one_get() {
    let (registry, _running, session, registries) = world_at(|| Timestamp::UNIX_EPOCH).await;
    let index = registry.put_image(HOST, &DemoImage::new("a/app", "latest", "one"));
    // The same image for amd64 alone is the index's own child.
    let child = registry.put_image(HOST, &DemoImage::new("a/app", "amd64", "one").single());
    let key = (channel(), child);
    let wanted = BTreeMap::from([(key.clone(), Some(index.clone()))]);
    let fact = PinFact::PlatformOf {
        index,
        platform: "linux/amd64".into(),
    };
    for _ in 0..3 {
        let facts = read_pins(&session, &registries, wanted.clone()).await;
        assert_eq!(facts, BTreeMap::from([(key.clone(), fact.clone())]));
    }
    let counts = registry.counts(HOST);
    assert_eq!((counts.heads, counts.gets), (1, 1));
}

#[tokio::test]
async fn a_registry_that_does_not_answer_makes_no_pin_rotten() {
    let (registry, _running, session, registries) = world_at(|| Timestamp::UNIX_EPOCH).await;
    let old = registry.put_image(HOST, &DemoImage::new("a/app", "latest", "old"));
    let new = registry.put_image(HOST, &DemoImage::new("a/app", "latest", "new"));
    registry.fail(Fault::of(
        HOST,
        FaultKind::Status {
            code: 500,
            retry_after: None,
        },
    ));
    let wanted = BTreeMap::from([((channel(), old), Some(new))]);
    for _ in 0..2 {
        let facts = read_pins(&session, &registries, wanted.clone()).await;
        assert_eq!(facts, BTreeMap::new());
    }
    assert_eq!(registry.counts(HOST).heads, 1, "not again in the same pass");
    registry.heal();
    session.retry();
    read_pins(&session, &registries, wanted).await;
    assert_eq!(registry.counts(HOST).heads, 2);
}
