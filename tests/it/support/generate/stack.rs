//! One stack: its namespace, workloads, module calls, inputs, and the ordinary resources that make
//! up most of its lines.

use super::deck::Shape;
use super::modules::{Call, Module, Modules};
use super::names::weighted;
use super::page::{Page, Place};
use super::workload::{Code, Container, Kind, Workload, Written};
use super::{Fate, Id, Maker, TrueUse, filler, helm};

/// A stack that is being written.
pub struct Stack {
    /// `stacks/<name>`.
    pub root: String,
    pub app: String,
    pub namespace: String,
    pub page: Page,
    pending: Vec<Pending>,
    /// Name, value and truth of what goes into `inputs`.
    inputs: Vec<(String, String, Id)>,
    serial: usize,
}

/// A container that waits for a workload.
struct Pending {
    image: Code,
    effective: String,
    own: Own,
    /// The literal elsewhere that decides.
    feeds: Option<Id>,
}

/// What the string behind `image =` is.
#[derive(Clone, Copy, PartialEq)]
enum Own {
    Site,
    Component,
    Nothing,
}

/// How the namespace is written: 264 by resource, 25 literal, 9 local, 4 variable, 1 absent.
#[derive(Clone, Copy, PartialEq)]
enum Namespace {
    Resource,
    Literal,
    Local,
    Variable,
    Absent,
}

const NAMESPACES: [(Namespace, u32); 5] = [
    (Namespace::Resource, 264),
    (Namespace::Literal, 25),
    (Namespace::Local, 9),
    (Namespace::Variable, 4),
    (Namespace::Absent, 1),
];

impl Stack {
    /// Writes a stack with the shapes dealt to it, and fills it up to about so many lines.
    pub fn write(maker: &mut Maker, modules: &Modules, hand: &[Shape], lines: usize) {
        let app = maker.names.app(&mut maker.rng);
        let root = format!("stacks/{app}");
        let namespace = if maker.rng.u8(..8) == 0 {
            format!("{app}-system")
        } else {
            app.clone()
        };
        let page = Page::new(format!("{root}/main.tf"));
        let mut stack = Self {
            root,
            app,
            namespace,
            page,
            pending: Vec::new(),
            inputs: Vec::new(),
            serial: 0,
        };
        stack.head();
        for shape in hand {
            stack.shape(maker, modules, *shape);
        }
        while !stack.pending.is_empty() {
            stack.workload(maker);
        }
        stack.finish(maker, lines);
    }

    fn head(&mut self) {
        let (app, namespace) = (&self.app, &self.namespace);
        self.page
            .text(&format!("locals {{\n  app       = \"{app}\"\n  namespace = \"{namespace}\"\n  host      = \"{app}.example.org\"\n}}"));
        self.page.text(&format!(
            "\nvariable \"namespace\" {{\n  type    = string\n  default = \"{namespace}\"\n}}"
        ));
        self.page.text(&format!(
            "\nresource \"kubernetes_namespace\" \"this\" {{\n  metadata {{\n    name = \"{namespace}\"\n    labels = {{\n      tier                = \"apps\"\n      \"keel.sh/enrolled\" = \"true\"\n    }}\n  }}\n}}"
        ));
    }

    /// A name that is new in this stack.
    pub fn serial(&mut self) -> usize {
        self.serial += 1;
        self.serial
    }

    fn shape(&mut self, maker: &mut Maker, modules: &Modules, shape: Shape) {
        match shape {
            Shape::InPlace => self.in_place(maker, |image, _| image.tagged()),
            Shape::Tagless => self.in_place(maker, |image, _| image.repository.clone()),
            Shape::Digest => self.in_place(maker, |image, digest| {
                format!("{}@{digest}", image.repository)
            }),
            Shape::Local(users) => self.local(maker, users, false),
            Shape::LocalDigest => self.local(maker, 1, true),
            Shape::Default => self.default(maker),
            Shape::Inputs => self.inputs(maker),
            Shape::Halves(users) => self.halves(maker, users),
            Shape::Suffix => self.suffix(maker),
            Shape::Chain => self.chain(maker, &modules.chain),
            Shape::Argument(enabled) => self.argument(maker, &modules.tagged, enabled),
            Shape::Bare => self.bare(maker, &modules.bare),
            Shape::Shared => self.shared(maker, modules),
            Shape::Helm(images) => helm::release(self, maker, images),
            Shape::Operator => self.operator(maker),
            Shape::Helper => self.helper(maker),
            Shape::Dead => {
                let (literal, n) = (maker.names.image(&mut maker.rng).tagged(), self.serial());
                let place = self.local_line(&format!("unused_image_{n}"), &literal);
                maker.truth(Fate::Dead, "", place);
            }
        }
    }

    fn in_place(
        &mut self,
        maker: &mut Maker,
        written: impl Fn(&super::names::Image, &str) -> String,
    ) {
        let digest = maker.names.digest(&mut maker.rng);
        let effective = written(&maker.names.image(&mut maker.rng), &digest);
        self.pending.push(Pending {
            image: Code::Quoted(effective.clone()),
            effective,
            own: Own::Site,
            feeds: None,
        });
    }

    fn feed(&mut self, image: Code, effective: String, own: Own, feeds: Option<Id>) {
        self.pending.push(Pending {
            image,
            effective,
            own,
            feeds,
        });
    }

    /// A `locals` block with one literal.
    pub fn local_line(&mut self, name: &str, literal: &str) -> Place {
        self.page.text("\nlocals {");
        let place = self.page.literal(&format!("  {name} = \""), literal, "\"");
        self.page.text("}");
        place
    }

    fn local(&mut self, maker: &mut Maker, users: usize, digest: bool) {
        let mut image = maker.names.image(&mut maker.rng).tagged();
        if digest {
            image = format!("{image}@{}", maker.names.digest(&mut maker.rng));
        }
        let name = format!("image_{}", self.serial());
        let place = self.local_line(&name, &image);
        let id = maker.truth(Fate::Site, &image, place);
        for _ in 0..users {
            self.feed(
                Code::Bare(format!("local.{name}")),
                image.clone(),
                Own::Nothing,
                Some(id),
            );
        }
    }

    fn variable(&mut self, name: &str, default: &str) -> Place {
        self.page.text(&format!("\nvariable \"{name}\" {{\n  type        = string\n  description = \"Which release runs\""));
        let place = self.page.literal("  default     = \"", default, "\"");
        self.page.text("}");
        place
    }

    fn default(&mut self, maker: &mut Maker) {
        let image = maker.names.image(&mut maker.rng);
        let name = format!("app_tag_{}", self.serial());
        let place = self.variable(&name, &image.tag);
        let id = maker.truth(Fate::Site, image.tagged(), place);
        self.feed(
            Code::Quoted(format!("{}:${{var.{name}}}", image.repository)),
            image.tagged(),
            Own::Component,
            Some(id),
        );
    }

    /// A tag in `inputs`, over a default that is dead and differs.
    fn input(&mut self, maker: &mut Maker, reference: String, tag: &str) -> (String, Id) {
        let name = format!("app_tag_{}", self.serial());
        let dead = self.variable(&name, "0.0.1-default");
        maker.truth(Fate::Dead, "", dead);
        let id = maker.truth(Fate::Site, reference, Place::default());
        self.inputs.push((name.clone(), tag.into(), id));
        (name, id)
    }

    fn inputs(&mut self, maker: &mut Maker) {
        let image = maker.names.image(&mut maker.rng);
        let (name, id) = self.input(maker, image.tagged(), &image.tag);
        self.feed(
            Code::Quoted(format!("{}:${{var.{name}}}", image.repository)),
            image.tagged(),
            Own::Component,
            Some(id),
        );
    }

    fn halves(&mut self, maker: &mut Maker, users: usize) {
        let image = maker.names.image(&mut maker.rng);
        let n = self.serial();
        self.page.text("\nlocals {");
        let half = self
            .page
            .literal(&format!("  repo_{n}     = \""), &image.repository, "\"");
        let tag = self
            .page
            .literal(&format!("  repo_{n}_tag = \""), &image.tag, "\"");
        self.page.text("}");
        maker.truth(Fate::Component, "", half);
        let id = maker.truth(Fate::Site, image.tagged(), tag);
        for _ in 0..users {
            self.feed(
                Code::Quoted(format!("${{local.repo_{n}}}:${{local.repo_{n}_tag}}")),
                image.tagged(),
                Own::Nothing,
                Some(id),
            );
        }
    }

    /// One variable for two repositories, once with a suffix: the templates at the uses are the
    /// sites.
    fn suffix(&mut self, maker: &mut Maker) {
        let name = format!("version_{}", self.serial());
        let place = self.variable(&name, "4.1.2");
        maker.truth(Fate::Unpinnable, "", place);
        for (part, suffix) in [("engine", "-cuda"), ("client", "")] {
            let repository = format!("{}/{part}", maker.names.image(&mut maker.rng).repository);
            let template = format!("{repository}:${{var.{name}}}{suffix}");
            self.feed(
                Code::Quoted(template),
                format!("{repository}:4.1.2{suffix}"),
                Own::Site,
                None,
            );
        }
    }

    /// Writes a call up to its last argument, and returns the name it gives.
    fn call(&mut self, module: &Module) -> String {
        let n = self.serial();
        let name = format!("{}-{n}", self.app);
        let source = &module.name;
        self.page.text(&format!("\nmodule \"call_{n}\" {{\n  source    = \"../../modules/{source}\"\n  name      = \"{name}\""));
        self.page
            .text("  namespace = kubernetes_namespace.this.metadata[0].name");
        name
    }

    fn called(
        &self,
        maker: &mut Maker,
        module: &Module,
        id: Id,
        name: &str,
        image: &str,
        instances: u64,
    ) {
        let call = Call {
            root: &self.root,
            namespace: &self.namespace,
            name,
        };
        module.called(maker, id, &call, image, instances);
    }

    fn chain(&mut self, maker: &mut Maker, module: &Module) {
        let tag = format!("{}.{}.1", maker.rng.u8(..9), maker.rng.u8(..30));
        let image = format!("{}:{tag}", module.image.repository);
        let (variable, id) = self.input(maker, image.clone(), &tag);
        let name = self.call(module);
        self.page.text(&format!("  image_tag = var.{variable}\n}}"));
        self.called(maker, module, id, &name, &image, 1);
    }

    fn argument(&mut self, maker: &mut Maker, module: &Module, enabled: bool) {
        let tag = format!("1.{}-alpine", maker.rng.u8(10..30));
        let name = self.call(module);
        let place = self.page.literal("  image_tag = \"", &tag, "\"");
        self.page.text(if enabled {
            "}"
        } else {
            "  enabled   = false\n}"
        });
        let image = format!("{}:{tag}", module.image.repository);
        let id = maker.truth(Fate::Site, &image, place);
        self.called(maker, module, id, &name, &image, u64::from(enabled));
    }

    fn bare(&mut self, maker: &mut Maker, module: &Module) {
        let image = maker.names.image(&mut maker.rng).tagged();
        let name = self.call(module);
        let place = self.page.literal("  image     = \"", &image, "\"");
        self.page.text("}");
        let id = maker.truth(Fate::Site, &image, place);
        self.called(maker, module, id, &name, &image, 1);
    }

    fn shared(&mut self, maker: &mut Maker, modules: &Modules) {
        let name = self.call(&modules.shared);
        self.page.text("}");
        let image = modules.shared.image.tagged();
        self.called(
            maker,
            &modules.shared,
            modules.shared_image,
            &name,
            &image,
            1,
        );
    }

    fn operator(&mut self, maker: &mut Maker) {
        let (image, n) = (maker.names.image(&mut maker.rng).tagged(), self.serial());
        let name = format!("{}-pg-{n}", self.app);
        self.page.text(&format!(
            "\nresource \"kubectl_manifest\" \"cluster_{n}\" {{\n  yaml_body = <<-YAML"
        ));
        self.page.text(&format!(
            "    apiVersion: postgresql.cnpg.io/v1\n    kind: Cluster\n    metadata:\n      name: {name}\n      namespace: {}\n    spec:\n      instances: 3",
            self.namespace
        ));
        let place = self.page.literal("      imageName: ", &image, "");
        self.page
            .text("      storage:\n        size: 20Gi\n  YAML\n}");
        let id = maker.truth(Fate::Site, &image, place);
        let user = self.user(
            ("cluster", self.namespace.clone(), name),
            "spec.imageName",
            &image,
        );
        maker.used(id, user);
    }

    fn helper(&mut self, maker: &mut Maker) {
        let (image, n) = (maker.names.image(&mut maker.rng).repository, self.serial());
        let name = format!("{}-helper-{n}", self.app);
        self.page.text(&format!("\nresource \"kubernetes_config_map\" \"helper_{n}\" {{\n  metadata {{\n    name      = \"{name}\""));
        self.page.text("    namespace = kubernetes_namespace.this.metadata[0].name\n  }\n  data = {\n    \"pod.yaml\" = <<-EOT");
        self.page.text("      apiVersion: v1\n      kind: Pod\n      metadata:\n        name: helper\n      spec:\n        containers:\n          - name: helper");
        let place = self.page.literal("            image: ", &image, "");
        self.page
            .text("            imagePullPolicy: IfNotPresent\n    EOT\n  }\n}");
        let id = maker.truth(Fate::Site, &image, place);
        let user = self.user(
            ("configmap", self.namespace.clone(), name),
            "helper",
            &image,
        );
        maker.used(id, user);
    }

    /// A use of an object: kind, namespace and name.
    pub fn user(
        &self,
        object: (&'static str, String, String),
        container: &str,
        image: &str,
    ) -> TrueUse {
        let (kind, namespace, name) = object;
        let (root, kind, container, image) = (
            self.root.clone(),
            kind.to_owned(),
            container.to_owned(),
            image.to_owned(),
        );
        TrueUse {
            root,
            kind,
            namespace,
            name,
            container,
            init: false,
            image,
            ignored: false,
            instances: 1,
        }
    }

    /// Puts the next containers into a workload: mostly one, at most three, init containers among
    /// them.
    fn workload(&mut self, maker: &mut Maker) {
        let take = weighted(&mut maker.rng, &[(1, 80), (2, 15), (3, 5)]).min(self.pending.len());
        let mut pending: Vec<Pending> = self.pending.drain(..take).collect();
        maker.rng.shuffle(&mut pending);
        let main = maker.rng.usize(..take);
        let container = |(index, one): (usize, &Pending)| {
            let init = index != main && maker.rng.u8(..3) == 0;
            Container {
                name: format!("{}-{index}", if init { "init" } else { "app" }),
                init,
                image: one.image.clone(),
            }
        };
        let containers = pending.iter().enumerate().map(container).collect();
        let namespace = weighted(&mut maker.rng, &NAMESPACES);
        let (part, n) = (maker.names.part(&mut maker.rng), self.serial());
        let name = format!("{}-{part}-{n}", self.app);
        let written_name = match maker.rng.u8(..22) {
            0 => format!("\"${{local.app}}-{part}-{n}\""),
            _ => format!("\"{name}\""),
        };
        let kind = Kind::any(&mut maker.rng);
        let (meta, namespace_code) = (None, self.namespace_code(namespace));
        let ignore = maker.rng.u8(..183) < 171;
        let workload = Workload {
            kind,
            label: format!("{part}_{n}"),
            name: written_name,
            namespace: namespace_code,
            meta,
            containers,
            ignore,
        };
        let written = workload.write(&mut self.page, &mut maker.rng);
        maker.containers += take;
        let namespace = if namespace == Namespace::Absent {
            "default".to_owned()
        } else {
            self.namespace.clone()
        };
        for (one, written) in pending.into_iter().zip(written) {
            self.note(maker, one, written, &namespace, &name);
        }
    }

    fn namespace_code(&self, namespace: Namespace) -> Option<String> {
        match namespace {
            Namespace::Resource => Some("kubernetes_namespace.this.metadata[0].name".into()),
            Namespace::Literal => Some(format!("\"{}\"", self.namespace)),
            Namespace::Local => Some("local.namespace".into()),
            Namespace::Variable => Some("var.namespace".into()),
            Namespace::Absent => None,
        }
    }

    fn note(&self, maker: &mut Maker, one: Pending, written: Written, namespace: &str, name: &str) {
        let own = match (one.own, written.place) {
            (Own::Site, Some(place)) => Some(maker.truth(Fate::Site, &one.effective, place)),
            (Own::Component, Some(place)) => Some(maker.truth(Fate::Component, "", place)),
            _ => None,
        };
        let Some(id) = one.feeds.or(own) else { return };
        let user = self.user(
            (written.kind, namespace.into(), name.into()),
            &written.container,
            &one.effective,
        );
        maker.used(
            id,
            TrueUse {
                init: written.init,
                ignored: written.ignored,
                ..user
            },
        );
    }

    fn finish(mut self, maker: &mut Maker, lines: usize) {
        let mut page = Page::new(format!("{}/terragrunt.hcl", self.root));
        page.text("include \"root\" {\n  path = find_in_parent_folders()\n}");
        if !self.inputs.is_empty() {
            page.text("\ninputs = {\n  owner = \"platform\"");
            for (name, value, id) in std::mem::take(&mut self.inputs) {
                maker.truths[id.0].place = page.literal(&format!("  {name} = \""), &value, "\"");
            }
            page.text("}");
        }
        let left = lines.saturating_sub(self.page.lines() + page.lines());
        maker.pages.push(page);
        filler::fill(&mut self, maker, left);
        maker.pages.push(self.page);
    }
}
