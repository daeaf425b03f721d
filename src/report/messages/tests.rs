use super::*;
use crate::config::Config;
use crate::model::digest::Digest;
use crate::pipeline::history::History;
use crate::pipeline::{Cause, Reason, Recorded, Unmatched, Written};
use crate::plan;
use crate::sites::SiteId;

fn digest(c: char) -> Digest {
    Digest::parse(&format!("sha256:{}", c.to_string().repeat(64))).unwrap()
}

fn commit(c: char) -> CommitId {
    CommitId::parse(&c.to_string().repeat(40)).unwrap()
}

fn record_of(c: char, action: Action) -> Recorded {
    Recorded {
        commit: commit(c),
        landed: commit(c),
        at: Timestamp::UNIX_EPOCH,
        author: "pintle".into(),
        subject: "web: update".into(),
        pin: pin(action),
    }
}

fn pin(action: Action) -> PinRecord {
    PinRecord {
        action,
        site: "main.tf#local.image".into(),
        uses: Vec::new(),
        image: "docker.io/library/nginx:1".into(),
        from_tag: None,
        from: Some(digest('b')),
        to: Some(digest('a')),
        cause: if action == Action::Rollback {
            Cause::Undo
        } else {
            Cause::TagMoved
        },
        evidence: Some("revision 4 was undone".into()),
        asked: None,
    }
}

/// One pass: what it saw and decided, and what it wrote.
#[derive(Default)]
struct Pass {
    history: Vec<Recorded>,
    blocked: Vec<&'static str>,
    is_unknown: bool,
    writes: Option<(CommitId, PinRecord)>,
    at: &'static str,
}

fn receivers(more: &str) -> Vec<Receiver> {
    let toml = format!("[[notice]]\nname = \"ops\"\nkind = \"slack\"\n{more}");
    Config::parse(&toml, "pintle.toml").unwrap().receivers
}

impl Pass {
    fn messages(&self, receivers: &[Receiver], record: &mut SentRecord) -> Vec<Message> {
        let at = if self.at.is_empty() {
            "2026-11-22T12:00:00Z"
        } else {
            self.at
        };
        let snapshot = Snapshot {
            at: at.parse().unwrap(),
            history: Seen::Known(History::from(self.history.clone())),
            ..Snapshot::default()
        };
        let mut plan = plan::plan(&snapshot);
        plan.decisions = self
            .blocked
            .iter()
            .map(|site| self.decision(site))
            .collect();
        let mut receipt = Receipt::default();
        if let Some((commit, pin)) = &self.writes {
            receipt.commits.push(Written {
                commit: commit.clone(),
                name: "web".into(),
                subject: "web: roll back".into(),
                pins: 1,
                actions: Default::default(),
            });
            plan.changes.push(Change {
                name: "web".into(),
                delivery: Delivery::Commit,
                proposal: None,
                message: "web: roll back\n".into(),
                pins: vec![pin.clone()],
                edits: Vec::new(),
                claims: Vec::new(),
                prove: Vec::new(),
            });
        }
        let news = ReportableNews::gather(&snapshot, &plan, &receipt);
        let all: Vec<&Receiver> = receivers.iter().collect();
        let (messages, after) = news.messages(&all, &"ops/infra".into(), record);
        // The record is kept as text.
        *record = SentRecord::parse(&after.render()).unwrap();
        messages
    }

    fn decision(&self, site: &str) -> Decision {
        let (verdict, reason) = if self.is_unknown {
            let why = "the registry is down".into();
            let image = "nginx:1".into();
            (Verdict::Unknown, Reason::UpstreamUnknown { image, why })
        } else {
            let what = "two policies".into();
            (Verdict::Blocked, Reason::ConfigurationError { what })
        };
        Decision {
            site: SiteId(site.into()),
            verdict,
            reasons: vec![reason],
            from: None,
            to: None,
            tags: None,
            runs: Seen::NotAsked,
        }
    }
}

fn kinds(messages: &[Message]) -> Vec<Vec<&'static str>> {
    let kinds = |message: &Message| message.entries.iter().map(|entry| entry.kind).collect();
    messages.iter().map(kinds).collect()
}

#[test]
fn a_rollback_is_one_message_that_names_image_digests_cause_and_commit() {
    let (all, mut record) = (receivers(""), SentRecord::default());
    let writes = Some((commit('c'), pin(Action::Rollback)));
    let messages = Pass {
        writes,
        ..Pass::default()
    }
    .messages(&all, &mut record);
    let [message] = &messages[..] else {
        panic!("{messages:?}")
    };
    let [entry] = &message.entries[..] else {
        panic!("{message:?}")
    };
    for part in [
        "nginx:1",
        "bbbbbbbbbbbb",
        "aaaaaaaaaaaa",
        "undo",
        commit('c').short(),
    ] {
        assert!(entry.text.contains(part), "{part}: {}", entry.text);
    }
    assert_eq!(
        (&entry.from, &entry.to, &entry.commit, entry.cause),
        (
            &Some(digest('b')),
            &Some(digest('a')),
            &Some(commit('c')),
            Some("undo")
        )
    );
    let history = vec![record_of('c', Action::Rollback)];
    let seen = Pass {
        history,
        ..Pass::default()
    };
    assert_eq!(
        seen.messages(&all, &mut record),
        [],
        "it is in the history now"
    );
}

#[test]
fn a_thousand_passes_without_a_change_send_nothing() {
    let (all, mut record) = (receivers("level = \"info\""), SentRecord::default());
    let still = Pass {
        history: vec![record_of('b', Action::Update)],
        blocked: vec!["a.tf#x", "b.tf#y"],
        ..Pass::default()
    };
    let sent: usize = (0..1_000)
        .map(|_| still.messages(&all, &mut record).len())
        .sum();
    assert_eq!(sent, 0);
}

#[test]
fn what_is_new_is_sent_once_in_one_message() {
    let (all, mut record) = (receivers("level = \"info\""), SentRecord::default());
    assert_eq!(
        Pass::default().messages(&all, &mut record),
        [],
        "nothing is new at first"
    );
    let pass = Pass {
        history: vec![
            record_of('d', Action::Rollback),
            record_of('c', Action::Update),
        ],
        blocked: vec!["a.tf#x"],
        ..Pass::default()
    };
    let messages = pass.messages(&all, &mut record);
    assert_eq!(kinds(&messages), [["rollback", "blocked", "update"]]);
    assert_eq!(messages[0].level, MessageLevel::Warning);
    assert_eq!(pass.messages(&all, &mut record), []);
}

#[test]
fn the_level_leaves_out_what_matters_less() {
    let pass = Pass {
        history: vec![record_of('c', Action::Update)],
        blocked: vec!["a.tf#x"],
        ..Pass::default()
    };
    for (level, expected) in [
        ("info", vec![vec!["blocked", "update"]]),
        ("warning", vec![vec!["blocked"]]),
        ("error", vec![]),
    ] {
        let all = receivers(&format!("level = \"{level}\""));
        let mut record = SentRecord::default();
        Pass::default().messages(&all, &mut record);
        assert_eq!(
            kinds(&pass.messages(&all, &mut record)),
            expected,
            "{level}"
        );
    }
}

#[test]
fn what_begins_again_is_news_again_and_an_unknown_verdict_ends_nothing() {
    let (all, mut record) = (receivers(""), SentRecord::default());
    let pass = |is_unknown, blocked: &[&'static str]| Pass {
        is_unknown,
        blocked: blocked.to_vec(),
        ..Pass::default()
    };
    let mut count = |pass: Pass| pass.messages(&all, &mut record).len();
    assert_eq!(count(pass(false, &[])), 0);
    assert_eq!(count(pass(false, &["a.tf#x"])), 1);
    assert_eq!(count(pass(true, &["a.tf#x"])), 0);
    assert_eq!(count(pass(false, &["a.tf#x"])), 0, "it lasted");
    assert_eq!(count(pass(false, &[])), 0);
    assert_eq!(count(pass(false, &["a.tf#x"])), 1, "it began again");
}

#[test]
fn quiet_hours_keep_the_news_for_their_end() {
    let (all, mut record) = (receivers("quiet = \"22:00-07:00\""), SentRecord::default());
    let night = "2026-11-22T23:00:00Z";
    assert_eq!(Pass::default().messages(&all, &mut record), []);
    let writes = Some((commit('c'), pin(Action::Rollback)));
    let quiet = Pass {
        blocked: vec!["a.tf#x"],
        writes,
        at: night,
        ..Pass::default()
    };
    assert_eq!(quiet.messages(&all, &mut record), []);
    let history = vec![record_of('c', Action::Rollback)];
    let later = |at| Pass {
        history: history.clone(),
        blocked: vec!["a.tf#x"],
        at,
        ..Pass::default()
    };
    assert_eq!(later(night).messages(&all, &mut record), []);
    let morning = later("2026-11-23T07:00:00Z").messages(&all, &mut record);
    assert_eq!(kinds(&morning), [["rollback", "blocked"]]);
    assert_eq!(
        later("2026-11-23T08:00:00Z").messages(&all, &mut record),
        []
    );
}

#[test]
fn an_error_is_sent_in_quiet_hours() {
    let (all, mut record) = (receivers("quiet = \"00:00-23:59\""), SentRecord::default());
    Pass::default().messages(&all, &mut record);
    let snapshot = Snapshot {
        at: "2026-11-22T12:00:00Z".parse().unwrap(),
        ..Snapshot::default()
    };
    let mut plan = plan::plan(&snapshot);
    plan.notices.push(Notice::Pipeline {
        commit: commit('c'),
        subject: "web: update".into(),
        pull: None,
        failed: Vec::new(),
        began: false,
        since: snapshot.at,
    });
    plan.unmatched.push(Unmatched {
        entry: "[[hold]] 1".into(),
        what: "no site".into(),
    });
    let receipt = Receipt::default();
    let news = ReportableNews::gather(&snapshot, &plan, &receipt);
    let (messages, after) = news.messages(&[&all[0]], &"ops/infra".into(), &record);
    assert_eq!(kinds(&messages), [["pipeline-failed"]]);
    let (messages, _) = news.messages(&[&all[0]], &"ops/infra".into(), &after);
    assert_eq!(messages, []);
}

#[test]
fn a_new_receiver_gets_no_old_news_and_a_removed_one_is_forgotten() {
    let (mut all, mut record) = (receivers(""), SentRecord::default());
    let old = Pass {
        history: vec![record_of('b', Action::Rollback)],
        blocked: vec!["a.tf#x"],
        ..Pass::default()
    };
    assert_eq!(old.messages(&all, &mut record), []);
    all[0].name = "other".into();
    assert_eq!(old.messages(&all, &mut record), []);
    let names: Vec<&str> = record.0.keys().map(|name| &**name).collect();
    assert_eq!(names, ["other"]);
}

#[test]
fn a_replica_that_looked_before_sends_nothing_again_and_forgets_nothing() {
    let (all, mut record) = (receivers("level = \"info\""), SentRecord::default());
    Pass::default().messages(&all, &mut record);
    // The other replica saw both commits and the site that is blocked, a minute later.
    let later = Pass {
        history: vec![
            record_of('d', Action::Rollback),
            record_of('c', Action::Rollback),
        ],
        blocked: vec!["a.tf#x"],
        at: "2026-11-22T12:01:00Z",
        ..Pass::default()
    };
    assert_eq!(later.messages(&all, &mut record).len(), 1);
    let known = record.clone();
    let before = Pass {
        writes: Some((commit('c'), pin(Action::Rollback))),
        blocked: vec!["b.tf#x"],
        ..Pass::default()
    };
    assert_eq!(before.messages(&all, &mut record), []);
    assert_eq!(record, known);
}
