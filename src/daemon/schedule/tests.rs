use super::{AGAIN, FIRST_RETRY, MERGE, PassEnd, PassSchedule, REST, WakeCause, WakeCauses};
use crate::daemon::hooks::{PushedImage, Webhook};
use crate::error::Kind;
use crate::remote::kubernetes::Urgency;
use std::collections::BTreeSet;
use std::time::Duration;
use tokio::time::Instant;

const EVERY: Duration = Duration::from_secs(300);
const OUTSIDE: PassEnd = PassEnd::Failed(Kind::Outside);

fn of(causes: &[WakeCause]) -> WakeCauses {
    WakeCauses(causes.iter().cloned().collect())
}

fn hooks(all: &[Webhook]) -> BTreeSet<Webhook> {
    all.iter().cloned().collect()
}

/// A schedule whose first pass is over.
fn after_one(how: PassEnd) -> (PassSchedule, Instant, Duration) {
    let now = Instant::now();
    let mut schedule = PassSchedule::new(EVERY, now);
    assert_eq!(
        (schedule.due(), schedule.start_pass(now)),
        (now, of(&[WakeCause::Start]))
    );
    let wait = schedule.finish_pass(how, None, now, 1.0);
    assert_eq!(schedule.due(), now + wait);
    (schedule, now, wait)
}

#[test]
fn the_next_pass_is_as_late_as_the_last_one_says() {
    for (how, want, cause) in [
        (PassEnd::Done, EVERY, WakeCause::Timer),
        (PassEnd::Again, Duration::ZERO, WakeCause::Again),
        (OUTSIDE, FIRST_RETRY, WakeCause::Retry),
        (PassEnd::Failed(Kind::Failed), FIRST_RETRY, WakeCause::Retry),
        (PassEnd::Degraded, FIRST_RETRY, WakeCause::ForgeRetry),
        (PassEnd::Failed(Kind::Usage), EVERY, WakeCause::Timer),
    ] {
        let (mut schedule, now, wait) = after_one(how);
        assert_eq!(
            (wait, schedule.start_pass(now + wait)),
            (want, of(&[cause])),
            "{how:?}"
        );
    }
}

#[test]
fn hooks_make_one_pass_after_a_short_rest() {
    let (mut schedule, now, _) = after_one(PassEnd::Done);
    schedule.add_webhooks(hooks(&[Webhook::Status]));
    schedule.add_webhooks(hooks(&[Webhook::Push, Webhook::Status]));
    assert_eq!(schedule.due(), now + REST);
    let woken = schedule.start_pass(now + REST);
    assert_eq!(
        (woken.to_string().as_str(), woken),
        (
            "push+status",
            of(&[
                WakeCause::Webhook(Webhook::Push),
                WakeCause::Webhook(Webhook::Status)
            ])
        )
    );
    assert_eq!(schedule.due(), now + EVERY);
}

#[test]
fn a_hook_during_a_pass_is_for_the_next_one_and_a_due_timer_goes_with_it() {
    let now = Instant::now();
    let mut schedule = PassSchedule::new(EVERY, now);
    schedule.start_pass(now);
    schedule.add_webhooks(hooks(&[Webhook::Comment]));
    assert_eq!(schedule.finish_pass(PassEnd::Done, None, now, 1.0), REST);
    assert_eq!(
        schedule.start_pass(now + EVERY),
        of(&[WakeCause::Timer, WakeCause::Webhook(Webhook::Comment)])
    );
}

#[test]
fn retries_come_more_and_more_seldom_but_as_often_as_the_timer() {
    let (mut schedule, now, first) = after_one(OUTSIDE);
    let waits: Vec<u64> = (0..40)
        .map(|_| schedule.finish_pass(OUTSIDE, None, now, 1.0).as_secs())
        .collect();
    assert_eq!(first, FIRST_RETRY);
    assert_eq!(waits[..7], [10, 20, 40, 80, 160, 300, 300]);
    assert_eq!(waits[39], 300);
    assert_eq!(schedule.finish_pass(OUTSIDE, None, now, 0.0), EVERY / 2);
    assert_eq!(schedule.finish_pass(PassEnd::Done, None, now, 0.0), EVERY);
    assert_eq!(schedule.finish_pass(OUTSIDE, None, now, 1.0), FIRST_RETRY);
}

#[test]
fn a_pass_that_always_says_again_is_stopped() {
    let (mut schedule, now, first) = after_one(PassEnd::Again);
    assert_eq!(first, Duration::ZERO);
    for round in 1..20 {
        let want = if round % (AGAIN + 1) == AGAIN {
            EVERY
        } else {
            Duration::ZERO
        };
        assert_eq!(
            schedule.finish_pass(PassEnd::Again, None, now, 1.0),
            want,
            "{round}"
        );
    }
}

#[test]
fn a_cluster_that_always_changes_puts_no_poll_off() {
    let (mut schedule, start, _) = after_one(PassEnd::Done);
    let mut now = start;
    while now < start + EVERY {
        schedule.add_cluster_change(Urgency::Now);
        now = schedule.due();
        if now >= start + EVERY {
            break;
        }
        assert_eq!(schedule.start_pass(now), of(&[WakeCause::Cluster]));
        now += Duration::from_secs(20);
        schedule.finish_pass(PassEnd::Done, None, now, 1.0);
    }
    let woken = schedule.start_pass(now.max(start + EVERY));
    assert!(
        woken.0.contains(&WakeCause::Timer) && woken.asks_registries(),
        "{woken}"
    );
}

#[test]
fn what_is_to_be_looked_at_later_makes_a_pass_that_asks_no_registry() {
    let now = Instant::now();
    let mut schedule = PassSchedule::new(EVERY, now);
    schedule.start_pass(now);
    let soon = Duration::from_secs(40);
    assert_eq!(
        schedule.finish_pass(PassEnd::Done, Some(soon), now, 1.0),
        soon
    );
    let woken = schedule.start_pass(now + soon);
    assert_eq!(
        (woken.asks_registries(), woken),
        (false, of(&[WakeCause::Later]))
    );
    assert_eq!(
        schedule.finish_pass(PassEnd::Done, Some(EVERY), now + soon, 1.0),
        EVERY - soon,
        "the poll comes first"
    );
    assert_eq!(schedule.start_pass(now + EVERY), of(&[WakeCause::Timer]));
}

#[test]
fn what_the_cluster_told_waits_for_no_registry() {
    assert!(
        of(&[
            WakeCause::Cluster,
            WakeCause::Later,
            WakeCause::Webhook(Webhook::Alert),
            WakeCause::Webhook(Webhook::Status)
        ])
        .is_in_haste()
    );
    for other in [
        WakeCause::Timer,
        WakeCause::Start,
        WakeCause::Retry,
        WakeCause::Webhook(Webhook::Push),
        WakeCause::Webhook(Webhook::Comment),
        WakeCause::Webhook(Webhook::PullRequest),
    ] {
        let woken = of(&[WakeCause::Cluster, other]);
        assert!(!woken.is_in_haste(), "{woken}");
    }
}

#[test]
fn a_push_to_the_repo_or_of_one_image_does_not_ask_all_registries() {
    let image = WakeCause::Webhook(Webhook::Image(PushedImage {
        path: "team/app".into(),
        tag: "latest".into(),
    }));
    let push = WakeCause::Webhook(Webhook::Push);
    assert!(!of(std::slice::from_ref(&push)).asks_registries());
    let woken = of(&[image.clone(), push.clone()]);
    assert!(!woken.asks_registries() && !woken.leaves_repo() && !woken.is_in_haste());
    assert_eq!(woken.images().count(), 1);
    let woken = of(&[image.clone(), WakeCause::Cluster]);
    assert!(!woken.asks_registries() && woken.leaves_repo() && woken.is_in_haste());
    let other = WakeCause::Webhook(Webhook::Image(PushedImage {
        path: "team/other".into(),
        tag: "latest".into(),
    }));
    assert_eq!(
        of(&[image.clone(), other, push]).to_string(),
        "push+package"
    );
    assert!(of(&[WakeCause::Webhook(Webhook::Package)]).asks_registries());
    assert!(of(&[image, WakeCause::Timer]).asks_registries());
}

#[test]
fn a_cluster_that_always_changes_does_not_hurry_a_pass_that_failed() {
    for (how, want, cause) in [
        (OUTSIDE, FIRST_RETRY, WakeCause::Retry),
        (PassEnd::Failed(Kind::Usage), EVERY, WakeCause::Timer),
    ] {
        let (mut schedule, now, wait) = after_one(how);
        schedule.add_cluster_change(Urgency::Now);
        assert_eq!((wait, schedule.due()), (want, now + want), "{how:?}");
        assert_eq!(
            schedule.start_pass(now + want),
            of(&[cause, WakeCause::Cluster]),
            "{how:?}"
        );
        schedule.finish_pass(how, None, now, 1.0);
        schedule.add_cluster_change(Urgency::Now);
        schedule.add_webhooks(hooks(&[Webhook::Push]));
        assert_eq!(
            schedule.due(),
            now + REST,
            "a push may be what mends it: {how:?}"
        );
        schedule.start_pass(now + REST);
        schedule.finish_pass(PassEnd::Done, None, now, 1.0);
        schedule.add_cluster_change(Urgency::Now);
        assert_eq!(schedule.due(), now + REST, "{how:?}");
    }
}

#[test]
fn changes_that_are_not_urgent_wait_for_more() {
    let start = Instant::now();
    let mut schedule = PassSchedule::new(EVERY, start);
    schedule.start_pass(start);
    schedule.finish_pass(PassEnd::Done, None, start, 0.0);
    schedule.add_cluster_change(Urgency::Merged);
    assert_eq!(schedule.due(), start + MERGE);
    schedule.add_cluster_change(Urgency::Now);
    assert_eq!(schedule.due(), start + REST);
    let now = start + REST;
    assert_eq!(schedule.start_pass(now), of(&[WakeCause::Cluster]));
    schedule.finish_pass(PassEnd::Done, None, now, 0.0);
    assert_eq!(schedule.due(), start + EVERY, "both were looked at");
    schedule.add_cluster_change(Urgency::Merged);
    assert_eq!(schedule.due(), now + MERGE);
}
