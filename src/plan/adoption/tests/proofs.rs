//! An adoption that does more or less than it should is not written.

use super::*;
use crate::model::reference::Reference;
use crate::pipeline::Change;
use crate::pipeline::claim::Claim;
use crate::sites::SiteId;
use crate::terraform::edit::Edit;
use crate::terraform::span::Span;

const FILE: &str = "stacks/web/main.tf";

const TEXT: &str = r#"resource "kubernetes_deployment" "web" {
  metadata {
    name      = "web"
    namespace = "web"
    annotations = {
      team = "a"
    }
  }
  spec {
    replicas = 1
    template {
      spec {
        container {
          name              = "web"
          image             = "ghcr.io/a/web:1"
          image_pull_policy = "Always"
          command           = ["run"]
        }
        container {
          name  = "side"
          image = "ghcr.io/a/side:1"
        }
      }
    }
  }
  lifecycle {
    ignore_changes = [
      spec[0].replicas,
      metadata[0].annotations["keel.sh/policy"],
      spec[0].template[0].spec[0].container[0].image,
    ]
  }
}

resource "kubernetes_deployment" "other" {
  metadata {
    name = "other"
  }
  spec {
    template {
      spec {
        container {
          name              = "other"
          image             = "ghcr.io/a/other:1"
          image_pull_policy = "Always"
        }
      }
    }
  }
  lifecycle {
    ignore_changes = [
      spec[0].template[0].spec[0].container[0].image,
      spec[0].template[0].spec[0].container[1].image,
    ]
  }
}
"#;

fn snapshot() -> Snapshot {
    let web = workload(
        "deployment/web/web",
        &[
            ("web", "ghcr.io/a/web:1", 'a'),
            ("side", "ghcr.io/a/side:1", 'b'),
        ],
    );
    let other = workload(
        "deployment/default/other",
        &[("none", "ghcr.io/a/other:1", 'c')],
    );
    world(&[(FILE, TEXT)], vec![web, other, keel()])
}

/// The one change, and the text that each of its edits stands for.
fn change() -> Change {
    plan(&snapshot()).changes.remove(0)
}

fn edit(expect: &str, nth: usize, put: &str) -> Edit {
    let start = TEXT.match_indices(expect).nth(nth).expect(expect).0;
    let span = Span::new(start, start + expect.len());
    Edit {
        file: path(FILE),
        span,
        expect: expect.into(),
        put: put.into(),
        why: "x".into(),
    }
}

#[track_caller]
fn refuses(change: Change, why: &str) {
    assert_eq!(prove_changes(&snapshot(), &[change]), Err(why.to_owned()));
}

/// The change without the edits whose old or new text has this in it.
fn without(words: &str) -> Change {
    let mut change = change();
    let says = |edit: &Edit| {
        String::from_utf8_lossy(&edit.expect).contains(words)
            || String::from_utf8_lossy(&edit.put).contains(words)
    };
    let count = change.edits.len();
    change.edits.retain(|edit| !says(edit));
    assert_ne!(change.edits.len(), count, "{words}");
    change
}

fn with(more: Edit) -> Change {
    let mut change = change();
    change.edits.push(more);
    change.edits.sort();
    change
}

#[test]
fn the_change_as_planned_is_right() {
    assert_eq!(prove_changes(&snapshot(), &[change()]), Ok(()));
    assert_eq!(change().pins.len(), 2);
}

#[test]
fn what_is_left_out() {
    refuses(
        without("container[0].image"),
        "stacks/web/main.tf:15: the image of deployment/web would still be ignored",
    );
    refuses(
        without("[\"keel.sh/policy\"]"),
        "kubernetes_deployment.web in stacks/web/main.tf would ignore its `keel.sh/policy`",
    );
    refuses(
        without("keel hands off"),
        "kubernetes_deployment.web in stacks/web/main.tf would be left to Keel",
    );
    let mut unpinned = change();
    unpinned
        .edits
        .retain(|edit| !String::from_utf8_lossy(&edit.put).contains("sha256:aaaa"));
    let digest = digest('a');
    refuses(
        unpinned,
        &format!(
            "stacks/web/main.tf:15: deployment/web would get ghcr.io/a/web:1, not ghcr.io/a/web:1@{digest}"
        ),
    );
}

#[test]
fn what_is_too_much() {
    let lifecycle = "resource.kubernetes_deployment.web#0/lifecycle#0/ignore_changes/[]";
    let lose = |what: &str| format!("stacks/web/main.tf would lose {what}, which is not claimed");
    refuses(
        with(edit("      spec[0].replicas,\n", 0, "")),
        &lose(&format!("`{lifecycle}` spec[0].replicas")),
    );
    let web = "resource.kubernetes_deployment.web#0/spec#0";
    refuses(
        with(edit("    replicas = 1\n", 0, "")),
        &lose(&format!("`{web}/replicas` 1")),
    );
    let command = format!("`{web}/template#0/spec#0/container#0/command`");
    refuses(
        with(edit("          command           = [\"run\"]\n", 0, "")),
        &lose(&command),
    );
    let other = "resource.kubernetes_deployment.other#0/spec#0/template#0/spec#0/container#0/image_pull_policy";
    refuses(
        with(edit("          image_pull_policy = \"Always\"\n", 1, "")),
        &lose(&format!("`{other}` \"Always\"")),
    );
    let more = "stacks/web/main.tf would get `resource.kubernetes_deployment.web#0/metadata#0/annotations/{x}` \"y\", which is not claimed";
    refuses(
        with(edit(
            "      team = \"a\"\n",
            0,
            "      team = \"a\"\n      x = \"y\"\n",
        )),
        more,
    );
    let entry = edit(
        "      spec[0].template[0].spec[0].container[0].image,\n",
        1,
        "",
    );
    refuses(
        with(entry),
        "stacks/web/main.tf:44: the image of deployment/other would no longer be ignored, which is not claimed",
    );
    let string = edit("\"a\"", 0, "");
    let string = Edit {
        span: Span::new(string.span.start + 1, string.span.end - 1),
        expect: "a".into(),
        put: "b".into(),
        ..string
    };
    let at = string.span.start;
    refuses(
        with(string),
        &format!("stacks/web/main.tf: a string at byte {at} would change, which is not claimed"),
    );
}

#[test]
fn structure_changes_only_where_it_is_claimed() {
    let mut pinned = change();
    pinned
        .claims
        .retain(|claim| claim.site().as_str().contains("[side]"));
    pinned
        .edits
        .retain(|edit| String::from_utf8_lossy(&edit.put).contains("sha256:bbbb"));
    assert_eq!(pinned.claims.len(), 1, "{:?}", pinned.claims);
    assert_eq!(
        prove_changes(&snapshot(), std::slice::from_ref(&pinned)),
        Ok(())
    );
    pinned
        .edits
        .push(edit("          image_pull_policy = \"Always\"\n", 0, ""));
    pinned.edits.sort();
    let why = prove_changes(&snapshot(), &[pinned]).unwrap_err();
    assert!(
        why.contains("are not inside one string") || why.contains("became"),
        "{why}"
    );
}

#[test]
fn what_is_not_claimed() {
    let claims = change().claims;
    let id = |container: &str| {
        SiteId(format!("{FILE}#kubernetes_deployment.web/container[{container}].image").into())
    };
    let image = |container: &str, c| {
        let image = Reference {
            digest: Some(digest(c)),
            ..Reference::parse(&format!("ghcr.io/a/{container}:1")).expect("an image")
        };
        Claim::Image {
            site: id(container),
            image,
        }
    };
    let (tracked, hands_off) = (
        Claim::Tracked { site: id("web") },
        Claim::KeelHandsOff { site: id("web") },
    );
    assert_eq!(
        claims,
        [
            image("side", 'b'),
            image("web", 'a'),
            tracked.clone(),
            hands_off.clone()
        ]
    );
    for claim in &claims {
        let mut fewer = change();
        fewer.claims.retain(|own| own != claim);
        assert!(
            prove_changes(&snapshot(), &[fewer]).is_err(),
            "without {claim:?}"
        );
    }
    let with_claims = |claims: Vec<Claim>| Change { claims, ..change() };
    let not_ignored = "stacks/web/main.tf:15: the image of deployment/web would no longer be ignored, which is not claimed";
    refuses(
        with_claims(vec![
            image("side", 'b'),
            image("web", 'a'),
            hands_off.clone(),
        ]),
        not_ignored,
    );
    let (a, c) = (digest('a'), digest('c'));
    let other = format!(
        "stacks/web/main.tf:15: deployment/web would get ghcr.io/a/web:1@{a}, not ghcr.io/a/web:1@{c}"
    );
    refuses(
        with_claims(vec![
            image("side", 'b'),
            image("web", 'c'),
            tracked.clone(),
            hands_off.clone(),
        ]),
        &other,
    );
    let unknown = Claim::Tracked {
        site: SiteId("stacks/web/main.tf#gone".into()),
    };
    refuses(
        with_claims([claims, vec![unknown]].concat()),
        "stacks/web/main.tf#gone is not a site",
    );
}
