//! Why a site has its verdict: one type, with a stable code (JSON, metrics, docs) and the sentence
//! for people beside it. Decides nothing.
//!
//! Sentences are lower case and have no full stop. `docs/why-not-updated.md` explains every code; a
//! test holds it to this table.

use super::verdict::Verdict;
use crate::config::Budget;
use crate::model::choice::KeptOut;
use crate::model::digest::Digest;
use crate::model::duration::{show, show_time};
use crate::model::hold::Hold;
use crate::model::policy::Policy;
use crate::model::reference::{Channel, Tag};
use crate::model::schedule::Schedule;
use crate::model::tag::Class;
use crate::sites::SiteId;
use crate::terraform::files::RepoPath;
use jiff::{SignedDuration, Timestamp};
use std::fmt;
use std::sync::Arc;

/// A row of the table of reasons.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ReasonCode {
    /// `other-owner`
    pub code: &'static str,
    /// The verdict it leads to; `None` where it only tells more.
    pub verdict: Option<Verdict>,
}

macro_rules! verdict {
    (Note) => {
        None
    };
    ($verdict:ident) => {
        Some(Verdict::$verdict)
    };
}

macro_rules! reasons {
    ($(
        $(#[$doc:meta])*
        $name:ident $({ $($field:ident: $type:ty),* $(,)? })? = $code:literal, $verdict:ident, $sentence:literal $(, $arg:ident = $value:expr)*;
    )*) => {
        /// Why a site has its verdict, or what else is to be said of it.
        #[derive(Clone, Debug, PartialEq)]
        pub enum Reason {
            $($(#[$doc])* $name $({ $($field: $type),* })?,)*
        }

        impl Reason {
            /// Every reason there is, in the order of this file.
            pub const ALL: &[ReasonCode] = &[$(ReasonCode { code: $code, verdict: verdict!($verdict) }),*];

            /// Returns the stable code: `other-owner`.
            pub fn code(&self) -> &'static str {
                match self {
                    $(Self::$name { .. } => $code,)*
                }
            }

            /// Returns the verdict it leads to; `None` where it only tells more.
            pub fn verdict(&self) -> Option<Verdict> {
                match self {
                    $(Self::$name { .. } => verdict!($verdict),)*
                }
            }
        }

        impl fmt::Display for Reason {
            #[allow(unused_variables, reason = "a field may be for programs only")]
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                match self {
                    $(Self::$name $({ $($field),* })? => write!(f, $sentence $(, $arg = $value)*),)*
                }
            }
        }
    };
}

reasons! {
    // What forbids any change.
    /// A directive, annotation or entry of the configuration that cannot be read, or says two
    /// things at once.
    ConfigurationError { what: String } = "configuration-error", Blocked, "{what}";
    /// A name that a commit message cannot record, and that Kubernetes would refuse.
    UnusableName { name: Arc<str>, file: RepoPath, line: usize, fault: Arc<str> } = "unusable-name", Blocked, "{name} at {file}:{line} {fault}";
    /// A stack that uses the image is on the deny list.
    Denied { stack: Arc<str>, pattern: Arc<str> } = "denied", Blocked, "stack {stack} is denied (`{pattern}` in `[deny] stacks`)";
    /// The configuration names a stack by a name that several stacks have.
    AmbiguousStack { entry: String, name: Arc<str>, stacks: Arc<str> } = "ambiguous-stack", Blocked,
        "{entry} names stack `{name}`, which could be {stacks}: write the path";
    /// A comment beside the image forbids updates.
    DoNotBumpComment { file: RepoPath, line: usize, text: String } = "do-not-bump-comment", Frozen, "the comment at {file}:{line} reads “{text}”";
    ModeOff { source: Arc<str> } = "mode-off", Frozen, "mode is `off` ({source})";
    PolicyNever { source: Arc<str> } = "policy-never", Frozen, "policy is `never` ({source})";
    Held { hold: Hold, source: Arc<str> } = "held", Held, "{hold} ({source})";
    /// A var-file that cannot be read may set the image.
    UnreadableVarFile { file: RepoPath, variable: Arc<str> } = "unreadable-var-file", Blocked,
        "{file} cannot be read and may set {variable}; if it sets no image, add it: `[scan] without_images = [\"{file}\"]`";
    /// A var-file that nothing loads or names may set the image.
    UnnamedVarFile { file: RepoPath, variable: Arc<str> } = "unnamed-var-file", Blocked,
        "{file} sets {variable} and nothing loads it, so whoever runs Terraform may pass it: name it in an `[[environment]]` or in `[scan] var_files`, or exclude it";
    JobWouldRerun { job: Arc<str> } = "job-would-rerun", Blocked,
        "terraform replaces job {job} when its image changes, so it would run again; policy `force` on it allows that";
    /// The declared tag is a date, and the policy goes by versions.
    NoLevels { policy: Policy, tag: Tag, source: Arc<str> } = "no-levels", Blocked,
        "the tag {tag} is a date and has no levels, so policy `{policy}` can choose nothing ({source}); a pattern can: `glob:{pattern}`",
        pattern = date_pattern(tag);
    /// Terraform ignores the image, and no cluster is named.
    IgnoredByTerraform { place: String } = "ignored-by-terraform", Blocked,
        "terraform ignores this image (ignore_changes at {place}), so a commit would change nothing; name a cluster (`--kubeconfig`, `--in-cluster`) and pintle takes the image over with what runs";
    OwnerUnknown { why: String } = "owner-unknown", Waiting, "who sets the image could not be determined: {why}";
    OtherOwner { workload: String, owner: String } = "other-owner", Blocked, "{workload}: {owner}";

    // What upstream says.
    NoChannel = "no-channel", Blocked, "the image has a digest and no tag, so there is no channel to follow; `# pintle: channel=…` names one";
    TagMissing { image: String } = "tag-missing", Blocked, "{image} does not exist in the registry";
    UpstreamUnknown { image: String, why: String } = "upstream-unknown", Unknown, "the registry could not be asked for {image}: {why}";
    UpstreamNotAsked { image: String } = "upstream-not-asked", Unknown, "the registry was not asked for {image}";
    NotFetched { digest: Digest, why: String } = "not-fetched", Unknown,
        "digest {digest} could not be fetched: {why}", digest = digest.short();
    UpToDate { image: String } = "up-to-date", InSync, "pinned at the digest that {image} means upstream";
    /// The pin is the manifest of one platform in the index that the tag means.
    PinnedPlatform { image: String, platform: String } = "pinned-platform", InSync, "pinned at the {platform} manifest of what {image} points to";
    /// The pinned digest is gone from the registry.
    Rotten { image: String, digest: Digest, to: Option<Digest> } = "rotten", Blocked,
        "the pinned digest sha256:{digest} is not in the registry any more, so other nodes cannot pull it{means}; follow the tag (`/unpin`), pin another digest (`/pin`) or push the image again",
        digest = digest.short(), means = to.as_ref().map_or_else(String::new, |to| format!(" ({image} means sha256:{} now)", to.short()));
    /// Policies choose among the tags of the repository.
    TagsUnknown { repository: String, why: String } = "tags-unknown", Unknown, "the tags of {repository} are unknown: {why}";
    TagsNotAsked { repository: String } = "tags-not-asked", Unknown, "the registry was not asked for the tags of {repository}";
    TooManyBuilds { repository: String, limit: usize } = "too-many-builds", Blocked,
        "only build times order the tags of {repository} that the pattern matches, and there are more than {limit}; a pattern that matches fewer helps, or one whose text has a number to compare";
    NotFollowed { class: Class } = "not-followed", InSync,
        "pinned; the tag is {class}, which is followed only with policy `force`", class = class.words();
    TagPushedAgain { to: Digest } = "tag-pushed-again", Note, "upstream pushed the tag again: it means sha256:{to} now", to = to.short();

    // Where the site should be.
    NotPinned { class: Class, follows: bool } = "not-pinned", Adopt,
        "not pinned yet; the tag is {class}, and its pin will {kind}", class = class.words(), kind = if *follows { "be updated" } else { "not be updated" };
    PinIgnored = "pin-ignored", Adopt, "pinned, and terraform ignores the pin";
    Runs { workload: String, image: String, digest: Digest } = "runs", Note,
        "{workload} runs {image} at sha256:{digest}", digest = digest.short();
    UpdateAvailable { image: String, to: Digest } = "update-available", Update, "{image} means sha256:{to} upstream now", to = to.short();
    /// The policy takes a newer tag of the repository.
    NewerTag { image: String, declared: String, to: Digest } = "newer-tag", Bump, "{image} is newer than {declared} (sha256:{to})", to = to.short();
    BuildTimes { built: Timestamp, declared: Option<Timestamp> } = "build-times", Note, "it was built {built}{declared}", built = show_time(*built),
        declared = declared.map_or_else(String::new, |declared| format!(", and what is pinned {}", show_time(declared)));
    /// The literal cannot hold another tag, or others share it.
    CannotWriteTag { tag: Tag, why: String } = "cannot-write-tag", Blocked, "tag {tag} is newer, and cannot be written: {why}";
    /// A newer tag that the policy does not take.
    NewerTagKeptOut { tag: Tag, rule: KeptOut } = "newer-tag-kept-out", Note, "tag {tag} is newer and not taken: {words}", words = rule.words();
    FirstSeen { at: Option<Timestamp>, settled: Option<SignedDuration> } = "first-seen", Note, "first seen {when}{quiet}",
        when = at.map_or_else(|| "in this pass".to_owned(), show_time),
        quiet = settled.map_or_else(String::new, |settle| format!(", quiet for {}", show(settle)));
    SettleNotChecked = "settle-not-checked", Note, "settle time and schedule are not checked: a folder has no ledger";
    /// A person or the forge keeps a pull request from being merged automatically.
    MergeWaits { number: u64, what: String } = "merge-waits", Note, "pull request #{number} is not merged automatically now: {what}";
    AsPullRequest { because: Box<Reason> } = "as-pull-request", Note, "it is proposed as a pull request: {because}";

    // What has to wait, and what is not written.
    HistoryUnknown { why: String } = "history-unknown", Waiting, "earlier pins could not be read: {why}";
    RolledBack { digest: Digest, at: Timestamp, commit: Arc<str> } = "rolled-back", Blocked,
        "sha256:{digest} was rolled back {at} ({commit}) and is not proposed again", digest = digest.short(), at = show_time(*at);
    TakenBack { digest: Digest, at: Timestamp, commit: Arc<str> } = "taken-back", Blocked,
        "sha256:{digest} was pinned {at} ({commit}) and removed since; pintle does not pin it again on its own",
        digest = digest.short(), at = show_time(*at);
    /// Upstream returned to a digest that was pinned here before: a person has to merge or write
    /// it.
    UpstreamReverted { image: String, digest: Digest, commit: Arc<str> } = "upstream-reverted", Blocked,
        "{image} means sha256:{digest} again, which was pinned here before ({commit}); merge its pull request, or pin it by hand",
        digest = digest.short();
    /// The digest was rolled back at another site of the repository.
    RolledBackElsewhere { digest: Digest, site: Arc<str>, at: Timestamp, commit: Arc<str> } = "rolled-back-elsewhere", Blocked,
        "sha256:{digest} was rolled back at {site} on {at} ({commit}); to use it here, merge its pull request or pin it by hand",
        digest = digest.short(), at = show_time(*at);
    /// The command that was run is about other sites.
    NotTargeted = "not-targeted", Waiting, "the command names other targets, and changes nothing else";
    LedgerUnknown { why: String } = "ledger-unknown", Waiting, "when upstream changed could not be read: {why}";
    Settling { first: Option<Timestamp>, settle: SignedDuration, source: Arc<str> } = "settling", Waiting, "upstream changed, first seen {when} ({source})",
        when = waiting_times(*first, *settle, "settles");
    Soaking { first: Option<Timestamp>, soak: SignedDuration, source: Arc<str> } = "soaking", Waiting, "upstream changed, first seen {when} ({source})",
        when = waiting_times(*first, *soak, "soaks");
    ScheduleNotDue { schedule: Schedule, next: Option<Timestamp>, source: Arc<str> } = "schedule-not-due", Waiting,
        "waiting for schedule `{schedule}`{when} ({source})", when = next.map_or_else(String::new, |next| format!(", next {}", show_time(next)));
    LivePolicyUnknown { why: String } = "live-policy-unknown", Waiting, "the live policy may be `never` and could not be read: {why}";
    NoForge { source: Arc<str> } = "no-forge", Blocked, "mode is `pull-request` ({source}), and no forge is named (`--forge`)";
    PullRequestsOff = "pull-requests-off", Blocked, "this change has to be proposed, and pull requests are switched off in the repo's settings";
    ForgeUnknown { why: String } = "forge-unknown", Waiting, "the forge could not be asked: {why}";
    BranchProtected { why: String } = "branch-protected", Note, "{why}";
    GroupWaits { group: Arc<str>, member: SiteId, verdict: Verdict, reason: Box<Reason>, more: usize } = "group-waits", Waiting,
        "group {group} waits for {member}{more}, which is {verdict}: {reason}",
        more = if *more > 0 { format!(" and {more} more") } else { String::new() };
    GroupAsPullRequest { group: Arc<str>, member: SiteId } = "group-as-pull-request", Note,
        "group {group} is updated together, and {member} has to be proposed";
    PipelineRunning { commit: Arc<str> } = "pipeline-running", Waiting, "waiting for the pipeline of {commit} (one change in flight)";
    PipelineFailed { commit: Arc<str> } = "pipeline-failed", Waiting,
        "the pipeline of {commit} failed; nothing is added before it is green or another commit is pushed";
    RolloutRunning { commit: Arc<str>, why: String } = "rollout-running", Waiting, "waiting for the rollout of {commit}: {why} (one change in flight)";
    /// Nodes cannot pull from the registry, for a reason that is not the image's.
    PullTrouble { registry: Arc<str>, evidence: String } = "pull-trouble", Waiting,
        "nodes cannot pull from {registry} at the moment, so nothing else is updated from there: {evidence}";
    AdoptBatchFull { batch: usize } = "adopt-batch-full", Waiting,
        "{batch} images are pinned for the first time in one go (`[defaults] adopt_batch`), and others go first";
    /// Sites that share their tag, or their group, go to the same tag.
    BumpTogether { tag: Tag, member: SiteId, why: String } = "bump-together", Waiting,
        "tag {tag} waits for {member}, which has to go to the same tag: {why}";
    BudgetSpent { budget: Budget, next: Option<Timestamp> } = "budget-spent", Waiting,
        "{changes} changes were committed within {per} (`[defaults] budget`): {rest}", changes = budget.changes, per = show(budget.per),
        rest = next.map_or_else(|| "others go first".to_owned(), |next| format!("the next one after {}", show_time(next)));
    EditCollision { site: SiteId } = "edit-collision", Blocked, "its edit overlaps the edit for {site}";
    PullRequestDeclined { number: u64, at: Timestamp, pin: String } = "pull-request-declined", Held,
        "pull request #{number} with this digest was closed on {at}, so it is not proposed again; `{pin}` or another digest does", at = show_time(*at);
    PullRequestOfComment { number: u64 } = "pull-request-of-comment", Waiting, "pull request #{number}, which somebody asked for, is open";
    BranchTaken { branch: String, number: u64 } = "branch-taken", Waiting, "somebody pushed to {branch}; pull request #{number} is left alone";
    BranchForeign { branch: String } = "branch-foreign", Blocked,
        "branch {branch} has commits that are not pintle's; delete or rename it, and the change is proposed";
    TooManyPullRequests { open: usize } = "too-many-pull-requests", Waiting, "{open} pull requests are open (`[forge] max_pull_requests`)";

    // First pins at what runs, and taking over what terraform ignores.
    RunningUnknown { why: String } = "running-unknown", Unknown, "what runs could not be determined: {why}";
    RunningOtherRepository { workload: String, image: String } = "running-other-repository", Blocked,
        "{workload} runs {image}, whose image repository differs from the declared one";
    RunningDigestsDiffer { count: usize, workloads: String } = "running-digests-differ", Blocked, "its uses run {count} different digests: {workloads}";
    RunningTagsDiffer { count: usize, tags: String } = "running-tags-differ", Blocked, "its uses run {count} different tags: {tags}";
    RolloutUnfinished { workload: String } = "rollout-unfinished", Waiting,
        "{workload} is being rolled out, and its new pods do not show yet what they run";
    RunsOtherTag { workload: String, tag: Tag, declared: Tag } = "runs-other-tag", Waiting,
        "{workload} runs tag {tag}, not {declared}: an apply changes it to {declared}, and pintle waits for that";
    /// What runs is an older version than the repo declares, and Terraform ignores it.
    RunsOlderTag { workload: String, tag: Tag, declared: Tag } = "runs-older-tag", Blocked,
        "{workload} runs {tag}, which is older than the declared {declared}: bring it to {declared}, or pin what runs (`/pin … to {tag}`)";
    /// What runs has another kind of tag, so that the site would follow another channel.
    RunsOtherChannel { workload: String, tag: Tag, declared: Tag } = "runs-other-channel", Blocked,
        "{workload} runs {tag}, and the repo declares {declared}, so later updates would be those of {tag}: merge its pull request, or pin what runs (`/pin … to {tag}`)";
    /// What runs crashes or cannot be started.
    RunsUnhealthy { evidence: String } = "runs-unhealthy", Blocked,
        "what runs does not work, so it is not pinned ({evidence}): mend it, or pin another image (`/pin`)";
    /// Pods report the manifest of one platform, and its index is not known.
    RunsPlatformDigest { workload: String, digest: Digest } = "runs-platform-digest", Blocked,
        "{workload} reports sha256:{digest}, the manifest of one platform, and its index could not be found: restart the pods, or pin an index (`/pin`)",
        digest = digest.short();
    RestartsPods { workloads: String } = "restarts-pods", Note, "the next apply restarts {workloads} with the image that runs";
    CannotTakeTag { workload: String, tag: Tag, declared: Tag, is_older: bool, why: String } = "cannot-take-tag", Blocked,
        "the repo declares {declared}, {than} {tag} that {workload} runs, so an apply would change it back, and it cannot be replaced: {why}",
        than = if *is_older { "older than the" } else { "not the" };
    AdoptedTogether { member: SiteId, verdict: Verdict, reason: Box<Reason> } = "adopted-together", Blocked,
        "terraform ignores it until it is taken over together with {member}, which is {verdict}: {reason}";
    AdoptedTogetherLater { member: SiteId, verdict: Verdict, reason: Box<Reason> } = "adopted-together-later", Waiting,
        "terraform ignores it until it is taken over together with {member}, which is {verdict}: {reason}";
    CannotBeTakenOver { place: String, why: String } = "cannot-be-taken-over", Blocked,
        "terraform ignores this image (ignore_changes at {place}), and that cannot be changed: {why}";
    TakenOver { place: String } = "taken-over", Note, "terraform ignores it (ignore_changes at {place}): the same change takes it over";

    // What comments ask for.
    ByCommand { what: String, verdict: Verdict } = "by-command", Note, "{what}";
    CommentFirst = "comment-first", Waiting, "a comment asks for another change of the same file: this one follows";

    // What the cluster shows.
    RollBack { evidence: String, image: String, to: Digest } = "roll-back", Rollback,
        "{evidence}: {image} is rolled back to sha256:{to} and held", to = to.short();
    TakeOverDrift { evidence: String, image: String, to: Digest } = "take-over-drift", Held,
        "{evidence}: {image} is pinned at what runs, sha256:{to}, and held", to = to.short();
    NotRolledBack { evidence: String, why: String } = "not-rolled-back", Waiting, "{evidence}; it is not rolled back: {why}";
    DriftNotTaken { why: String } = "drift-not-taken", Note, "it is not taken over: {why}";
    RollbackAfterFile { evidence: String, is_drift: bool } = "rollback-after-file", Waiting, "{evidence}; it is {what} after the other change of the same file",
        what = if *is_drift { "taken over" } else { "rolled back" };
    RollbackFirst { name: Arc<str> } = "rollback-first", Waiting, "the rollback of {name} goes first";
    UndoUnclear { why: String } = "undo-unclear", Waiting, "{why}";
    KeelMaySetImage { why: String } = "keel-may-set-image", Note, "Keel may still set the image: {why}";
    AppliedAgain { digest: Digest } = "applied-again", Note,
        "an apply has restored sha256:{digest}, which the repo declares until this is merged", digest = digest.short();
    NotApplied { ci: &'static str, why: String } = "not-applied", Note, "applied: no — {ci}{why}";
    LiveUnclear { why: String } = "live-unclear", Note, "{why}";
    DriftFound { evidence: String, next: String } = "drift", Note, "drift: {evidence}; {next}";
    NotRolledOut { why: String } = "not-rolled-out", Note, "rolled out: no — {why}";
    /// Something fails, and it is too early, or not the image's fault.
    Failing { evidence: String, since: Option<Timestamp>, next: String } = "failing", Note, "watched: {evidence}{when}; {next}",
        when = since.map_or_else(String::new, |since| format!(" since {}", show_time(since)));
    Watched { until: Timestamp, source: Arc<str> } = "watched", Note, "rolled out; watched until {until} ({source})", until = show_time(*until);
    RunsNow { digest: Option<Digest> } = "runs-now", Note, "runs: {digest}",
        digest = digest.as_ref().map_or_else(|| "nothing".to_owned(), |digest| format!("sha256:{}", digest.short()));
    RunsUnknown { why: String } = "runs-unknown", Note, "runs: unknown: {why}";

    // Holds that have ended.
    HoldEnded { until: Option<Timestamp> } = "hold-ended", Waiting, "its hold{until} and is removed first",
        until = until.map_or_else(|| " has expired".to_owned(), |until| format!(" expired {}", show_time(until)));
    HoldsEndFirst { name: Arc<str> } = "holds-end-first", Waiting, "holds of {name} have ended and are removed first";
    HoldNotRemoved { why: String } = "hold-not-removed", Note, "an expired hold cannot be removed: {why}";

    // Beside the verdict.
    CacheFresh = "cache-fresh", Note, "cache: fresh";
    CacheStale { serves: Digest, is_pinned: bool } = "cache-stale", Note, "cache: stale, it serves sha256:{serves} for the tag{danger}",
        serves = serves.short(), danger = if *is_pinned { "" } else { "; without a pin, nodes may get the old image" };
    CacheBypassed { status: u16 } = "cache-bypassed", Note, "cache: not used for this image, it answers {status}";
    CacheUnreachable { why: String } = "cache-unreachable", Note, "cache: could not be asked: {why}";
    CacheUnproven { serves: Digest } = "cache-unproven", Note,
        "cache: serves sha256:{serves}, which proves nothing while the registry cannot be asked", serves = serves.short();
    ScheduleWarning { what: String } = "schedule-warning", Note, "{what}";
}

/// `RELEASE.2026-01-01` → `RELEASE.*`
fn date_pattern(tag: &Tag) -> String {
    match tag.find(|c: char| c.is_ascii_digit()) {
        Some(0) | None => "20*".to_owned(),
        Some(start) => format!("{}*", &tag[..start]),
    }
}

/// A first sight is shown without its time, so that a plan says nothing of when it was made.
fn waiting_times(first: Option<Timestamp>, wait: SignedDuration, verb: &str) -> String {
    match first {
        Some(first) => {
            let until = first.checked_add(wait).map_or_else(
                |_| "for ever".to_owned(),
                |quiet| format!("until {}", show_time(quiet)),
            );
            format!("{}; it {verb} {until}", show_time(first))
        }
        None => format!("in this pass; it {verb} for {}", show(wait)),
    }
}

impl Reason {
    /// Returns why a channel could not be asked at its registry.
    pub fn upstream_unknown(channel: &Channel, why: &str) -> Self {
        Self::UpstreamUnknown {
            image: channel.to_string(),
            why: why.into(),
        }
    }
}

#[cfg(test)]
mod tests;
