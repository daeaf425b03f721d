//! The modules that stacks share: with an image of their own, with a tag as argument, with a whole
//! image as argument, and one nobody calls.

use super::names::Image;
use super::page::Page;
use super::workload::{Code, Container, Kind, Workload, Written};
use super::{Fate, Id, Maker, TrueUse};

/// One module with one container.
pub struct Module {
    pub name: String,
    pub image: Image,
    written: Written,
    /// What its workload's name ends with, after the argument `name`.
    suffix: &'static str,
}

/// The modules of one cell of the repo.
pub struct Modules {
    pub shared: Module,
    /// Decides the image of every call of `shared`.
    pub shared_image: Id,
    /// Takes `image_tag` and `enabled`.
    pub tagged: Module,
    /// Takes `image_tag`; the template is in a local.
    pub chain: Module,
    /// Takes `image`.
    pub bare: Module,
}

/// A call: from which root, and with which `namespace` and `name`.
pub struct Call<'a> {
    pub root: &'a str,
    pub namespace: &'a str,
    pub name: &'a str,
}

const VARIABLES: &str = "variable \"name\" {
  type        = string
  description = \"Names the workload\"
}

variable \"namespace\" {
  type = string
}

variable \"host\" {
  type    = string
  default = \"apps.example.org\"
}

locals {
  host = var.host
}
";

impl Modules {
    pub fn new(maker: &mut Maker, cell: usize) -> Self {
        let (shared, shared_image) = shared(maker, cell);
        let tagged = tagged(maker, cell);
        let chain = chain(maker, cell);
        let bare = bare(maker, cell);
        orphan(maker, cell);
        Self {
            shared,
            shared_image,
            tagged,
            chain,
            bare,
        }
    }
}

impl Module {
    /// Notes that a call of this module uses a site.
    pub fn called(&self, maker: &mut Maker, id: Id, call: &Call<'_>, image: &str, instances: u64) {
        let user = TrueUse {
            root: call.root.into(),
            kind: self.written.kind.into(),
            namespace: call.namespace.into(),
            name: format!("{}{}", call.name, self.suffix),
            container: self.written.container.clone(),
            init: false,
            image: image.into(),
            ignored: self.written.ignored,
            instances,
        };
        maker.used(id, user);
    }
}

fn start(maker: &mut Maker, kind: &str, cell: usize) -> (Page, String, Image) {
    let name = format!("{kind}-{cell}");
    let mut page = Page::new(format!("modules/{name}/main.tf"));
    page.text(VARIABLES);
    (page, name, maker.names.image(&mut maker.rng))
}

fn body(
    maker: &mut Maker,
    page: &mut Page,
    kind: Kind,
    suffix: &str,
    meta: Option<&'static str>,
    image: Code,
) -> Written {
    let workload = Workload {
        kind,
        label: "this".into(),
        name: format!("\"${{var.name}}{suffix}\""),
        namespace: Some("var.namespace".into()),
        meta,
        containers: vec![Container {
            name: "main".into(),
            init: false,
            image,
        }],
        ignore: maker.rng.bool(),
    };
    maker.containers += 1;
    workload.write(page, &mut maker.rng).remove(0)
}

fn shared(maker: &mut Maker, cell: usize) -> (Module, Id) {
    let (mut page, name, image) = start(maker, "valkey", cell);
    page.text("\nlocals {");
    let place = page.literal("  image = \"", &image.tagged(), "\"");
    page.text("}");
    let id = maker.truth(Fate::Site, image.tagged(), place);
    let written = body(
        maker,
        &mut page,
        Kind::Deployment,
        "-valkey",
        None,
        Code::Bare("local.image".into()),
    );
    maker.pages.push(page);
    (
        Module {
            name,
            image,
            written,
            suffix: "-valkey",
        },
        id,
    )
}

fn tagged(maker: &mut Maker, cell: usize) -> Module {
    let (mut page, name, image) = start(maker, "static-site", cell);
    page.text("\nvariable \"image_tag\" {\n  type = string\n}\n\nvariable \"enabled\" {\n  type    = bool\n  default = true\n}");
    let template = format!("{}:${{var.image_tag}}", image.repository);
    let meta = Some("count = var.enabled ? 1 : 0");
    let mut written = body(
        maker,
        &mut page,
        Kind::Deployment,
        "-site",
        meta,
        Code::Quoted(template),
    );
    half(maker, &mut written);
    maker.pages.push(page);
    Module {
        name,
        image,
        written,
        suffix: "-site",
    }
}

fn chain(maker: &mut Maker, cell: usize) -> Module {
    let (mut page, name, image) = start(maker, "recipes", cell);
    page.text("\nvariable \"image_tag\" {\n  type    = string");
    let dead = page.literal("  default = \"", "latest", "\"");
    maker.truth(Fate::Dead, "", dead);
    page.text("}\n\nlocals {");
    let template = page.literal(
        "  image = \"",
        &format!("{}:${{var.image_tag}}", image.repository),
        "\"",
    );
    maker.truth(Fate::Component, "", template);
    page.text("}");
    let written = body(
        maker,
        &mut page,
        Kind::Deployment,
        "",
        None,
        Code::Bare("local.image".into()),
    );
    maker.pages.push(page);
    Module {
        name,
        image,
        written,
        suffix: "",
    }
}

fn bare(maker: &mut Maker, cell: usize) -> Module {
    let (mut page, name, image) = start(maker, "db-backup", cell);
    page.text("\nvariable \"image\" {\n  type = string\n}");
    let written = body(
        maker,
        &mut page,
        Kind::CronJob,
        "-dump",
        None,
        Code::Bare("var.image".into()),
    );
    maker.pages.push(page);
    Module {
        name,
        image,
        written,
        suffix: "-dump",
    }
}

fn orphan(maker: &mut Maker, cell: usize) {
    let (mut page, _, image) = start(maker, "legacy", cell);
    let mut written = body(
        maker,
        &mut page,
        Kind::Deployment,
        "",
        None,
        Code::Quoted(image.tagged()),
    );
    if let Some(place) = written.place.take() {
        maker.truth(Fate::Orphan, "", place);
    }
    maker.pages.push(page);
}

/// The template of the container supplies only the repository.
fn half(maker: &mut Maker, written: &mut Written) {
    if let Some(place) = written.place.take() {
        maker.truth(Fate::Component, "", place);
    }
}
