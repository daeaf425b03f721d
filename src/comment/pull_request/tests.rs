use super::super::phrase::tests::{expect, harmless, harmless_in_git, nasty, nasty_name};
use super::*;
use crate::model::digest::Digest;
use crate::pipeline::notes::{NotedRelease, Notes};
use crate::pipeline::{CacheAnswer, Cause, Delivery, PinRecord, Reason, Row, Seen, Verdict};
use crate::sites::SiteId;
use proptest::prelude::*;

fn digest(hex: &str) -> Digest {
    Digest::parse(&format!("sha256:{}", hex.repeat(64 / hex.len()))).unwrap()
}

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

fn forge_url() -> Url {
    Url::parse("https://forge.example.org/ops/infra").unwrap()
}

/// A reason with any text.
fn said(text: &str) -> Reason {
    Reason::ByCommand {
        what: text.into(),
        verdict: Verdict::Held,
    }
}

fn row(site: &str, image: &str) -> Row {
    Row {
        site: SiteId(site.into()),
        image: image.into(),
        from_tag: None,
        from: Some(digest("9b0e")),
        to: Some(digest("3f1c")),
        first_seen: Some(at("2026-11-22T08:05:00Z")),
        cache: Some(CacheAnswer::Fresh),
        running: Seen::NotAsked,
        reasons: vec![
            said("upstream moved the tag"),
            said("first seen 2026-11-22 08:05 UTC, quiet for 45m"),
        ],
        notes: None,
    }
}

/// The change that rows belong to.
fn change(message: &str, action: Action, rows: &[Row], asked: Option<Asked>) -> Change {
    let cause = if asked.is_some() {
        Cause::Command
    } else {
        Cause::TagMoved
    };
    let pin = |row: &Row| PinRecord {
        action,
        site: row.site.to_string(),
        uses: Vec::new(),
        image: row.image.clone(),
        from_tag: row.from_tag.clone(),
        from: row.from.clone(),
        to: row.to.clone(),
        cause,
        evidence: None,
        asked: asked.clone(),
    };
    Change {
        name: "immich".into(),
        delivery: Delivery::Commit,
        proposal: None,
        message: message.into(),
        pins: rows.iter().map(pin).collect(),
        edits: Vec::new(),
        claims: Vec::new(),
        prove: Vec::new(),
    }
}

fn proposal(rows: Vec<Row>) -> Proposal {
    Proposal {
        number: None,
        because: None,
        urgent: false,
        rows,
        merges: None,
        newest_tip: false,
        waits: Vec::new(),
    }
}

fn told(change: &Change, proposal: &Proposal) -> RowWords {
    let words = words(change, proposal, at("2026-11-22T10:05:00Z"), &forge_url()).unwrap();
    check(&words, change);
    words
}

/// What holds of every pull request.
fn check(words: &RowWords, change: &Change) {
    let marks = Marker::all(&words.body);
    assert!(
        matches!(&marks[..], [Marker::Title(_), Marker::Text(_)]),
        "{marks:?}"
    );
    harmless(&words.body, &marks);
    let (above, _) = words
        .body
        .rsplit_once("\n<details><summary>Record</summary>")
        .unwrap();
    harmless_in_git(above);
    assert_eq!(trailers::parse(&words.body), change.pins);
    let message = format!("{}\n\n{}", words.title, words.body);
    assert_eq!(
        trailers::parse(&message),
        change.pins,
        "as a commit's message"
    );
    assert_eq!(
        trailers::parse(&message.replace('\n', "\r\n")),
        change.pins,
        "as a browser sends it back"
    );
    assert!(!words.title.contains(['\n', '\r']) && words.title.chars().count() <= 255);
}

fn immich() -> Vec<Row> {
    let mut server = row(
        "stacks/immich/main.tf#deployment/immich/immich-server:server",
        "ghcr.io/immich-app/immich-server:release",
    );
    let release = |title: &str, at: &str, text: &str| NotedRelease {
        title: title.into(),
        at: Some(at.parse().unwrap()),
        url: Some(
            Url::parse(&format!(
                "https://github.com/immich-app/immich/releases/tag/{title}"
            ))
            .unwrap(),
        ),
        text: text.into(),
    };
    let notes = Notes {
        source: Url::parse("https://github.com/immich-app/immich").unwrap(),
        from: Some("v2.3.0".into()),
        to: Some("v2.3.1".into()),
        compare: Some(
            Url::parse("https://github.com/immich-app/immich/compare/v2.3.0...v2.3.1").unwrap(),
        ),
        releases: vec![
            release(
                "v2.3.1",
                "2026-11-21T12:00:00Z",
                "## Bug fixes\r\n\r\n- fix(server): thumbnails by @someone in #24001\r\n  - of *videos*\r\n",
            ),
            release(
                "v2.3.0",
                "2026-11-12T12:00:00Z",
                &"A long line of a long text. ".repeat(100),
            ),
        ],
        cut: false,
    };
    server.notes = Some(notes.clone());
    let mut learning = row(
        "stacks/immich/main.tf#deployment/immich/immich-ml:ml",
        "ghcr.io/immich-app/immich-machine-learning:release",
    );
    learning.cache = Some(CacheAnswer::Stale {
        serves: digest("9b0e"),
    });
    learning.notes = Some(notes);
    vec![server, learning]
}

#[test]
fn a_move_of_two_images() {
    let rows = immich();
    let change = change(
        "immich: pin server and ml to 3f1c…1c (release)\n\nWhy.",
        Action::Update,
        &rows,
        None,
    );
    let mut proposal = proposal(rows);
    proposal.merges = Some("after 3d, on 2026-11-25 08:05 UTC, once its statuses are green".into());
    let words = told(&change, &proposal);
    assert_eq!(
        words.title,
        "immich: pin server and ml to 3f1c…1c (release)"
    );
    expect("pull-request-move", &words.body);
}

#[test]
fn workloads_are_named_beside_the_file() {
    let rows = [
        row(
            "stacks/web/main.tf#kubernetes_deployment.web/container[nginx].image",
            "docker.io/library/nginx:1.29",
        ),
        row("modules/app/locals.tf#local.image", "quay.io/team/app:1"),
        row("stacks/web/values.yaml#image.tag", "quay.io/team/chart:1"),
    ];
    let mut change = change("web: pin 3 images", Action::Update, &rows, None);
    change.pins[0].uses = vec!["deployment/web/web:nginx".into()];
    change.pins[1].uses = (1..=5)
        .map(|n| format!("deployment/app/app-{n}:app"))
        .collect();
    let body = told(&change, &proposal(rows.into())).body;
    for line in [
        "  - in `stacks/web/main.tf`: `deployment/web/web:nginx`\n",
        "  - in `modules/app/locals.tf`: `deployment/app/app-1:app`, `deployment/app/app-2:app`, `deployment/app/app-3:app` and 2 more\n",
        "  - in `stacks/web/values.yaml`: `image.tag`\n",
    ] {
        assert!(body.contains(line), "{line}{body}");
    }
}

#[test]
fn an_urgent_one_that_somebody_asked_for() {
    let mut rows = vec![row(
        "stacks/web/main.tf#deployment/web/web:web",
        "docker.io/library/nginx:1.29",
    )];
    rows[0].running = Seen::Known(Some(digest("9b0e")));
    rows[0].cache = None;
    rows[0].reasons = vec![said("asked for by ana: 5xx since | the update, see #12")];
    let asked = Asked {
        by: "ana (7)".into(),
        comment: "https://forge.example.org/ops/infra/issues/4#issuecomment-12".into(),
        because: None,
    };
    let change = change(
        "web: roll back to 3f1c…1c",
        Action::Rollback,
        &rows,
        Some(asked),
    );
    let mut proposal = proposal(rows);
    proposal.urgent = true;
    proposal.because = Some(said("the branch main is protected"));
    expect("pull-request-urgent", &told(&change, &proposal).body);
}

#[test]
fn first_pins_of_many_places() {
    let mut rows: Vec<Row> = (1..=3)
        .map(|n| {
            row(
                &format!("modules/app/main.tf#deployment/app/app-{n}:app"),
                "redis",
            )
        })
        .collect();
    rows.push(row("stacks/mein Müll/main.tf#job/x/y:z", "quay.io/a/b:1"));
    for row in &mut rows {
        row.from = None;
        row.first_seen = None;
        row.cache = Some(CacheAnswer::Unreachable(
            "cache.example.org: connection refused | reset".into(),
        ));
        row.running = Seen::Unknown("the cluster did not answer".into());
        row.reasons = vec![said("not pinned yet")];
    }
    let mut change = change("app: pin 4 images", Action::Adopt, &rows, None);
    change.pins[3].action = Action::Update;
    expect("pull-request-adopt", &told(&change, &proposal(rows)).body);
}

#[test]
fn each_cell_has_words_for_what_can_be() {
    let mut rows: Vec<Row> = (0..5)
        .map(|n| {
            row(
                &format!("a.tf#pod/default/p{n}:c"),
                &format!("registry.example.org/a/b{n}:1"),
            )
        })
        .collect();
    rows[0].cache = Some(CacheAnswer::Bypass { status: 403 });
    rows[1].cache = Some(CacheAnswer::Unproven {
        serves: digest("9b0e"),
    });
    rows[2].to = rows[2].from.clone();
    (rows[3].from, rows[3].to) = (None, None);
    rows[4].to = None;
    rows[4].image = "no image: at all".into();
    let change = change("root: hold 5 images", Action::Hold, &rows, None);
    expect("pull-request-cells", &told(&change, &proposal(rows)).body);
}

#[test]
fn a_stack_called_wip_is_no_draft() {
    let rows = vec![row("wip/main.tf#pod/a/b:c", "redis:7")];
    let change = change("WIP: pin redis (7)", Action::Update, &rows, None);
    assert_eq!(
        told(&change, &proposal(rows)).title,
        "pintle: WIP: pin redis (7)"
    );
}

#[test]
fn what_cannot_be_a_trailer_is_an_error() {
    let rows = vec![row("a\nb.tf#pod/a/b:c", "redis:7")];
    let change = change("a: pin redis", Action::Update, &rows, None);
    let error = words(
        &change,
        &proposal(rows),
        at("2026-11-22T10:05:00Z"),
        &forge_url(),
    )
    .unwrap_err();
    assert!(error.to_string().contains("Pintle-Site"), "{error}");
}

#[test]
fn what_is_too_long_tells_less_but_records_all() {
    let mut rows: Vec<Row> = (0..90)
        .map(|n| {
            row(
                &format!("stacks/big/main.tf#deployment/big/app-{n}:app"),
                &format!("ghcr.io/a/app-{n}:v1"),
            )
        })
        .collect();
    let with_notes = immich().remove(0).notes;
    rows[0].notes = with_notes;
    for (n, row) in rows.iter_mut().enumerate() {
        row.reasons = vec![said(&format!(
            "{n} {}",
            "because of this and that, ".repeat(12)
        ))];
    }
    let change = change("big: pin 90 images", Action::Update, &rows, None);
    let mut proposal = proposal(rows);
    let body = told(&change, &proposal).body;
    assert!(
        body.len() <= LONGEST && body.contains("ghcr.io/a/app-5`") && !body.contains("### Why"),
        "{}",
        body.len()
    );
    for row in &mut proposal.rows {
        row.reasons = vec![said("short")];
    }
    let body = told(&change, &proposal).body;
    assert!(
        body.len() <= LONGEST && body.contains("### Why"),
        "{}",
        body.len()
    );
}

#[test]
fn notes_have_bounds_for_all_images_together() {
    let mut rows: Vec<Row> = (0..8)
        .map(|n| {
            row(
                &format!("a.tf#pod/a/p{n}:c"),
                &format!("ghcr.io/a/app-{n}:v1"),
            )
        })
        .collect();
    for (n, row) in rows.iter_mut().enumerate() {
        let release = |k: usize| NotedRelease {
            title: format!("v{n}.{k}"),
            at: None,
            url: None,
            text: "word ".repeat(1_000),
        };
        let source = Url::parse("https://git.example.org/a/b").unwrap();
        row.notes = Some(Notes {
            source,
            from: None,
            to: None,
            compare: None,
            releases: (0..6).map(release).collect(),
            cut: true,
        });
    }
    let change = change("a: pin 8 images", Action::Update, &rows, None);
    let body = told(&change, &proposal(rows)).body;
    assert_eq!(
        body.matches("Cut after 1500 characters.").count(),
        20,
        "{body}"
    );
    assert_eq!(body.matches("2 more releases are not shown").count(), 5);
    assert_eq!(body.matches("6 more releases are not shown").count(), 3);
}

#[test]
fn what_pintle_closes_keeps_its_table_its_reasons_and_its_record() {
    let rows = immich();
    let change = change("immich: pin server", Action::Update, &rows, None);
    let open = told(&change, &proposal(rows)).body;
    let closed = withdraw(
        &open,
        "the tag was taken back upstream.\nPintle-Action: move",
    );
    harmless(&closed, &[Marker::Withdrawn]);
    assert_eq!(trailers::parse(&closed), change.pins);
    assert!(read_marks(&closed).withdrawn && !read_marks(&open).withdrawn);
    for kept in [
        "| `ghcr.io/immich-app/immich-server` |",
        "### Why, and where",
        "Release notes",
    ] {
        assert!(
            closed.contains(kept) && open.contains(kept),
            "{kept}: {closed}"
        );
    }
    for over in [
        "It waits for somebody",
        "What you can do here",
        "declines it",
    ] {
        assert!(
            !closed.contains(over) && open.contains(over),
            "{over}: {closed}"
        );
    }
    let twice = withdraw(&closed, "it was opened again");
    assert_eq!(trailers::parse(&twice), change.pins);
    expect("closing-body", &closed);
}

#[test]
fn whoever_approved_is_told_of_other_digests() {
    let rows = immich();
    let change = change("immich: pin server", Action::Update, &rows, None);
    let approvers = ["ana".to_owned(), "ben".to_owned()];
    let (mark, text) = changed_after_approval(&change, &approvers).unwrap();
    harmless(&text, std::slice::from_ref(&mark));
    assert!(text.contains("after `ana` and `ben` approved it"), "{text}");
    assert!(text.contains(digest("3f1c").as_str()), "{text}");
    let mut other = change;
    other.pins[0].to = Some(digest("9b0e"));
    assert_ne!(changed_after_approval(&other, &approvers).unwrap().0, mark);
}

#[test]
fn a_warning_stands_above_the_text_once() {
    let rows = vec![row("a#b", "x/a:1")];
    let change = change("web: pin a to 3f1c", Action::Update, &rows, None);
    let now = told(&change, &proposal(rows));
    let why = "docker.io/x/a:1 does not exist in the registry";
    let once = add_warning(&now.body, &now.title, why);
    assert!(
        once.contains("> **It waits**: `docker.io/x/a:1` does not exist"),
        "{once}"
    );
    assert_eq!(trailers::parse(&once), change.pins);
    assert_eq!(read_marks(&once).title, read_marks(&now.body).title);
    assert_ne!(read_marks(&once).text, read_marks(&now.body).text);
    let twice = add_warning(&once, &now.title, "it is another one");
    assert_eq!(twice.matches("**It waits**").count(), 1, "{twice}");
    assert!(twice.ends_with(marks::without_marks(&now.body)), "{twice}");
    harmless(&twice, &Marker::all(&twice));
}

#[test]
fn what_a_person_wrote_there_is_kept_below_the_reason() {
    for (text, kept) in [("", false), ("I do not like this.", true)] {
        let closed = withdraw(text, "all images are in sync");
        assert_eq!(
            closed.contains("This is what it proposed."),
            kept,
            "{closed}"
        );
        assert!(closed.contains(text), "{closed}");
    }
    let long = format!(
        "{}{}\n\n```text\nx\n```\n",
        "x".repeat(LONGEST),
        marks::RECORD
    );
    let closed = withdraw(&long, "all images are in sync");
    assert!(
        closed.len() < 1_000 && closed.contains(marks::RECORD),
        "{closed}"
    );
}

#[test]
fn a_title_is_pintle_s_until_a_person_changes_it() {
    let rows = vec![row("a#b", "x/a:1")];
    let change = change("web: pin a to 3f1c", Action::Update, &rows, None);
    let now = told(&change, &proposal(rows.clone()));
    let pull = |title: &str, body: &str| crate::pipeline::forge::PullRequest {
        number: 4,
        name: "web".into(),
        url: forge_url(),
        title: title.into(),
        state: crate::pipeline::forge::PullState::Open,
        head: CommitId::parse(&"ab".repeat(20)).unwrap(),
        created: at("2026-11-22T10:05:00Z"),
        pins: change.pins.clone(),
        marks: read_marks(body),
        draft: is_draft_title(title),
        checks: Seen::NotAsked,
        reviews: Seen::NotAsked,
        left: Default::default(),
    };
    let is_current = |pull: &crate::pipeline::forge::PullRequest, words: &RowWords| {
        super::is_current(pull, &words.title, &words.body)
    };
    let own = pull(&now.title, &now.body);
    assert!(is_current(&own, &now) && !has_own_title(&own));
    let theirs = pull("WIP: not before Monday", &now.body);
    assert!(is_current(&theirs, &now) && has_own_title(&theirs));
    let old_text = now.body.replace("pintle:text ", "pintle:text 0");
    for (what, old) in [
        ("text of an older version", "Merging this …"),
        ("another text", old_text.as_str()),
        ("a text that was withdrawn", &withdraw(&now.body, "x")),
    ] {
        assert!(!is_current(&pull(&now.title, old), &now), "{what}");
    }
    assert!(
        !has_own_title(&pull("web: pin a to 9b0e", "Merging this …")),
        "of an older version"
    );
    assert!(
        has_own_title(&pull("WIP: web", "Merging this …")),
        "none of pintle's is a draft"
    );
    let merges = Proposal {
        merges: Some("once its statuses are green".into()),
        ..proposal(rows.clone())
    };
    assert!(!is_current(&own, &told(&change, &merges)));
    let waits = Proposal {
        waits: vec!["ana asks for changes in a review".into()],
        ..merges.clone()
    };
    let told_waits = told(&change, &waits);
    assert!(
        told_waits.body.contains("ana asks for changes"),
        "{}",
        told_waits.body
    );
    assert!(!is_current(
        &pull(&now.title, &told(&change, &merges).body),
        &told_waits
    ));
    let mut later = rows;
    later[0].cache = None;
    assert!(
        is_current(&own, &told(&change, &proposal(later))),
        "the table is as of a time"
    );
}

#[test]
fn a_branch_of_somebody_else_is_left() {
    let tip = CommitId::parse(&"ab".repeat(20)).unwrap();
    let text = left("immich", &tip);
    harmless(&text, &[Marker::Left(tip)]);
    expect("left", &text);
}

#[test]
fn the_label_of_urgent_ones_comes_once() {
    let mut proposal = proposal(Vec::new());
    let configured: Vec<Arc<str>> = vec!["images".into()];
    assert_eq!(labels(&proposal, &configured), ["images"]);
    proposal.urgent = true;
    assert_eq!(labels(&proposal, &configured), ["images", URGENT]);
    assert_eq!(labels(&proposal, &[URGENT.into()]), [URGENT]);
}

fn any_notes() -> impl Strategy<Value = Notes> {
    let release =
        (nasty(), nasty(), proptest::bool::ANY).prop_map(|(title, text, linked)| NotedRelease {
            url: linked
                .then(|| {
                    Url::parse("https://git.example.org/a/b")
                        .unwrap()
                        .join(&title)
                        .ok()
                })
                .flatten(),
            title,
            at: None,
            text,
        });
    let version = || proptest::option::of(nasty());
    (
        version(),
        version(),
        proptest::collection::vec(release, 0..4),
        nasty(),
    )
        .prop_map(|(from, to, releases, path)| {
            let source = Url::parse("https://git.example.org/a/b").unwrap();
            Notes {
                compare: source.join(&path).ok(),
                source,
                from,
                to,
                releases,
                cut: false,
            }
        })
}

fn any_row() -> impl Strategy<Value = Row> {
    let known = proptest::option::of(Just(()));
    let texts = (
        nasty_name(),
        nasty_name(),
        proptest::collection::vec(nasty(), 0..3),
        nasty(),
    );
    (texts, known, proptest::option::of(any_notes())).prop_map(
        |((site, image, reasons, why), from, notes)| Row {
            from: from.map(|()| digest("9b0e")),
            cache: Some(CacheAnswer::Unreachable(why.clone())),
            running: Seen::Unknown(why),
            reasons: reasons.iter().map(|text| said(text)).collect(),
            notes,
            ..row(&site, &image)
        },
    )
}

proptest! {
    #[test]
    fn nothing_from_outside_does_anything(
        rows in proptest::collection::vec(any_row(), 1..4),
        (name, subject) in (nasty(), nasty_name()),
        (why, merges) in (proptest::option::of(nasty()), proptest::option::of(nasty())),
        asked in proptest::option::of((nasty_name(), nasty_name())),
        urgent in proptest::bool::ANY,
    ) {
        let asked = asked.map(|(by, comment)| Asked { by, comment, because: None });
        let mut change = change(&subject, Action::Update, &rows, asked);
        change.name = name.into();
        let proposal = Proposal { number: None, because: why.map(|why| said(&why)), urgent, rows, merges, newest_tip: false, waits: Vec::new() };
        told(&change, &proposal);
    }

    #[test]
    fn nor_what_is_said_about_it(why in nasty(), name in nasty()) {
        let closed = withdraw("", &why);
        harmless(&closed, &[Marker::Withdrawn]);
        prop_assert_eq!(trailers::parse(&closed), []);
        let tip = CommitId::parse(&"ab".repeat(20)).unwrap();
        harmless(&left(&name, &tip), &[Marker::Left(tip)]);
    }
}
