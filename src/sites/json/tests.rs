use super::to_json;
use crate::model::reference::Reference;
use crate::model::workload::{Holder, WorkloadKind};
use crate::sites::{Fate, Literal, PinPlace, Problem, Scan, Site, SiteId, StackId, Use};
use crate::terraform::files::RepoPath;
use crate::terraform::span::Span;
use crate::terraform::text::Form;

fn path(text: &str) -> RepoPath {
    RepoPath::new(text).expect(text)
}

fn literal(line: usize, text: &str, fate: Fate) -> Literal {
    let span = Span::new(line * 10, line * 10 + text.len());
    Literal {
        file: path("main.tf"),
        span,
        line,
        literal: text.into(),
        fate,
        reference: None,
        uses: Vec::new(),
    }
}

/// One literal of each fate; the site has one use with everything known, and one with as little as
/// can be.
fn scan() -> Scan {
    let image = Reference::parse("alpine:3").expect("image");
    let pin = PinPlace {
        span: Span::new(18, 18),
        expect: String::new(),
        prefix: "@".into(),
        form: Form::Quoted,
    };
    let site = Site {
        id: SiteId("main.tf#local.image".into()),
        aliases: vec!["job/a/b:c".into()],
        stacks: [StackId(path(""))].into(),
        image,
        pin,
        tag: Err("the test names none".into()),
        stack: ".".into(),
        comments: Vec::new(),
        unsure: Vec::new(),
        unnamed: Vec::new(),
        keel: Box::default(),
    };
    let known = Use {
        root: path(""),
        environment: Some("prod".into()),
        file: path("main.tf"),
        line: 1,
        kind: WorkloadKind::new("job"),
        namespace: Some("a".into()),
        name: Some("b".into()),
        holder: Holder::Container {
            name: Some("c".into()),
            init: true,
        },
        image: Some("alpine:3".into()),
        ignored: Some(false),
        ignore_spans: vec![Span::new(1, 2)],
        instances: Some(0),
    };
    let bare = Use {
        environment: None,
        namespace: None,
        name: None,
        holder: Holder::Container {
            name: None,
            init: false,
        },
        image: None,
        ignored: None,
        instances: None,
        ..known.clone()
    };
    let mut first = literal(1, "alpine:3", Fate::Site(site));
    first.reference = Some("alpine:3".into());
    first.uses = vec![known, bare];
    let rest = [
        (2, "repo", Fate::Component("the tag is at main.tf:3".into())),
        (
            3,
            "1.2",
            Fate::Unpinnable("it feeds two repositories".into()),
        ),
        (4, "old", Fate::Dead("overridden at main.tf:9".into())),
        (5, "x:1", Fate::Orphan("nothing calls modules/x".into())),
    ];
    let literals = std::iter::once(first)
        .chain(rest.map(|(line, text, fate)| literal(line, text, fate)))
        .collect();
    let problem = |line, what: &str| Problem {
        file: path("b.tf"),
        line,
        what: what.into(),
    };
    Scan {
        literals,
        problems: vec![problem(Some(3), "expected `}`"), problem(None, "encrypted")],
        unfollowed: vec![crate::sites::Unfollowed {
            file: path("c.tf"),
            span: Span::new(7, 14),
            line: 2,
            literal: "redis:7".into(),
            inside: "docker_container".into(),
        }],
        ..Scan::default()
    }
}

#[test]
fn the_shape_is_the_documented_one() {
    let expected = serde_json::json!({
        "version": 2,
        "sites": [
            {
                "file": "main.tf", "line": 1, "span": [10, 18], "literal": "alpine:3", "fate": "site", "site": "main.tf#local.image", "aliases": ["job/a/b:c"], "reference": "alpine:3",
                "uses": [
                    {
                        "root": ".", "environment": "prod", "file": "main.tf", "line": 1, "kind": "job", "namespace": "a", "name": "b",
                        "container": "c", "init": true, "image": "alpine:3", "ignored": false, "instances": 0
                    },
                    {
                        "root": ".", "environment": null, "file": "main.tf", "line": 1, "kind": "job", "namespace": null, "name": null,
                        "container": null, "init": false, "image": null, "ignored": null, "instances": null
                    }
                ]
            },
            { "file": "main.tf", "line": 2, "span": [20, 24], "literal": "repo", "fate": "component", "site": null, "aliases": [], "reason": "the tag is at main.tf:3", "reference": null, "uses": [] },
            { "file": "main.tf", "line": 3, "span": [30, 33], "literal": "1.2", "fate": "unpinnable", "site": null, "aliases": [], "reason": "it feeds two repositories", "reference": null, "uses": [] },
            { "file": "main.tf", "line": 4, "span": [40, 43], "literal": "old", "fate": "dead", "site": null, "aliases": [], "reason": "overridden at main.tf:9", "reference": null, "uses": [] },
            { "file": "main.tf", "line": 5, "span": [50, 53], "literal": "x:1", "fate": "orphan", "site": null, "aliases": [], "reason": "nothing calls modules/x", "reference": null, "uses": [] }
        ],
        "problems": [
            { "file": "b.tf", "line": 3, "what": "expected `}`" },
            { "file": "b.tf", "line": null, "what": "encrypted" }
        ],
        "unfollowed": [
            { "file": "c.tf", "line": 2, "span": [7, 14], "literal": "redis:7", "inside": "docker_container" }
        ]
    });
    assert_eq!(to_json(&scan()), expected);
}

#[test]
fn the_text_is_fixed() {
    let one = Scan {
        literals: vec![literal(4, "old", Fate::Dead("why".into()))],
        ..Scan::default()
    };
    assert_eq!(
        to_json(&one).to_string(),
        r#"{"problems":[],"sites":[{"aliases":[],"fate":"dead","file":"main.tf","line":4,"literal":"old","reason":"why","reference":null,"site":null,"span":[40,43],"uses":[]}],"unfollowed":[],"version":2}"#
    );
}

#[test]
fn the_documented_example_has_the_same_keys() {
    let docs = include_str!("../../../docs/scan-json.md");
    let example = docs
        .split("```json\n")
        .nth(1)
        .and_then(|rest| rest.split("```").next())
        .expect("an example");
    let example: serde_json::Value = serde_json::from_str(example).expect("JSON");
    let keys = |value: &serde_json::Value| {
        value
            .as_object()
            .map(|object| object.keys().cloned().collect::<Vec<_>>())
    };
    let ours = to_json(&scan());
    for pointer in [
        "",
        "/sites/0",
        "/sites/0/uses/0",
        "/problems/0",
        "/unfollowed/0",
    ] {
        assert_eq!(
            example.pointer(pointer).and_then(keys),
            ours.pointer(pointer).and_then(keys),
            "{pointer}"
        );
    }
}
