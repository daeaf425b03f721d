//! The stack of the fixture repo that is there for this, before and after.

use super::*;

const BEFORE: &str = include_str!("../../../../testdata-repo/stacks/bookmarks/main.tf");

/// The lines as they stand, and as they are written by hand.
const LINES: [(&str, &str); 10] = [
    (
        "      \"keel.sh/policy\"       = \"force\" # follows the release\n",
        "      # pintle: keel hands off; policy=force\n      \"keel.sh/policy\"       = \"never\" # follows the release\n",
    ),
    (
        "          name  = \"migrate\"\n          image = \"ghcr.io/karakeep-app/karakeep:release\"\n",
        "          name  = \"migrate\"\n          image = \"ghcr.io/karakeep-app/karakeep:release@a\"\n",
    ),
    (
        "          image             = \"ghcr.io/karakeep-app/karakeep:release\"\n",
        "          image             = \"ghcr.io/karakeep-app/karakeep:release@a\"\n",
    ),
    ("          image_pull_policy = \"Always\"\n", ""),
    ("meilisearch:v1.13.3\"", "meilisearch:v1.13.3@b\""),
    (
        "      metadata[0].annotations[\"keel.sh/policy\"], metadata[0].annotations[\"keel.sh/trigger\"],\n",
        "      metadata[0].annotations[\"keel.sh/trigger\"],\n",
    ),
    (
        "      spec[0].template[0].spec[0].init_container[0].image, spec[0].template[0].spec[0].container[0].image # KEEL_IGNORE_IMAGE\n",
        "",
    ),
    (
        "    name      = \"chrome\"\n    namespace = kubernetes_namespace.bookmarks.metadata[0].name\n",
        "    name      = \"chrome\"\n    namespace = kubernetes_namespace.bookmarks.metadata[0].name\n    annotations = {\n      \"keel.sh/policy\" = \"never\" # pintle: keel hands off\n    }\n",
    ),
    ("alpine-chrome:124\"", "alpine-chrome:124@c\""),
    (
        "\n  lifecycle {\n    ignore_changes = [spec.0.template.0.spec.0.container.0.image] # KEEL_IGNORE_IMAGE\n  }\n",
        "",
    ),
];

#[test]
fn the_stack_of_the_fixture_repo() {
    let mut after = BEFORE.to_owned();
    for (old, new) in LINES {
        assert_eq!(after.matches(old).count(), 1, "{old}");
        after = after.replace(old, new);
    }
    let karakeep = workload(
        "deployment/bookmarks/karakeep",
        &[
            ("meilisearch", "docker.io/getmeili/meilisearch:v1.13.3", 'b'),
            ("web", "ghcr.io/karakeep-app/karakeep:release", 'a'),
            ("init:migrate", "ghcr.io/karakeep-app/karakeep:release", 'a'),
        ],
    );
    let chrome = workload(
        "deployment/bookmarks/chrome",
        &[("chrome", "gcr.io/zenika-hub/alpine-chrome:124", 'c')],
    );
    becomes(BEFORE, vec![karakeep, chrome, keel()], &after);
}
