//! A repo as it looks after some years of use: what the generated one of the tests has little of.
//! Shared modules that every stack calls several times, a var-file that all stacks load, long
//! comments, big locals, variables by the dozen, dashboards read by `file`, values by
//! `templatefile`, scripts in heredocs; and copies of `testdata-repo` for its shapes.
//! Deterministic. Knows nothing of pintle.

use std::fmt::Write as _;
use std::fs;
use std::io;
use std::path::Path;

/// Copies of `testdata-repo` beside the stacks.
const COPIES: usize = 2;

/// Writes a repo of that many stacks below a folder; about 700 lines of Terraform and Terragrunt a
/// stack.
pub fn write(folder: &Path, testdata: &Path, stacks: usize) -> io::Result<()> {
    let mut rng = fastrand::Rng::with_seed(2026);
    put(folder, "terragrunt.hcl", PARENT)?;
    put(folder, "config.tfvars", &shared_values())?;
    for (path, text) in MODULES {
        put(folder, path, text)?;
    }
    for number in 0..stacks {
        stack(folder, number, &mut rng)?;
    }
    for copy in 0..COPIES {
        copy_folder(testdata, &folder.join(format!("sites/site-{copy}")))?;
    }
    Ok(())
}

fn put(folder: &Path, path: &str, text: &str) -> io::Result<()> {
    let path = folder.join(path);
    fs::create_dir_all(path.parent().unwrap_or(folder))?;
    fs::write(path, text)
}

fn copy_folder(from: &Path, to: &Path) -> io::Result<()> {
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let target = to.join(entry.file_name());
        match entry.file_type()? {
            kind if kind.is_dir() => copy_folder(&entry.path(), &target)?,
            kind if kind.is_file() => fs::copy(entry.path(), target).map(drop)?,
            _ => {}
        }
    }
    Ok(())
}

/// The var-file that the parent names for every stack.
fn shared_values() -> String {
    let mut text = String::from("tls_secret_name = \"tls-secret\"\n");
    for n in 0..250 {
        let _ = writeln!(
            text,
            "setting_{n} = \"value of the setting {n}, which some stack reads\""
        );
    }
    for n in 0..20 {
        let _ = writeln!(text, "hosts_{n} = {{");
        for host in 0..15 {
            let _ = writeln!(
                text,
                "  \"host-{host}\" = {{ address = \"10.0.{n}.{host}\", zone = \"example.org\", proxied = false }}"
            );
        }
        let _ = writeln!(text, "}}");
    }
    text
}

fn stack(folder: &Path, number: usize, rng: &mut fastrand::Rng) -> io::Result<()> {
    let name = format!("app-{number}");
    let dir = format!("stacks/{name}");
    put(
        folder,
        &format!("{dir}/terragrunt.hcl"),
        &UNIT.replace("@n@", &number.to_string()),
    )?;
    put(folder, &format!("{dir}/providers.tf"), PROVIDERS)?;
    put(folder, &format!("{dir}/tiers.tf"), TIERS)?;
    put(
        folder,
        &format!("{dir}/variables.tf"),
        &variables(8 + rng.usize(..20)),
    )?;
    let mut main = HEADER.repeat(1 + rng.usize(..3)).replace("@app@", &name);
    main.push_str(&locals(10 + rng.usize(..30)));
    for part in 0..3 + rng.usize(..5) {
        let checksum = if part == 0 {
            "sha256(jsonencode(local.services))"
        } else {
            "sha256(var.setting_2)"
        };
        main.push_str(
            &DEPLOYMENT
                .replace("@app@", &name)
                .replace("@n@", &part.to_string())
                .replace("@checksum@", checksum),
        );
        for call in 0..1 + rng.usize(..2) {
            main.push_str(
                &INGRESS
                    .replace("@app@", &name)
                    .replace("@n@", &format!("{part}_{call}")),
            );
        }
    }
    for script in 0..rng.usize(..2) {
        main.push_str(
            &SCRIPT
                .replace("@app@", &name)
                .replace("@n@", &script.to_string()),
        );
    }
    if number.is_multiple_of(3) {
        main.push_str(&RELEASE.replace("@app@", &name));
        put(
            folder,
            &format!("{dir}/values.yaml.tpl"),
            &values(10 + rng.usize(..40)),
        )?;
    }
    if number.is_multiple_of(10) {
        main.push_str(&DASHBOARDS.replace("@app@", &name));
        for board in 0..3 {
            put(
                folder,
                &format!("{dir}/dashboards/board-{board}.json"),
                &dashboard(20 + rng.usize(..40)),
            )?;
        }
    }
    put(folder, &format!("{dir}/main.tf"), &main)
}

fn variables(count: usize) -> String {
    let mut text = String::new();
    for n in 0..count {
        let _ = write!(
            text,
            "# What the stack needs the setting {n} for is told in the runbook.\nvariable \"setting_{n}\" {{\n  type        = string\n  \
             description = \"The setting {n}, from config.tfvars.\"\n  default     = \"default-{n}\"\n}}\n\n"
        );
    }
    text.push_str(
        "variable \"image_tag\" {\n  type    = string\n  default = \"v1.2.3\"\n  validation {\n    condition     = length(var.image_tag) > 0\n    \
         error_message = \"The tag is empty.\"\n  }\n}\n\nvariable \"tls_secret_name\" {\n  type = string\n}\n\nvariable \"hosts_0\" {\n  type = \
         map(object({ address = string, zone = string, proxied = bool }))\n}\n",
    );
    text
}

fn locals(count: usize) -> String {
    let mut text = String::from(
        "locals {\n  hosts = { for name, host in var.hosts_0 : name => \"${name}.${host.zone}\" }\n  services = {\n",
    );
    for n in 0..count {
        let _ = writeln!(
            text,
            "    \"service-{n}\" = {{ port = {}, path = \"/s/{n}\", labels = {{ tier = local.tiers.apps, part = \"p-{n}\" }}, public = {} }}",
            8000 + n,
            n % 2 == 0
        );
    }
    text.push_str("  }\n  public = { for name, service in local.services : name => service if service.public }\n}\n\n");
    text
}

fn values(entries: usize) -> String {
    let mut text = String::from(VALUES);
    for n in 0..entries {
        let _ = write!(
            text,
            "  rule-{n}:\n    # Fires when the part {n} was away for ten minutes.\n    expr: sum(rate(http_requests_total{{job=\"{n}\"}}[5m])) by \
             (instance) > {n}\n    for: 10m\n    labels:\n      severity: warning\n    annotations:\n      summary: \"part {n} of ${{app}} is \
             slow\"\n"
        );
    }
    text
}

fn dashboard(panels: usize) -> String {
    let panel = |n: usize| {
        format!(
            "{{\n  \"id\": {n},\n  \"type\": \"timeseries\",\n  \"title\": \"Panel {n}\",\n  \"gridPos\": {{\"h\": 8, \"w\": 12, \"x\": \
             0, \"y\": {n}}},\n  \"fieldConfig\": {{\"defaults\": {{\"color\": {{\"mode\": \"palette-classic\"}}, \"custom\": {{\"lineWidth\": 1, \
             \"fillOpacity\": 10, \"spanNulls\": false}}, \"unit\": \"bytes\"}}, \"overrides\": []}},\n  \"targets\": [{{\"expr\": \
             \"sum(container_memory_working_set_bytes{{image!=\\\"\\\", pod=~\\\"$pod\\\"}}) by (pod)\", \"legendFormat\": \"{{{{pod}}}}\", \"refId\": \
             \"A\"}}]\n}}"
        )
    };
    let panels: Vec<String> = (0..panels).map(panel).collect();
    format!(
        "{{\n\"title\": \"Board\",\n\"schemaVersion\": 39,\n\"panels\": [\n{}\n]\n}}\n",
        panels.join(",\n")
    )
}

const PARENT: &str = r#"# Every stack includes this file.
locals {
  stack = basename(get_terragrunt_dir())
  root  = get_repo_root()
}

remote_state {
  backend = "pg"
  config = {
    schema_name = local.stack
  }
}

terraform {
  extra_arguments "values" {
    commands           = get_terraform_commands_that_need_vars()
    required_var_files = ["${get_repo_root()}/config.tfvars"]
    optional_var_files = ["${get_repo_root()}/local.tfvars"]
  }
}

generate "backend" {
  path      = "backend.tf"
  if_exists = "overwrite_terragrunt"
  contents  = <<EOF
terraform {
  backend "pg" {}
}
EOF
}
"#;

const UNIT: &str = r#"include "root" {
  path   = find_in_parent_folders()
  expose = true
}

dependency "platform" {
  config_path  = "../app-0"
  skip_outputs = true
}

inputs = {
  image_tag = "2026.1.@n@"
}
"#;

const PROVIDERS: &str = r#"# Written by Terragrunt; do not edit.
terraform {
  required_providers {
    kubernetes = {
      source  = "hashicorp/kubernetes"
      version = "~> 2.38"
    }
    helm = {
      source = "hashicorp/helm"
    }
  }
}

provider "kubernetes" {
  config_path = "~/.kube/config"
}

provider "helm" {
  kubernetes = {
    config_path = "~/.kube/config"
  }
}
"#;

const TIERS: &str = r#"locals {
  tiers = {
    core    = "0-core"
    cluster = "1-cluster"
    gpu     = "2-gpu"
    edge    = "3-edge"
    apps    = "4-apps"
  }
}
"#;

const HEADER: &str = r#"# =============================================================================
# @app@
#
# The service behind @app@.example.org. It keeps its data on a volume of the storage server and its
# settings in a map. The database is shared: see the stack that runs it before changing the schema.
#
# History:
#   - moved here from a virtual machine when the cluster had room
#   - went back to the older image for a week: docker.io/library/@app@:1.0 lost sessions
#   - its memory was raised twice, see the comments beside the limits
#
# Restore: scale to zero, unpack the newest archive over the volume, scale to one.
# =============================================================================

"#;

const DEPLOYMENT: &str = r#"# --- part @n@ ---
resource "kubernetes_deployment" "part_@n@" {
  metadata {
    name      = "@app@-@n@"
    namespace = "@app@"
    labels = {
      app  = "@app@-@n@"
      tier = local.tiers.apps
    }
    annotations = {
      "reloader.stakater.com/search" = "true"
    }
  }
  spec {
    # One of them: two would fight over the volume.
    replicas = 1
    strategy {
      type = "Recreate"
    }
    selector {
      match_labels = {
        app = "@app@-@n@"
      }
    }
    template {
      metadata {
        labels = {
          app = "@app@-@n@"
        }
        annotations = {
          "checksum/settings" = @checksum@
        }
      }
      spec {
        init_container {
          name    = "permissions"
          image   = "docker.io/library/busybox:1.37"
          command = ["sh", "-c", "chown -R 1000:1000 /data"]
        }
        container {
          name  = "app"
          image = "ghcr.io/northwind/@app@-@n@:${var.image_tag}"
          # The old image, kept for the day on which the new one fails:
          # image = "ghcr.io/northwind/@app@-@n@:v1.0.0"
          env {
            name  = "SETTINGS"
            value = var.setting_1
          }
          env {
            name  = "HOSTS"
            value = join(",", values(local.hosts))
          }
          env {
            name  = "PUBLIC"
            value = join(",", keys(local.public))
          }
          env {
            name = "PASSWORD"
            value_from {
              secret_key_ref {
                name = "@app@"
                key  = "password"
              }
            }
          }
          port {
            container_port = 8080
          }
          resources {
            requests = {
              cpu    = "10m"
              memory = "256Mi"
            }
            limits = {
              memory = "1Gi"
            }
          }
          volume_mount {
            name       = "data"
            mount_path = "/data"
          }
        }
        volume {
          name = "data"
          persistent_volume_claim {
            claim_name = "@app@-@n@"
          }
        }
      }
    }
  }
  lifecycle {
    ignore_changes = [
      spec[0].template[0].spec[0].dns_config, # set at admission
      metadata[0].annotations["deployment.kubernetes.io/revision"],
    ]
  }
}

resource "kubernetes_service" "part_@n@" {
  metadata {
    name      = "@app@-@n@"
    namespace = "@app@"
    labels = {
      app = "@app@-@n@"
    }
  }
  spec {
    selector = {
      app = kubernetes_deployment.part_@n@.metadata[0].labels.app
    }
    port {
      name        = "http"
      port        = 80
      target_port = 8080
    }
  }
}

"#;

const INGRESS: &str = r#"module "ingress_@n@" {
  source          = "../../modules/ingress"
  namespace       = "@app@"
  name            = "@app@-@n@"
  tls_secret_name = var.tls_secret_name
  extra_annotations = {
    "gethomepage.dev/enabled" = "true"
    "gethomepage.dev/name"    = title("@app@")
    "gethomepage.dev/icon"    = "@app@.png"
  }
}

module "volume_@n@" {
  source    = "../../modules/volume"
  name      = "@app@-data-@n@"
  namespace = "@app@"
  size      = "10Gi"
}

"#;

const SCRIPT: &str = r#"resource "kubernetes_config_map" "script_@n@" {
  metadata {
    name      = "@app@-script-@n@"
    namespace = "@app@"
  }
  data = {
    "backup.sh" = <<-EOT
      #!/bin/sh
      # Keeps fourteen days. Do not run it by hand while the nightly job runs.
      set -eu
      now=$(date +%Y-%m-%d)
      for part in one two three four; do
        archive="/backup/${local.tiers.apps}/$part-$now.tar.gz"
        tar -czf "$archive" -C /data "$part" || { echo "no $part" >&2; continue; }
        sha256sum "$archive" > "$archive.sum"
      done
      find /backup -name '*.tar.gz' -mtime +14 -print -delete
      curl -fsS -X POST "https://push.example.org/metrics/job/@app@" --data-binary @- <<METRICS
      backup_last_success $(date +%s)
      METRICS
    EOT
    "settings.yaml" = yamlencode({
      services = local.services
      hosts    = local.hosts
      theme    = { image = "background.png", dark = true }
    })
  }
}

"#;

const RELEASE: &str = r#"resource "helm_release" "chart" {
  name       = "@app@-chart"
  namespace  = "@app@"
  repository = "https://charts.example.org"
  chart      = "service"
  version    = "1.2.3"
  values     = [templatefile("${path.module}/values.yaml.tpl", { app = "@app@", tag = var.image_tag, hosts = local.hosts })]
}

"#;

const VALUES: &str = r#"image:
  repository: ghcr.io/northwind/chart
  tag: "${tag}"
sidecar:
  image: quay.io/northwind/sidecar:0.9.1
hosts:
%{ for name, host in hosts ~}
  - name: ${name}
    host: ${host}
%{ endfor ~}
rules:
"#;

const DASHBOARDS: &str = r#"resource "kubernetes_config_map" "dashboards" {
  for_each = fileset(path.module, "dashboards/*.json")
  metadata {
    name      = "@app@-${replace(basename(each.value), ".json", "")}"
    namespace = "monitoring"
    labels = {
      grafana_dashboard = "1"
    }
  }
  data = {
    (basename(each.value)) = file("${path.module}/${each.value}")
  }
}

"#;

const MODULES: [(&str, &str); 2] = [
    (
        "modules/ingress/main.tf",
        r#"variable "namespace" {
  type = string
}

variable "name" {
  type = string
}

variable "host" {
  type    = string
  default = null
}

variable "tls_secret_name" {
  type = string
}

variable "service_name" {
  type    = string
  default = null
}

variable "port" {
  type    = number
  default = 80
}

variable "protected" {
  type    = bool
  default = false
}

variable "extra_annotations" {
  type    = map(string)
  default = {}
}

variable "middlewares" {
  type    = list(string)
  default = []
}

locals {
  host    = "${coalesce(var.host, var.name)}.example.org"
  service = var.service_name != null ? var.service_name : var.name
  chain = compact(concat([
    "traefik-rate-limit@kubernetescrd",
    var.protected ? "traefik-auth@kubernetescrd" : null,
    "traefik-headers@kubernetescrd",
  ], var.middlewares))
}

resource "kubernetes_ingress_v1" "this" {
  metadata {
    name      = var.name
    namespace = var.namespace
    annotations = merge({
      "traefik.ingress.kubernetes.io/router.middlewares" = join(",", local.chain)
      "traefik.ingress.kubernetes.io/router.entrypoints" = "websecure"
    }, var.extra_annotations)
  }
  spec {
    ingress_class_name = "traefik"
    tls {
      hosts       = [local.host]
      secret_name = var.tls_secret_name
    }
    dynamic "rule" {
      for_each = toset([local.host])
      content {
        host = rule.value
        http {
          path {
            path = "/"
            backend {
              service {
                name = local.service
                port {
                  number = var.port
                }
              }
            }
          }
        }
      }
    }
  }
}

output "host" {
  value = local.host
}
"#,
    ),
    (
        "modules/volume/main.tf",
        r#"variable "name" {
  type = string
}

variable "namespace" {
  type = string
}

variable "size" {
  type    = string
  default = "1Gi"
}

resource "kubernetes_persistent_volume" "this" {
  metadata {
    name = "${var.namespace}-${var.name}"
  }
  spec {
    capacity = {
      storage = var.size
    }
    access_modes = ["ReadWriteMany"]
    persistent_volume_source {
      nfs {
        server = "10.0.0.2"
        path   = "/srv/${var.namespace}/${var.name}"
      }
    }
  }
}

resource "kubernetes_persistent_volume_claim" "this" {
  metadata {
    name      = var.name
    namespace = var.namespace
  }
  spec {
    access_modes = ["ReadWriteMany"]
    volume_name  = kubernetes_persistent_volume.this.metadata[0].name
    resources {
      requests = {
        storage = var.size
      }
    }
  }
}
"#,
    ),
];
