//! The ordinary resources that make up most lines of an infra repo, traps among them. None of them
//! decides an image.

use super::Maker;
use super::names::weighted;
use super::page::Page;
use super::stack::Stack;

/// Terragrunt's parent of every stack.
pub const PARENT: &str = r#"# Parent of every stack: state, providers, and the encrypted settings all of them share.
remote_state {
  backend = "s3"
  config = {
    bucket   = "tfstate"
    key      = "${path_relative_to_include()}/terraform.tfstate"
    endpoint = "https://s3.example.org"
  }
}

terraform {
  extra_arguments "common_vars" {
    commands           = get_terraform_commands_that_need_vars()
    required_var_files = ["${get_parent_terragrunt_dir()}/config.tfvars"]
  }
}

generate "providers" {
  path      = "providers.tf"
  if_exists = "overwrite"
  contents  = <<EOF
provider "kubernetes" {
  config_path = "~/.kube/config"
}
EOF
}
"#;

/// Adds about so many lines to the stack, in `main.tf` and in up to three files beside it.
pub fn fill(stack: &mut Stack, maker: &mut Maker, lines: usize) {
    let mut pages: Vec<Page> = ["config.tf", "network.tf", "storage.tf"]
        .iter()
        .map(|name| Page::new(format!("{}/{name}", stack.root)))
        .collect();
    pages.truncate(maker.rng.usize(..4));
    let mut written = 0;
    while written < lines {
        let template = weighted(&mut maker.rng, &TEMPLATES);
        let (n, random) = (stack.serial(), maker.rng.u16(..));
        let text = template
            .replace("@n@", &n.to_string())
            .replace("@app@", &stack.app)
            .replace("@r@", &random.to_string());
        let at = maker.rng.usize(..=pages.len());
        let page = if at == 0 {
            &mut stack.page
        } else {
            &mut pages[at - 1]
        };
        let before = page.lines();
        page.text(&text);
        written += page.lines() - before;
    }
    maker
        .pages
        .extend(pages.into_iter().filter(|page| page.lines() > 0));
}

const TEMPLATES: [(&str, u32); 17] = [
    (SERVICE, 14),
    (INGRESS, 14),
    (CLAIM, 8),
    (CONFIG, 8),
    (SCRIPT, 8),
    (SECRET, 6),
    (POLICY, 6),
    (MONITOR, 6),
    (DASHBOARD, 4),
    (CARDS, 2),
    (RECORD, 8),
    (OUTPUT, 6),
    (EXEC, 2),
    (COMMENTED, 3),
    (SETTINGS, 5),
    (EXTERNAL, 8),
    (ROLE, 6),
];

const SERVICE: &str = r#"
resource "kubernetes_service" "service_@n@" {
  metadata {
    name      = "@app@-@n@"
    namespace = kubernetes_namespace.this.metadata[0].name
    labels = {
      app = "@app@"
    }
  }
  spec {
    selector = {
      app = "@app@"
    }
    port {
      name        = "http"
      port        = 80
      target_port = 8080
    }
    port {
      name        = "metrics"
      port        = 9090
      target_port = "metrics"
    }
  }
}
"#;

const INGRESS: &str = r#"
resource "kubernetes_ingress_v1" "ingress_@n@" {
  metadata {
    name      = "@app@-@n@"
    namespace = kubernetes_namespace.this.metadata[0].name
    annotations = {
      "traefik.ingress.kubernetes.io/router.entrypoints" = "websecure"
      "traefik.ingress.kubernetes.io/router.middlewares" = "traefik-rate-limit@kubernetescrd,traefik-auth@kubernetescrd"
      "gethomepage.dev/enabled"                          = "true"
      "gethomepage.dev/name"                             = title("@app@")
      "gethomepage.dev/icon"                             = "${local.app}.png"
      "external-dns.alpha.kubernetes.io/target"          = "${local.host}."
    }
  }
  spec {
    ingress_class_name = "traefik"
    tls {
      hosts       = ["@n@-${local.host}"]
      secret_name = "tls-secret"
    }
    rule {
      host = "@n@-${local.host}"
      http {
        path {
          path      = "/"
          path_type = "Prefix"
          backend {
            service {
              name = "@app@"
              port {
                number = 80
              }
            }
          }
        }
      }
    }
  }
}
"#;

const CLAIM: &str = r#"
resource "kubernetes_persistent_volume_claim" "claim_@n@" {
  wait_until_bound = false
  metadata {
    name      = "@app@-data-@n@"
    namespace = kubernetes_namespace.this.metadata[0].name
    annotations = {
      "resize.topolvm.io/threshold" = "10%"
      "resize.topolvm.io/increase"  = "20%"
    }
  }
  spec {
    access_modes       = ["ReadWriteOnce"]
    storage_class_name = "proxmox-lvm"
    resources {
      requests = {
        storage = "10Gi"
      }
    }
  }
}
"#;

const CONFIG: &str = r#"
resource "kubernetes_config_map" "config_@n@" {
  metadata {
    name      = "@app@-config-@n@"
    namespace = kubernetes_namespace.this.metadata[0].name
  }
  data = {
    "app.yaml" = <<-EOT
      server:
        listen: 0.0.0.0:8080
        base_url: https://${local.host}
        trusted_proxies:
          - 10.0.0.0/8
          - 192.168.0.0/16
      storage:
        path: /data
        retention: 30d
      log:
        level: info
        format: json
      theme:
        image: https://cdn.example.org/background-@r@.png
        favicon: image/png
      jobs:
        - name: cleanup
          schedule: "0 4 * * *"
        - name: report
          schedule: "30 6 * * 1"
    EOT
    "app.ini" = <<-EOT
      [main]
      threads = 4
      secret = $${SECRET}
      [cache]
      ttl = 3600
    EOT
  }
}
"#;

const SCRIPT: &str = r#"
resource "kubernetes_config_map" "scripts_@n@" {
  metadata {
    name      = "@app@-scripts-@n@"
    namespace = kubernetes_namespace.this.metadata[0].name
  }
  data = {
    "backup.sh" = <<-EOT
      #!/bin/sh
      set -eu
      # Pulls the tool first: docker.io/library/alpine:3.19 was the last that worked.
      docker pull docker.io/library/postgres:16-alpine
      now=$(date +%Y-%m-%d)
      target="/backup/${local.app}-$now.sql.gz"
      docker run --rm -e image=x ghcr.io/northwind/dump:v1.2.3 pg_dump --host "$DB_HOST" --user "$DB_USER" | gzip > "$target"
      find /backup -name '*.gz' -mtime +14 -delete
      for peer in one two three; do
        rsync -a "$target" "$peer:/backup/" || echo "could not reach $peer" >&2
      done
      curl -fsS -X POST "https://push.example.org/metrics/job/@app@" --data-binary @- <<METRICS
      backup_last_success $(date +%s)
      backup_size_bytes $(stat -c %s "$target")
      METRICS
    EOT
  }
}
"#;

const SECRET: &str = r#"
resource "random_password" "password_@n@" {
  length  = 32
  special = false
}

resource "kubernetes_secret" "secret_@n@" {
  metadata {
    name      = "@app@-secret-@n@"
    namespace = kubernetes_namespace.this.metadata[0].name
  }
  data = {
    "password" = random_password.password_@n@.result
    "url"      = "postgresql://@app@:${random_password.password_@n@.result}@db.example.org:5432/@app@"
  }
  type = "Opaque"
}
"#;

const POLICY: &str = r#"
resource "kubernetes_network_policy" "policy_@n@" {
  metadata {
    name      = "@app@-@n@"
    namespace = kubernetes_namespace.this.metadata[0].name
  }
  spec {
    pod_selector {
      match_labels = {
        app = "@app@"
      }
    }
    policy_types = ["Ingress", "Egress"]
    ingress {
      from {
        namespace_selector {
          match_labels = {
            "kubernetes.io/metadata.name" = "traefik"
          }
        }
      }
      ports {
        port     = "8080"
        protocol = "TCP"
      }
    }
    egress {
      to {
        ip_block {
          cidr   = "0.0.0.0/0"
          except = ["10.0.0.0/8", "192.168.0.0/16"]
        }
      }
    }
  }
}
"#;

const MONITOR: &str = r#"
resource "kubernetes_manifest" "monitor_@n@" {
  manifest = {
    apiVersion = "monitoring.coreos.com/v1"
    kind       = "ServiceMonitor"
    metadata = {
      name      = "@app@-@n@"
      namespace = local.namespace
      labels = {
        release = "prometheus"
      }
    }
    spec = {
      selector = {
        matchLabels = {
          app = "@app@"
        }
      }
      endpoints = [
        {
          port     = "metrics"
          interval = "60s"
          path     = "/metrics"
        },
      ]
    }
  }
}
"#;

const EXTERNAL: &str = r#"
resource "kubectl_manifest" "external_@n@" {
  yaml_body = <<-YAML
    apiVersion: external-secrets.io/v1
    kind: ExternalSecret
    metadata:
      name: @app@-external-@n@
      namespace: ${local.namespace}
    spec:
      refreshInterval: 15m
      secretStoreRef:
        name: vault
        kind: ClusterSecretStore
      target:
        name: @app@-external-@n@
      data:
        - secretKey: token
          remoteRef:
            key: secret/data/@app@
            property: token
        - secretKey: password
          remoteRef:
            key: secret/data/@app@
            property: password
  YAML
}
"#;

const DASHBOARD: &str = r##"
resource "kubernetes_config_map" "dashboard_@n@" {
  metadata {
    name      = "@app@-dashboard-@n@"
    namespace = "monitoring"
    labels = {
      grafana_dashboard = "1"
    }
  }
  data = {
    "@app@.json" = jsonencode({
      title         = "@app@ @n@"
      uid           = "@app@-@n@"
      schemaVersion = 39
      refresh       = "30s"
      panels = [
        {
          id      = 1
          type    = "timeseries"
          title   = "Requests"
          gridPos = { h = 8, w = 12, x = 0, y = 0 }
          targets = [
            {
              refId        = "A"
              expr         = "sum(rate(http_requests_total{namespace=\"@app@\",code=~\"2..\"}[5m])) by (pod)"
              legendFormat = "{{pod}}"
            },
          ]
        },
        {
          id      = 2
          type    = "timeseries"
          title   = "Memory"
          gridPos = { h = 8, w = 12, x = 12, y = 0 }
          targets = [
            {
              refId = "A"
              expr  = "container_memory_working_set_bytes{namespace=\"@app@\",image!=\"\"}"
            },
          ]
          fieldConfig = { defaults = { unit = "bytes", thresholds = { steps = [{ color = "green", value = null }, { color = "red", value = @r@ }] } } }
        },
        {
          id      = 3
          type    = "stat"
          title   = "Restarts"
          gridPos = { h = 4, w = 6, x = 0, y = 8 }
          targets = [{ refId = "A", expr = "sum(increase(kube_pod_container_status_restarts_total{namespace=\"@app@\"}[1d]))" }]
        },
      ]
      templating = { list = [] }
      time       = { from = "now-6h", to = "now" }
    })
  }
}
"##;

const CARDS: &str = r#"
resource "kubernetes_config_map" "cards_@n@" {
  metadata {
    name      = "@app@-cards-@n@"
    namespace = kubernetes_namespace.this.metadata[0].name
  }
  data = {
    "cards.json" = jsonencode({
      cards = [
        { title = "Wiki", image = "wikipedia", pullPolicy = { image = null } },
        { title = "Photos", image = "https://photos.example.org/logo-@r@.svg" },
        { title = "Type", image = "image/png" },
      ]
      allowed = { image = join(" | ", ["docker.io/*", "ghcr.io/*"]) }
    })
  }
}
"#;

const RECORD: &str = r#"
resource "cloudflare_record" "record_@n@" {
  zone_id = var.namespace
  name    = "@app@-@n@"
  content = "10.0.@n@.1"
  type    = "A"
  proxied = true
  ttl     = 1
}
"#;

const OUTPUT: &str = r#"
variable "setting_@n@" {
  type        = string
  default     = "@r@"
  description = "Passed to the application as it is"
}

output "setting_@n@" {
  value = "${var.setting_@n@}-${local.app}"
}
"#;

const EXEC: &str = r#"
resource "null_resource" "warm_@n@" {
  triggers = {
    always = timestamp()
  }
  provisioner "local-exec" {
    command = "crictl pull docker.io/library/golang:1.23 && echo image = docker.io/library/rust:1.83"
  }
  depends_on = [kubernetes_namespace.this]
}
"#;

const COMMENTED: &str = r#"
# resource "kubernetes_deployment" "old_@n@" {
#   metadata {
#     name = "@app@-old"
#   }
#   spec {
#     template {
#       spec {
#         container {
#           name  = "old"
#           image = "docker.io/library/redis:6.2"
#         }
#       }
#     }
#   }
# }
/* image = "docker.io/library/redis:7.0"
   is what it ran before. */
"#;

const SETTINGS: &str = r#"
locals {
  settings_@n@ = {
    for key, value in {
      "LOG_LEVEL" = "info"
      "BASE_URL"  = "https://${local.host}"
      "WORKERS"   = @r@ > 30000 ? 4 : 2
      "PEERS"     = join(",", [for i in range(3) : "${local.app}-${i}"])
    } : lower(key) => tostring(value)
  }
  flags_@n@ = merge({ debug = false }, { tracing = true, region = upper("eu-1") })
}
"#;

const ROLE: &str = r#"
resource "kubernetes_role" "role_@n@" {
  metadata {
    name      = "@app@-@n@"
    namespace = kubernetes_namespace.this.metadata[0].name
  }
  rule {
    api_groups = [""]
    resources  = ["pods", "configmaps"]
    verbs      = ["get", "list", "watch"]
  }
}

resource "kubernetes_role_binding" "binding_@n@" {
  metadata {
    name      = "@app@-@n@"
    namespace = kubernetes_namespace.this.metadata[0].name
  }
  role_ref {
    api_group = "rbac.authorization.k8s.io"
    kind      = "Role"
    name      = kubernetes_role.role_@n@.metadata[0].name
  }
  subject {
    kind      = "ServiceAccount"
    name      = "default"
    namespace = kubernetes_namespace.this.metadata[0].name
  }
}
"#;
