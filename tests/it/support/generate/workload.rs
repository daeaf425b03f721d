//! Pod-owning resources as people write them: names, containers, probes, volumes, ignored changes,
//! comments.

use super::names::{pick, weighted};
use super::page::{Page, Place};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Deployment,
    CronJob,
    Job,
    DaemonSet,
    StatefulSet,
}

/// What stands behind `image =`, quotes included.
#[derive(Clone, Debug)]
pub enum Code {
    /// A string or template: its place is wanted.
    Quoted(String),
    Bare(String),
}

#[derive(Clone, Debug)]
pub struct Container {
    pub name: String,
    pub init: bool,
    pub image: Code,
}

pub struct Workload {
    pub kind: Kind,
    /// The resource's label in HCL.
    pub label: String,
    /// Expressions in HCL, quotes included; a missing namespace is `default`.
    pub name: String,
    pub namespace: Option<String>,
    /// A line of its own at the top: `count = …`.
    pub meta: Option<&'static str>,
    pub containers: Vec<Container>,
    /// Whether the images of rolling kinds are ignored.
    pub ignore: bool,
}

/// What was written of one container.
#[derive(Clone, Debug)]
pub struct Written {
    pub container: String,
    pub init: bool,
    pub kind: &'static str,
    pub ignored: bool,
    /// Of the string behind `image =`, if it is one.
    pub place: Option<Place>,
}

/// 179, 106, 11, 5 and 2 of 303.
const KINDS: [(Kind, u32); 5] = [
    (Kind::Deployment, 179),
    (Kind::CronJob, 106),
    (Kind::Job, 11),
    (Kind::DaemonSet, 5),
    (Kind::StatefulSet, 2),
];

impl Kind {
    pub fn any(rng: &mut fastrand::Rng) -> Self {
        weighted(rng, &KINDS)
    }

    pub fn rolls(self) -> bool {
        matches!(self, Self::Deployment | Self::DaemonSet | Self::StatefulSet)
    }

    fn resources(self) -> [&'static str; 2] {
        match self {
            Self::Deployment => ["kubernetes_deployment", "kubernetes_deployment_v1"],
            Self::CronJob => ["kubernetes_cron_job", "kubernetes_cron_job_v1"],
            Self::Job => ["kubernetes_job", "kubernetes_job_v1"],
            Self::DaemonSet => ["kubernetes_daemonset", "kubernetes_daemon_set_v1"],
            Self::StatefulSet => ["kubernetes_stateful_set", "kubernetes_stateful_set_v1"],
        }
    }

    /// The kind in Kubernetes, in lower case.
    pub fn name(self) -> &'static str {
        ["deployment", "cronjob", "job", "daemonset", "statefulset"][self as usize]
    }
}

impl Workload {
    /// Writes the resource, and returns its containers in the order given.
    pub fn write(&self, page: &mut Page, rng: &mut fastrand::Rng) -> Vec<Written> {
        page.text(&format!(
            "\nresource \"{}\" \"{}\" {{",
            pick(rng, &self.kind.resources()),
            self.label
        ));
        page.text(
            &self
                .meta
                .map(|line| format!("  {line}\n\n"))
                .unwrap_or_default(),
        );
        self.metadata(page, rng);
        let pad = self.open(page, rng);
        let ignored = self.ignore && self.kind.rolls();
        // Some are half owned: only the first container is ignored.
        let all_ignored = rng.u8(..12) > 0;
        let mut written = Vec::new();
        for (index, container) in self.containers.iter().enumerate() {
            let ignored = ignored && (all_ignored || index == 0);
            written.push(self.container(page, rng, &pad, container, ignored));
        }
        if rng.u8(..3) > 0 {
            block(page, &pad, VOLUMES);
        }
        self.close(page, pad.len());
        if self.kind.rolls() {
            self.lifecycle(page, rng, &written);
        }
        page.text("}");
        written
    }

    fn metadata(&self, page: &mut Page, rng: &mut fastrand::Rng) {
        page.text("  metadata {");
        page.text(&format!("    name      = {}", self.name));
        if let Some(namespace) = &self.namespace {
            page.text(&format!("    namespace = {namespace}"));
        }
        if rng.bool() {
            page.text(&format!(
                "    labels = {{\n      app  = {}\n      tier = \"apps\"\n    }}",
                self.name
            ));
        }
        match rng.u8(..24) {
            0..4 => block(
                page,
                "    ",
                "annotations = {\n  \"reloader.stakater.com/auto\" = \"true\"\n}",
            ),
            4 => block(
                page,
                "    ",
                "annotations = {\n  \"keel.sh/policy\"       = \"force\"\n  \"keel.sh/pollSchedule\" = \"@every 1h\"\n}",
            ),
            5 => block(
                page,
                "    ",
                "annotations = {\n  \"keel.sh/policy\" = \"never\"\n}",
            ),
            _ => {}
        }
        page.text("  }");
    }

    /// Opens the blocks down to the pod's `spec`, and returns the indent there.
    fn open(&self, page: &mut Page, rng: &mut fastrand::Rng) -> String {
        page.text("  spec {");
        let mut pad = "    ".to_owned();
        if self.kind == Kind::CronJob {
            page.text(&format!(
                "    schedule                      = \"{} {} * * *\"",
                rng.u8(..60),
                rng.u8(..24)
            ));
            page.text("    successful_jobs_history_limit = 1\n    job_template {\n      metadata {}\n      spec {");
            pad.push_str("    ");
        }
        if self.kind.rolls() {
            if self.kind != Kind::DaemonSet {
                page.text("    replicas = 1");
            }
            page.text(&format!(
                "    selector {{\n      match_labels = {{\n        app = {}\n      }}\n    }}",
                self.name
            ));
        }
        block(
            page,
            &pad,
            &format!(
                "template {{\n  metadata {{\n    labels = {{\n      app = {}\n    }}\n  }}\n  spec {{",
                self.name
            ),
        );
        pad.push_str("    ");
        if !self.kind.rolls() {
            block(page, &pad, "restart_policy = \"OnFailure\"");
        }
        pad
    }

    fn close(&self, page: &mut Page, depth: usize) {
        for indent in (2..depth).step_by(2).collect::<Vec<_>>().into_iter().rev() {
            page.text(&format!("{:indent$}}}", ""));
        }
    }

    fn container(
        &self,
        page: &mut Page,
        rng: &mut fastrand::Rng,
        pad: &str,
        container: &Container,
        ignored: bool,
    ) -> Written {
        let block_name = if container.init {
            "init_container"
        } else {
            "container"
        };
        page.text(&format!("{pad}{block_name} {{"));
        let inner = format!("{pad}  ");
        page.text(&format!("{inner}name  = \"{}\"", container.name));
        let place = image(page, rng, &inner, &container.image);
        for (chance, text) in OPTIONS {
            if rng.u8(..100) < chance {
                block(page, &inner, text);
            }
        }
        let environment = if rng.bool() { rng.usize(..14) } else { 0 };
        for index in 0..environment {
            env(page, rng, &inner, index);
        }
        page.text(&format!("{pad}}}"));
        Written {
            container: container.name.clone(),
            init: container.init,
            kind: self.kind.name(),
            ignored,
            place,
        }
    }

    fn lifecycle(&self, page: &mut Page, rng: &mut fastrand::Rng, written: &[Written]) {
        let ignored = written.iter().any(|one| one.ignored);
        if !ignored && rng.bool() {
            return;
        }
        page.text("  lifecycle {\n    ignore_changes = [");
        page.text("      spec[0].template[0].spec[0].dns_config, # KYVERNO_LIFECYCLE_V1");
        let mut counts = [0, 0];
        for one in written {
            let block = if one.init {
                "init_container"
            } else {
                "container"
            };
            let count = &mut counts[usize::from(one.init)];
            if one.ignored {
                let marker = if rng.u8(..5) > 0 {
                    " # KEEL_IGNORE_IMAGE — Keel owns the tag"
                } else {
                    ""
                };
                page.text(&format!(
                    "      spec[0].template[0].spec[0].{block}[{count}].image,{marker}"
                ));
            }
            *count += 1;
        }
        page.text("      metadata[0].annotations[\"deployment.kubernetes.io/revision\"],");
        page.text("      spec[0].template[0].metadata[0].annotations[\"keel.sh/update-time\"], # KEEL_LIFECYCLE_V1\n    ]\n  }");
    }
}

/// The `image` line, sometimes between commented-out ones, and with a comment that repeats it.
fn image(page: &mut Page, rng: &mut fastrand::Rng, pad: &str, code: &Code) -> Option<Place> {
    let stale = format!("{pad}# image = \"docker.io/library/old:{}\"", rng.u8(1..20));
    if rng.u8(..8) == 0 {
        page.text(&stale);
    }
    let spaces = pick(rng, &[" ", " ", " ", "   ", "\t"]);
    let place = match code {
        Code::Quoted(text) => {
            let after = if rng.u8(..30) == 0 {
                format!("\" # {text}")
            } else {
                "\"".to_owned()
            };
            Some(page.literal(&format!("{pad}image{spaces}= \""), text, &after))
        }
        Code::Bare(expression) => {
            page.text(&format!("{pad}image{spaces}= {expression}"));
            None
        }
    };
    if rng.u8(..12) == 0 {
        page.text(&stale);
    }
    place
}

fn env(page: &mut Page, rng: &mut fastrand::Rng, pad: &str, index: usize) {
    let name = format!(
        "{}_{index}",
        pick(
            rng,
            &[
                "DB_HOST",
                "LOG_LEVEL",
                "BASE_URL",
                "CACHE_TTL",
                "FEATURE",
                "SMTP_HOST",
                "OIDC_ISSUER"
            ]
        )
    );
    match rng.u8(..4) {
        0 => block(
            page,
            pad,
            &format!(
                "env {{\n  name = \"{name}\"\n  value_from {{\n    secret_key_ref {{\n      name = \"settings\"\n      key  = \"{}\"\n    }}\n  }}\n}}",
                name.to_lowercase()
            ),
        ),
        1 => block(
            page,
            pad,
            &format!(
                "env {{\n  name  = \"{name}\"\n  value = \"https://${{local.host}}/{index}?a=b\"\n}}"
            ),
        ),
        _ => block(
            page,
            pad,
            &format!(
                "env {{\n  name  = \"{name}\"\n  value = \"{}\"\n}}",
                rng.u32(..)
            ),
        ),
    }
}

/// Writes lines with an indent; empty ones stay empty.
pub fn block(page: &mut Page, pad: &str, text: &str) {
    for line in text.lines() {
        page.text(&if line.is_empty() {
            "\n".to_owned()
        } else {
            format!("{pad}{line}")
        });
    }
}

/// What a container may have besides its image, with the chance in percent.
const OPTIONS: [(u8, &str); 6] = [
    (
        25,
        "command = [\"/bin/sh\", \"-c\", \"exec serve --image docker.io/library/busybox:1.36 --level \\\"$LEVEL\\\"\"]",
    ),
    (
        60,
        "port {\n  name           = \"http\"\n  container_port = 8080\n  protocol       = \"TCP\"\n}",
    ),
    (
        70,
        "resources {\n  requests = {\n    cpu    = \"50m\"\n    memory = \"128Mi\"\n  }\n  limits = {\n    memory = \"512Mi\"\n  }\n}",
    ),
    (
        45,
        "liveness_probe {\n  http_get {\n    path = \"/healthz\"\n    port = 8080\n  }\n  initial_delay_seconds = 15\n  period_seconds        = 20\n  failure_threshold     = 3\n}",
    ),
    (
        45,
        "readiness_probe {\n  http_get {\n    path = \"/ready\"\n    port = 8080\n  }\n  initial_delay_seconds = 5\n  period_seconds        = 10\n}",
    ),
    (
        65,
        "volume_mount {\n  name       = \"data\"\n  mount_path = \"/data\"\n}\nvolume_mount {\n  name       = \"config\"\n  mount_path = \"/etc/app\"\n  read_only  = true\n}",
    ),
];

const VOLUMES: &str = "volume {
  name = \"data\"
  persistent_volume_claim {
    claim_name = \"data\"
  }
}
volume {
  name = \"config\"
  config_map {
    name = \"config\"
  }
}";
