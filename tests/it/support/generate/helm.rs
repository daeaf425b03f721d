//! Images of charts: in `yamlencode`, in a values file, in a heredoc, in `set` blocks.

use super::names::Image;
use super::page::{Page, Place};
use super::stack::Stack;
use super::{Fate, Maker};

const COMPONENTS: [&str; 3] = ["server", "sidecar", "exporter"];

/// One component's image and how its literals were written.
struct Part {
    path: String,
    image: Image,
    repository: Option<Place>,
    decides: Place,
}

/// Writes a release with so many images.
pub fn release(stack: &mut Stack, maker: &mut Maker, images: usize) {
    let n = stack.serial();
    let name = format!("{}-chart-{n}", stack.app);
    stack.page.text(&format!(
        "\nresource \"helm_release\" \"chart_{n}\" {{\n  name       = \"{name}\""
    ));
    stack.page.text("  namespace  = kubernetes_namespace.this.metadata[0].name\n  repository = \"https://charts.example.org/stable\"");
    stack.page.text(&format!(
        "  chart      = \"app\"\n  version    = \"{}.{}.0\"",
        maker.rng.u8(1..30),
        maker.rng.u8(..20)
    ));
    let images: Vec<(String, Image)> = COMPONENTS[..images]
        .iter()
        .map(|component| ((*component).to_owned(), maker.names.image(&mut maker.rng)))
        .collect();
    let parts = match maker.rng.u8(..4) {
        0 => map(stack, maker, images),
        1 => file(stack, maker, images, n),
        2 => heredoc(stack, maker, images),
        _ => set(stack, images),
    };
    stack.page.text("}");
    for part in parts {
        if let Some(place) = part.repository {
            maker.truth(Fate::Component, "", place);
        }
        let image = part.image.tagged();
        let id = maker.truth(Fate::Site, &image, part.decides);
        let user = stack.user(
            ("helm_release", stack.namespace.clone(), name.clone()),
            &part.path,
            &image,
        );
        maker.used(id, user);
    }
}

fn map(stack: &mut Stack, maker: &mut Maker, images: Vec<(String, Image)>) -> Vec<Part> {
    let page = &mut stack.page;
    page.text("  values = [yamlencode({\n    fullnameOverride = local.app\n    ingress = {\n      enabled = false\n      hosts   = [local.host]\n    }");
    let mut parts = Vec::new();
    for (component, image) in images {
        page.text(&format!("    {component} = {{"));
        let path = format!("{component}.image");
        let (repository, decides) = match maker.rng.bool() {
            true => (
                None,
                page.literal("      image = \"", &image.tagged(), "\""),
            ),
            false => {
                page.text("      image = {");
                let repository = page.literal("        repository = \"", &image.repository, "\"");
                let tag = page.literal("        tag        = \"", &image.tag, "\"");
                page.text("        pullPolicy = \"IfNotPresent\"\n      }");
                (Some(repository), tag)
            }
        };
        page.text("      resources = { requests = { cpu = \"10m\", memory = \"64Mi\" } }\n    }");
        parts.push(Part {
            path,
            image,
            repository,
            decides,
        });
    }
    page.text("    persistence = { enabled = true, size = \"5Gi\" }\n  })]");
    parts
}

fn file(stack: &mut Stack, maker: &mut Maker, images: Vec<(String, Image)>, n: usize) -> Vec<Part> {
    stack.page.text(&format!(
        "  values = [file(\"${{path.module}}/values-{n}.yaml\")]"
    ));
    let mut page = Page::new(format!("{}/values-{n}.yaml", stack.root));
    page.text("# Values of the chart; image: docker.io/library/example:1.0 is only a comment.\nreplicaCount: 1");
    let parts = yaml(&mut page, maker, images, "");
    page.text("service:\n  type: ClusterIP\n  port: 8080\npodAnnotations:\n  prometheus.io/scrape: \"true\"");
    maker.pages.push(page);
    parts
}

fn heredoc(stack: &mut Stack, maker: &mut Maker, images: Vec<(String, Image)>) -> Vec<Part> {
    stack
        .page
        .text("  values = [<<-EOT\n    replicaCount: 1\n    host: ${local.host}");
    let parts = yaml(&mut stack.page, maker, images, "    ");
    stack.page.text("    stages:\n    %{ for stage in [\"one\", \"two\"] ~}\n      - name: ${stage}\n    %{ endfor ~}\n  EOT\n  ]");
    parts
}

fn yaml(page: &mut Page, maker: &mut Maker, images: Vec<(String, Image)>, pad: &str) -> Vec<Part> {
    let mut parts = Vec::new();
    for (component, image) in images {
        page.text(&format!("{pad}{component}:"));
        let path = format!("{component}.image");
        let (repository, decides) = match maker.rng.u8(..3) {
            0 => (
                None,
                page.literal(&format!("{pad}  image: \""), &image.tagged(), "\""),
            ),
            1 => (
                None,
                page.literal(
                    &format!("{pad}  image: "),
                    &image.tagged(),
                    " # follows the chart",
                ),
            ),
            _ => {
                page.text(&format!("{pad}  image:"));
                let repository =
                    page.literal(&format!("{pad}    repository: "), &image.repository, "");
                let tag = page.literal(&format!("{pad}    tag: \""), &image.tag, "\"");
                page.text(&format!("{pad}    pullPolicy: IfNotPresent"));
                (Some(repository), tag)
            }
        };
        page.text(&format!(
            "{pad}  resources:\n{pad}    requests:\n{pad}      cpu: 10m"
        ));
        parts.push(Part {
            path,
            image,
            repository,
            decides,
        });
    }
    parts
}

fn set(stack: &mut Stack, images: Vec<(String, Image)>) -> Vec<Part> {
    let page = &mut stack.page;
    let mut parts = Vec::new();
    for (component, image) in images {
        let mut value = |key: &str, value: &str| {
            page.text(&format!(
                "  set {{\n    name  = \"{component}.image.{key}\""
            ));
            let place = page.literal("    value = \"", value, "\"");
            page.text("  }");
            place
        };
        let repository = value("repository", &image.repository);
        let decides = value("tag", &image.tag);
        parts.push(Part {
            path: format!("{component}.image"),
            image,
            repository: Some(repository),
            decides,
        });
    }
    page.text("  set {\n    name  = \"service.type\"\n    value = \"ClusterIP\"\n  }");
    parts
}
