use super::super::phrase::tests::{expect, harmless, nasty};
use super::*;
use crate::sites::SiteId;
use proptest::prelude::*;

fn commit() -> CommitId {
    CommitId::parse(&"c0ffee1234".repeat(4)).unwrap()
}

fn told(subject: &str, failed: Vec<Check>) -> RowWords {
    told_of(None, subject, failed)
}

fn told_of(pull: Option<u64>, subject: &str, failed: Vec<Check>) -> RowWords {
    told_when(false, pull, subject, failed)
}

fn told_when(began: bool, pull: Option<u64>, subject: &str, failed: Vec<Check>) -> RowWords {
    let since = "2026-11-22T10:05:00Z".parse().unwrap();
    let notice = Notice::Pipeline {
        commit: commit(),
        subject: subject.into(),
        pull,
        failed,
        began,
        since,
    };
    let words = super::notice(
        &notice,
        &Url::parse("https://forge.example.org/ops/infra").unwrap(),
    );
    harmless(&words.body, &[Marker::Pipeline(commit())]);
    assert!(words.body.len() < super::super::phrase::LONGEST);
    words
}

fn check(context: &str, description: &str, url: Option<&str>) -> Check {
    Check {
        context: context.into(),
        description: description.into(),
        url: url.map(|url| Url::parse(url).unwrap()),
    }
}

#[test]
fn a_pipeline_that_failed() {
    let failed = vec![
        check(
            "ci/plan",
            "exit status 1",
            Some("https://forge.example.org/ops/infra/actions/runs/9"),
        ),
        check("apply", "by @ana | #12", Some("https://ci.example.org/9")),
        check("", "", None),
    ];
    let words = told_of(Some(7), "immich: pin server to 3f1c…1c (release)", failed);
    assert_eq!(words.title, "The pipeline of c0ffee1234 failed");
    expect("notice-failed", &words.body);
}

#[test]
fn a_pipeline_that_never_started() {
    let words = told("immich: pin server to 3f1c…1c (release)", Vec::new());
    assert_eq!(words.title, "The pipeline of c0ffee1234 did not start");
    expect("notice-missing", &words.body);
}

#[test]
fn a_pipeline_that_has_not_ended() {
    let words = told_when(
        true,
        None,
        "immich: pin server to 3f1c…1c (release)",
        Vec::new(),
    );
    assert_eq!(words.title, "The pipeline of c0ffee1234 has not ended");
    expect("notice-pending", &words.body);
    let failed = told_when(
        true,
        None,
        "immich: pin server",
        vec![check("ci/plan", "", None)],
    );
    assert_eq!(failed.title, "The pipeline of c0ffee1234 failed");
}

#[test]
fn very_many_checks_are_counted() {
    let words = told(
        "a",
        (0..5_000)
            .map(|n| check(&format!("ci/{n}"), "no", None))
            .collect(),
    );
    assert!(words.body.contains(" more\n"), "{}", words.body);
}

fn not_back(cause: Cause, evidence: &str, why: &str) -> RowWords {
    let digest = |c: &str| Digest::parse(&format!("sha256:{}", c.repeat(64))).unwrap();
    let notice = Notice::NotRolledBack {
        site: SiteId("stacks/immich/main.tf#deployment/immich/server:server".into()),
        image: "ghcr.io/immich-app/server:release".into(),
        cause,
        evidence: evidence.into(),
        from: digest("b"),
        to: (cause != Cause::Undo).then(|| digest("a")),
        why: why.into(),
    };
    let words = super::notice(
        &notice,
        &Url::parse("https://forge.example.org/ops/infra").unwrap(),
    );
    harmless(&words.body, &[mark(&notice)]);
    assert!(words.body.len() < super::super::phrase::LONGEST);
    words
}

#[test]
fn what_is_not_rolled_back() {
    let undo = not_back(
        Cause::Undo,
        "deployment immich/server was rolled back from revision 2 to 1 at 2026-11-22T11:58:00Z",
        "`auto_rollback` is false ([defaults])",
    );
    assert_eq!(undo.title, "server:release is not rolled back (undo)");
    expect("notice-not-back-undo", &undo.body);
    let broken = not_back(
        Cause::Unhealthy,
        "container server of deployment immich/server: CrashLoopBackOff",
        "the mode of rollbacks is `off`",
    );
    expect("notice-not-back-unhealthy", &broken.body);
    assert_ne!(Marker::all(&undo.body), Marker::all(&broken.body));
    assert_eq!(Marker::all(&broken.body).len(), 1);
}

#[test]
fn one_cause_is_told_once() {
    let told = |cause, evidence: &str| Marker::all(&not_back(cause, evidence, "no").body);
    let pull = told(
        Cause::Unhealthy,
        "container server of deployment immich/server: ErrImagePull",
    );
    assert_eq!(
        pull,
        told(
            Cause::Unhealthy,
            "container server of deployment immich/server: ImagePullBackOff"
        ),
        "the two take turns"
    );
    let undo = told(
        Cause::Undo,
        "deployment immich/server was rolled back from revision 2 to 1 at 2026-11-22T11:58:00Z",
    );
    assert_eq!(
        undo,
        told(
            Cause::Undo,
            "deployment immich/server was rolled back from revision 2 to 1 at 2026-11-22T12:10:00Z"
        )
    );
    assert_ne!(undo, pull);
}

proptest! {
    #[test]
    fn nothing_that_the_cluster_tells_does_anything(evidence in nasty(), why in nasty()) {
        not_back(Cause::Alert, &evidence, &why);
    }
}

proptest! {
    #[test]
    fn nothing_from_outside_does_anything(subject in nasty(), context in nasty(), description in nasty()) {
        told(&subject, vec![check(&context, &description, None)]);
    }
}
