//! Every sentence in one snapshot, so that the wording can be read and improved in one place; and
//! the page that explains the codes.

use super::*;
use std::collections::BTreeSet;
use std::path::Path;

fn digest() -> Digest {
    Digest::parse(&format!("sha256:{}", "3f1c".repeat(16))).unwrap()
}

fn at() -> Timestamp {
    "2026-11-22T10:05:00Z".parse().unwrap()
}

fn file() -> RepoPath {
    RepoPath::new("stacks/web/main.tf").unwrap()
}

fn site() -> SiteId {
    SiteId("stacks/web/main.tf#local.image".into())
}

fn tag(text: &str) -> Tag {
    Tag::parse(text).unwrap()
}

const IMAGE: &str = "docker.io/library/nginx:1.29";
const WORKLOAD: &str = "deployment web/web";
const WHY: &str = "the cluster did not answer";
const EVIDENCE: &str = "ana undid the rollout";

fn image() -> String {
    IMAGE.to_owned()
}

fn workload() -> String {
    WORKLOAD.to_owned()
}

fn why() -> String {
    WHY.to_owned()
}

fn evidence() -> String {
    EVIDENCE.to_owned()
}

fn place() -> String {
    "stacks/web/main.tf:30".to_owned()
}

/// The source of a setting.
fn source() -> Arc<str> {
    "[[rule]] 2".into()
}

fn commit() -> Arc<str> {
    "c0ffee1234".into()
}

/// At least one of each reason, in the order of the table; more where the sentence has several
/// forms.
fn samples() -> Vec<Reason> {
    use Reason::*;
    let hold = |by: Option<&str>, until, because: Option<&str>| Hold {
        by: by.map(Into::into),
        until,
        because: because.map(Into::into),
    };
    let waits = || Box::new(PipelineRunning { commit: commit() });
    let hour = SignedDuration::from_hours(1);
    vec![
        ConfigurationError {
            what: "the directive at stacks/web/main.tf:30 cannot be read".into(),
        },
        UnusableName {
            name: "the workload's name".into(),
            file: file(),
            line: 29,
            fault: "ends in a line break".into(),
        },
        Denied {
            stack: "stacks/vault".into(),
            pattern: "vault".into(),
        },
        AmbiguousStack {
            entry: "[[hold]] 2".into(),
            name: "vault".into(),
            stacks: "stacks/vault or lab/vault".into(),
        },
        DoNotBumpComment {
            file: file(),
            line: 29,
            text: "do not bump".into(),
        },
        ModeOff { source: source() },
        PolicyNever { source: source() },
        Held {
            hold: hold(None, None, None),
            source: source(),
        },
        Held {
            hold: hold(Some("ana"), Some(at()), Some("waits for the new chart")),
            source: source(),
        },
        UnreadableVarFile {
            file: RepoPath::new("secrets.tfvars").unwrap(),
            variable: "var.image".into(),
        },
        UnnamedVarFile {
            file: RepoPath::new("config/production.tfvars").unwrap(),
            variable: "var.api_version".into(),
        },
        JobWouldRerun {
            job: "web/migrate".into(),
        },
        NoLevels {
            policy: Policy::Minor,
            tag: Tag::parse("RELEASE.2026-01-01").unwrap(),
            source: source(),
        },
        IgnoredByTerraform { place: place() },
        OwnerUnknown { why: why() },
        OtherOwner {
            workload: workload(),
            owner: "Helm sets the image".into(),
        },
        NoChannel,
        TagMissing { image: image() },
        UpstreamUnknown {
            image: image(),
            why: "429 Too Many Requests".into(),
        },
        UpstreamNotAsked { image: image() },
        NotFetched {
            digest: digest(),
            why: "404 Not Found".into(),
        },
        UpToDate { image: image() },
        PinnedPlatform {
            image: image(),
            platform: "linux/amd64".into(),
        },
        Rotten {
            image: image(),
            digest: digest(),
            to: Some(digest()),
        },
        Rotten {
            image: image(),
            digest: digest(),
            to: None,
        },
        TagsUnknown {
            repository: "ghcr.io/shop/web".into(),
            why: "429 Too Many Requests".into(),
        },
        TagsNotAsked {
            repository: "ghcr.io/shop/web".into(),
        },
        TooManyBuilds {
            repository: "ghcr.io/shop/web".into(),
            limit: 20,
        },
        NotFollowed {
            class: Class::Version,
        },
        TagPushedAgain { to: digest() },
        NotPinned {
            class: Class::Name,
            follows: true,
        },
        NotPinned {
            class: Class::Version,
            follows: false,
        },
        PinIgnored,
        Runs {
            workload: workload(),
            image: image(),
            digest: digest(),
        },
        UpdateAvailable {
            image: image(),
            to: digest(),
        },
        NewerTag {
            image: "ghcr.io/shop/web:1.4.0".into(),
            declared: "ghcr.io/shop/web:1.2.3".into(),
            to: digest(),
        },
        BuildTimes {
            built: at(),
            declared: None,
        },
        BuildTimes {
            built: at(),
            declared: Some(at()),
        },
        CannotWriteTag {
            tag: tag("1.4.0"),
            why: why(),
        },
        NewerTagKeptOut {
            tag: tag("2.0.0"),
            rule: KeptOut::OtherMajor,
        },
        FirstSeen {
            at: None,
            settled: None,
        },
        FirstSeen {
            at: Some(at()),
            settled: Some(hour),
        },
        SettleNotChecked,
        MergeWaits {
            number: 12,
            what: "ana asks for changes in a review".into(),
        },
        AsPullRequest {
            because: Box::new(BranchProtected {
                why: "the branch main is protected".into(),
            }),
        },
        HistoryUnknown {
            why: "the clone is shallow".into(),
        },
        RolledBack {
            digest: digest(),
            at: at(),
            commit: commit(),
        },
        TakenBack {
            digest: digest(),
            at: at(),
            commit: commit(),
        },
        UpstreamReverted {
            image: image(),
            digest: digest(),
            commit: commit(),
        },
        RolledBackElsewhere {
            digest: digest(),
            site: site().as_str().into(),
            at: at(),
            commit: commit(),
        },
        NotTargeted,
        LedgerUnknown { why: why() },
        Settling {
            first: None,
            settle: hour,
            source: source(),
        },
        Settling {
            first: Some(at()),
            settle: hour,
            source: source(),
        },
        Soaking {
            first: Some(at()),
            soak: hour,
            source: source(),
        },
        ScheduleNotDue {
            schedule: Schedule::parse("@every 1h").unwrap(),
            next: None,
            source: source(),
        },
        ScheduleNotDue {
            schedule: Schedule::parse("@daily").unwrap(),
            next: Some(at()),
            source: source(),
        },
        LivePolicyUnknown { why: why() },
        NoForge { source: source() },
        PullRequestsOff,
        ForgeUnknown {
            why: "401 Unauthorized".into(),
        },
        BranchProtected {
            why: "the branch main is protected".into(),
        },
        GroupWaits {
            group: "media".into(),
            member: site(),
            verdict: Verdict::Waiting,
            reason: waits(),
            more: 0,
        },
        GroupWaits {
            group: "media".into(),
            member: site(),
            verdict: Verdict::Waiting,
            reason: waits(),
            more: 2,
        },
        GroupAsPullRequest {
            group: "media".into(),
            member: site(),
        },
        PipelineRunning { commit: commit() },
        PipelineFailed { commit: commit() },
        RolloutRunning {
            commit: commit(),
            why: "1 of 2 pods is ready".into(),
        },
        PullTrouble {
            registry: "quay.io".into(),
            evidence: "container web of deployment web/web: ImagePullBackOff (429)".to_owned(),
        },
        AdoptBatchFull { batch: 10 },
        BumpTogether {
            tag: tag("1.4.0"),
            member: site(),
            why: why(),
        },
        BudgetSpent {
            budget: Budget {
                changes: 5,
                per: hour,
            },
            next: None,
        },
        BudgetSpent {
            budget: Budget {
                changes: 5,
                per: hour,
            },
            next: Some(at()),
        },
        EditCollision { site: site() },
        PullRequestDeclined {
            number: 12,
            at: at(),
            pin: "/pin web/web".into(),
        },
        PullRequestOfComment { number: 12 },
        BranchTaken {
            branch: "pintle/web".into(),
            number: 12,
        },
        BranchForeign {
            branch: "pintle/web".into(),
        },
        TooManyPullRequests { open: 10 },
        RunningUnknown { why: why() },
        RunningOtherRepository {
            workload: workload(),
            image: "quay.io/other/nginx:1.29".into(),
        },
        RunningDigestsDiffer {
            count: 2,
            workloads: "deployment web/a, deployment web/b".into(),
        },
        RunningTagsDiffer {
            count: 2,
            tags: "1.28, 1.29".into(),
        },
        RolloutUnfinished {
            workload: workload(),
        },
        RunsOtherTag {
            workload: workload(),
            tag: tag("1.28"),
            declared: tag("1.29"),
        },
        RunsOlderTag {
            workload: workload(),
            tag: tag("1.28"),
            declared: tag("1.29"),
        },
        RunsOtherChannel {
            workload: workload(),
            tag: tag("nightly"),
            declared: tag("1.29"),
        },
        RunsUnhealthy {
            evidence: "container web of deployment web/web: CrashLoopBackOff".to_owned(),
        },
        RunsPlatformDigest {
            workload: workload(),
            digest: digest(),
        },
        RestartsPods {
            workloads: "deployment web/web (3 pods)".to_owned(),
        },
        CannotTakeTag {
            workload: workload(),
            tag: tag("1.29"),
            declared: tag("1.28"),
            is_older: true,
            why: "it is computed".into(),
        },
        CannotTakeTag {
            workload: workload(),
            tag: tag("stable"),
            declared: tag("1.28"),
            is_older: false,
            why: "it is computed".into(),
        },
        AdoptedTogether {
            member: site(),
            verdict: Verdict::Blocked,
            reason: Box::new(NoChannel),
        },
        AdoptedTogetherLater {
            member: site(),
            verdict: Verdict::Waiting,
            reason: waits(),
        },
        CannotBeTakenOver {
            place: place(),
            why: "it is computed".into(),
        },
        TakenOver { place: place() },
        ByCommand {
            what: "asked for by ana".into(),
            verdict: Verdict::Held,
        },
        CommentFirst,
        RollBack {
            evidence: evidence(),
            image: image(),
            to: digest(),
        },
        TakeOverDrift {
            evidence: evidence(),
            image: image(),
            to: digest(),
        },
        NotRolledBack {
            evidence: evidence(),
            why: "the site is held".into(),
        },
        DriftNotTaken {
            why: "the site is held".into(),
        },
        RollbackAfterFile {
            evidence: evidence(),
            is_drift: false,
        },
        RollbackAfterFile {
            evidence: evidence(),
            is_drift: true,
        },
        RollbackFirst { name: "web".into() },
        UndoUnclear { why: why() },
        KeelMaySetImage {
            why: "the annotation is computed".into(),
        },
        AppliedAgain { digest: digest() },
        NotApplied {
            ci: "CI is green",
            why: ", and the live spec has another image".into(),
        },
        LiveUnclear { why: why() },
        DriftFound {
            evidence: evidence(),
            next: "the next apply overwrites it".into(),
        },
        NotRolledOut {
            why: "1 of 2 pods is ready".into(),
        },
        Failing {
            evidence: "container web of deployment web/web: CrashLoopBackOff".to_owned(),
            since: Some(at()),
            next: "it counts as failed at 2026-11-22 10:06 UTC if that lasts".to_owned(),
        },
        Watched {
            until: at(),
            source: source(),
        },
        RunsNow { digest: None },
        RunsNow {
            digest: Some(digest()),
        },
        RunsUnknown { why: why() },
        HoldEnded { until: None },
        HoldEnded { until: Some(at()) },
        HoldsEndFirst { name: "web".into() },
        HoldNotRemoved {
            why: "it covers other sites as well".into(),
        },
        CacheFresh,
        CacheStale {
            serves: digest(),
            is_pinned: true,
        },
        CacheStale {
            serves: digest(),
            is_pinned: false,
        },
        CacheBypassed { status: 403 },
        CacheUnreachable {
            why: "connection refused".into(),
        },
        CacheUnproven { serves: digest() },
        ScheduleWarning {
            what: "schedule `0 0 3 * * *` has six fields".into(),
        },
    ]
}

#[test]
fn every_sentence_reads_as_it_was_read_over() {
    let samples = samples();
    let mut codes: Vec<&str> = samples.iter().map(Reason::code).collect();
    codes.dedup();
    assert_eq!(
        codes,
        Reason::ALL.iter().map(|row| row.code).collect::<Vec<_>>(),
        "each reason has a sample, in the order of the table"
    );
    let line = |reason: &Reason| {
        format!(
            "{} [{}] {reason}\n",
            reason.code(),
            verdict_cell(reason.verdict())
        )
    };
    insta::assert_snapshot!("reasons", samples.iter().map(line).collect::<String>());
}

#[test]
fn sentences_are_one_line_of_lower_case_without_a_full_stop() {
    for reason in samples() {
        let text = reason.to_string();
        assert!(
            !text.is_empty() && !text.ends_with('.') && !text.contains(['\n', '{', '}']),
            "{text}"
        );
    }
    assert_eq!(
        Reason::ALL
            .iter()
            .map(|row| row.code)
            .collect::<BTreeSet<_>>()
            .len(),
        Reason::ALL.len(),
        "codes differ"
    );
}

/// `docs/why-not-updated.md` has one row for each code, with its verdict.
#[test]
fn the_page_explains_every_code() {
    let page = std::fs::read_to_string(
        Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/why-not-updated.md"),
    )
    .unwrap();
    let rows: BTreeSet<(&str, &str)> = page.lines().filter_map(code_and_verdict).collect();
    let table: BTreeSet<(&str, &str)> = Reason::ALL
        .iter()
        .map(|row| (row.code, verdict_cell(row.verdict)))
        .collect();
    let missing: Vec<_> = table.difference(&rows).collect();
    let unknown: Vec<_> = rows.difference(&table).collect();
    assert!(
        missing.is_empty() && unknown.is_empty(),
        "not on the page: {missing:?}; only on the page: {unknown:?}"
    );
    assert_eq!(
        page.lines().filter_map(code_and_verdict).count(),
        rows.len(),
        "a code has two rows"
    );
}

/// Reads ``| `other-owner` | blocked | …``.
fn code_and_verdict(line: &str) -> Option<(&str, &str)> {
    let mut cells = line.strip_prefix("| `")?.split(" | ");
    Some((cells.next()?.strip_suffix('`')?, cells.next()?))
}

fn verdict_cell(verdict: Option<Verdict>) -> &'static str {
    verdict.map_or("–", Into::into)
}
