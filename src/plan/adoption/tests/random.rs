//! Lists of any length, spelled in any way: the image's entry goes, the others stay in their order,
//! and no byte outside the list changes.

use super::*;
use crate::sites::resource::Resource;
use crate::terraform::hcl::Source;
use proptest::prelude::*;

const FILE: &str = "stacks/web/main.tf";
const OTHERS: [&str; 5] = [
    "spec[0].replicas",
    "metadata[0].annotations[\"keel.sh/trigger\"]",
    "spec[0].template[0].spec[0].dns_config",
    "metadata[0].labels[\"a,b\"]",
    "spec[0].template[0].spec[0].container[7].image",
];

/// What stands before and behind an entry.
#[derive(Clone, Debug)]
struct Style {
    before: &'static str,
    behind: &'static str,
}

fn style() -> impl Strategy<Value = Style> {
    let before = prop::sample::select(vec![
        "",
        " ",
        "\n      ",
        "\n      # why\n      ",
        " /* x */ ",
        "\n\n\t",
    ]);
    let behind = prop::sample::select(vec!["", " ", " # KEEL\n", " // a, b\n", "\n", " /* ] */"]);
    (before, behind).prop_map(|(before, behind)| Style { before, behind })
}

fn file(list: &str, crlf: bool) -> String {
    let text = format!(
        "resource \"kubernetes_deployment\" \"web\" {{\n  metadata {{\n    name = \"web\"\n  }}\n  spec {{\n    template {{\n      spec {{\n        container {{\n          name  = \"web\"\n          image = \"ghcr.io/a/web:1\"\n        }}\n      }}\n    }}\n  }}\n\n  lifecycle {{\n    prevent_destroy = true\n    ignore_changes = {list}\n  }}\n}}\n"
    );
    if crlf {
        text.replace('\n', "\r\n")
    } else {
        text
    }
}

fn entries(text: &str) -> Vec<String> {
    let source = Source::parse(path(FILE), text.as_bytes().into()).expect("HCL");
    let resource = Resource::named(&source, "kubernetes_deployment.web").expect("the resource");
    resource
        .ignores()
        .map(|ignores| {
            ignores
                .entries
                .into_iter()
                .map(|entry| entry.path)
                .collect()
        })
        .unwrap_or_default()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, ..ProptestConfig::default() })]
    #[test]
    fn the_image_goes_and_the_rest_stays(
        others in prop::sample::subsequence(OTHERS.to_vec(), 0..=OTHERS.len()),
        at in 0..6usize,
        styles in prop::collection::vec(style(), 7),
        comma in any::<bool>(),
        crlf in any::<bool>(),
    ) {
        let mut all = others.clone();
        all.insert(at.min(others.len()), "spec[0].template[0].spec[0].container[0].image");
        let mut list = String::from("[");
        for (index, entry) in all.iter().enumerate() {
            let Style { before, behind } = &styles[index];
            let last = index + 1 == all.len();
            list += &format!("{before}{entry}{}{behind}", if last && !comma { "" } else { "," });
        }
        list += &format!("{}]", styles[6].before);
        let before = file(&list, crlf);
        let live = workload("deployment/default/web", &[("web", "ghcr.io/a/web:1", 'a')]);
        let (made, files) = taken_over(&world(&[(FILE, &before)], vec![live]));
        prop_assert_eq!(made.changes.len(), 1);
        let after = text(&files, FILE);
        prop_assert_eq!(entries(&after), others);
        let head = before.find("ignore_changes").expect("the list");
        let pinned = before[..head].replace("web:1\"", &format!("web:1@{}\"", digest('a')));
        prop_assert!(after.starts_with(pinned.trim_end_matches([' ', '\n', '\r'])), "{}", after);
        let tail = if crlf { "\r\n  }\r\n}\r\n" } else { "\n  }\n}\n" };
        prop_assert!(after.ends_with(tail), "{}", after);
        prop_assert_eq!(after.matches("# why").count(), before.matches("# why").count());
    }
}
