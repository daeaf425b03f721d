use super::*;
use crate::model::choice::KeptOut;
use crate::model::reference::Tag;
use crate::pipeline::{DecidedTags, Ledger, Seen, Upstream};
use crate::plan::plan;
use crate::sites::scan;
use crate::terraform::files::{Entry, Files, RepoPath};
use std::sync::Arc;

const NOW: &str = "2026-11-22T12:00:00Z";

fn digest(c: char) -> Digest {
    Digest::parse(&format!("sha256:{}", c.to_string().repeat(64))).unwrap()
}

fn channel(image: &str) -> Channel {
    let image = crate::model::reference::Reference::parse(image).unwrap();
    image.channel().unwrap()
}

/// A repo of pods with these images, each in a stack; what their tags mean upstream.
fn world(images: &[(&str, String)], upstream: &[(&str, char)]) -> Snapshot {
    let mut files = Files::default();
    for (stack, image) in images {
        let text = format!(
            "resource \"kubernetes_pod\" \"{stack}\" {{\n  metadata {{\n    name = \"{stack}\"\n    namespace = \"{stack}\"\n  }}\n  spec {{\n    container {{\n      name = \"c\"\n      image = \"{image}\"\n    }}\n  }}\n}}\n"
        );
        let path = RepoPath::new(&format!("stacks/{stack}/main.tf")).unwrap();
        files.insert(path, Entry::Text(text.as_bytes().into()));
    }
    let config = crate::config::Config::default();
    let scan = scan(&files, &config.scan_settings(&files));
    let means = |(image, c): &(&str, char)| {
        let digest = Upstream::Digest(digest(*c));
        (channel(image), Seen::Known(digest))
    };
    Snapshot {
        at: NOW.parse().unwrap(),
        files: Arc::new(files),
        scan: Arc::new(scan),
        upstream: upstream.iter().map(means).collect(),
        ledger: Seen::Known(Ledger::default()),
        history: Seen::Known(Default::default()),
        ..Snapshot::default()
    }
}

fn usual() -> Snapshot {
    let images = [
        ("web", format!("ghcr.io/a/web:latest@{}", digest('a'))),
        ("db", format!("docker.io/library/redis:7@{}", digest('b'))),
        ("mail", format!("ghcr.io/a/mail:latest@{}", digest('c'))),
    ];
    let upstream = [
        ("ghcr.io/a/web:latest", 'd'),
        ("docker.io/library/redis:7", 'e'),
        ("ghcr.io/a/mail:latest", 'c'),
    ];
    let mut world = world(&images, &upstream);
    let first = "2026-11-19T12:00:00Z".parse().unwrap();
    let seen = [((channel("ghcr.io/a/web:latest"), digest('d')), first)];
    world.ledger = Seen::Known(Ledger {
        first_seen: seen.into(),
    });
    world
}

#[test]
fn what_is_behind_is_listed_by_stack_with_its_age() {
    let world = usual();
    let work = find_work(&world, &plan(&world));
    let rows: Vec<_> = work.iter().map(|item| item.cells(world.at)).collect();
    let cells: Vec<[&str; 6]> = rows
        .iter()
        .map(|row| [0, 1, 2, 3, 4, 5].map(|at| row[at].as_str()))
        .collect();
    let short = |c: char| c.to_string().repeat(12);
    assert_eq!(
        cells,
        [
            [
                "db",
                "docker.io/library/redis:7",
                &short('b'),
                &short('e'),
                "",
                "waiting"
            ],
            [
                "web",
                "ghcr.io/a/web:latest",
                &short('a'),
                &short('d'),
                "3d",
                "update"
            ],
        ]
    );
    assert_eq!(work[0].code, "settling");
    assert_eq!(work[1].to_json()["since"], "2026-11-19T12:00:00Z");
}

#[test]
fn a_newer_tag_is_shown_with_its_digest() {
    let world = usual();
    let mut plan = plan(&world);
    let mail = plan
        .decisions
        .iter_mut()
        .find(|one| one.site.as_str().contains("mail"));
    let mail = mail.unwrap();
    mail.tags = Some(DecidedTags {
        to: Tag::parse("1.4.0"),
        kept_out: vec![(Tag::parse("2.0.0").unwrap(), KeptOut::OtherMajor)],
    });
    mail.to = Some(digest('f'));
    let work = find_work(&world, &plan);
    let mail = work.iter().find(|item| item.stack == "mail").unwrap();
    assert_eq!(mail.cells(world.at)[3], format!("1.4.0@{}", "f".repeat(12)));
    assert_eq!(mail.to_json()["to_tag"], "1.4.0");
}

#[test]
fn markdown_has_a_table_for_each_stack_and_no_text_ends_a_cell() {
    let world = usual();
    let mut work = find_work(&world, &plan(&world));
    work[0].why = "a | b\n`c` <d>".into();
    let text = to_markdown(&work, world.at);
    assert_eq!(text.matches("### ").count(), 2);
    assert!(text.contains("a \\| b \\`c\\` \\<d>"), "{text}");
    assert!(to_markdown(&[], world.at).starts_with("Nothing is behind"));
}

fn compared(list: &str) -> Vec<(String, &'static str)> {
    let world = usual();
    let list = DiunList::parse(list).unwrap();
    let found = compare_with_diun(&world, &plan(&world), &list);
    found
        .into_iter()
        .map(|one| (one.image, one.kind.code()))
        .collect()
}

#[test]
fn disagreements_with_diun_are_named() {
    let image = |name: &str, tag: &str, c: char| {
        format!(
            r#"{{"name": "{name}", "manifestsCount": "2", "latest": {{"tag": "{tag}", "digest": "{}", "created": "2026-01-02T03:04:05Z", "platform": "linux/amd64"}}}}"#,
            digest(c)
        )
    };
    let all = |images: &[String]| format!(r#"{{"images": [{}]}}"#, images.join(","));
    let agree = [
        image("docker.io/library/redis", "7", 'e'),
        image("ghcr.io/a/web", "latest", 'd'),
    ];
    assert_eq!(compared(&all(&agree)), []);
    let is = |name: &str, code| (name.to_owned(), code);
    let differ = [
        image("docker.io/library/redis", "8", 'f'),
        image("ghcr.io/a/web", "latest", 'a'),
        image("quay.io/b/other", "1", 'a'),
    ];
    assert_eq!(
        compared(&all(&differ)),
        [
            is("docker.io/library/redis", "other-tag"),
            is("ghcr.io/a/web", "other-digest"),
            is("quay.io/b/other", "not-declared"),
        ]
    );
    // An empty database is an empty object; what is behind is watched by nobody.
    let unwatched = [
        is("docker.io/library/redis", "not-watched"),
        is("ghcr.io/a/web", "not-watched"),
    ];
    assert_eq!(compared("{}"), unwatched);
}

#[test]
fn odd_lists_are_read_or_refused() {
    for odd in ["", "[]", "null", "{\"images\": 1}", "{\"images\": [{}]}"] {
        assert!(DiunList::parse(odd).is_err(), "{odd}");
    }
    // Zero values are left out, and other keys come with later versions.
    let odd = r#"{"images": [{"name": "ghcr.io/a/web", "latest": {}, "new": 1}, {"name": "%%"}, {"name": "ghcr.io/a/mail"}]}"#;
    assert_eq!(compared(odd).len(), 1, "{:?}", compared(odd));
}
