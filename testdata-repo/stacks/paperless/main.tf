resource "kubernetes_namespace" "paperless" {
  metadata {
    name = "paperless"
    labels = {
      tier = "apps"
      "keel.sh/enrolled" = "true"
    }
  }
}

resource "kubernetes_deployment" "paperless" {
  metadata {
    name      = "paperless-ngx"
    namespace = kubernetes_namespace.paperless.metadata[0].name
  }
  spec {
    replicas = 1
    selector {
      match_labels = { app = "paperless-ngx" }
    }
    template {
      metadata {
        labels = { app = "paperless-ngx" }
      }
      spec {
        init_container {
          name    = "wait-for-db"
          image   = "docker.io/library/busybox:1.37"
          command = ["sh", "-c", "echo docker.io/library/busybox:1.30 && nc -z db 5432"]
        }
        container {
          name = "paperless"
          # image = "ghcr.io/paperless-ngx/paperless-ngx:2.11"
          image = "ghcr.io/paperless-ngx/paperless-ngx:2.13" # was ghcr.io/paperless-ngx/paperless-ngx:2.13 on the old host
          # image = "ghcr.io/paperless-ngx/paperless-ngx:dev"
          image_pull_policy = "IfNotPresent"
        }
        container {
          name  = "gotenberg"
          image = "docker.io/gotenberg/gotenberg:8.7"
          args  = ["gotenberg", "--chromium-disable-javascript=true"]
        }
        container {
          name  = "tika"
          image = "docker.io/apache/tika:2.9.2.1-full" // docker.io/apache/tika:latest is broken
        }
      }
    }
  }
  lifecycle {
    ignore_changes = [
      spec[0].template[0].spec[0].dns_config, # KYVERNO_LIFECYCLE_V1
      spec[0].template[0].spec[0].container[0].image, # KEEL_IGNORE_IMAGE — Keel owns the tag
    ]
  }
}

module "cache" {
  source    = "../../modules/valkey"
  name      = "paperless"
  namespace = kubernetes_namespace.paperless.metadata[0].name
}

# resource "kubernetes_deployment" "old_consumer" {
#   spec {
#     container {
#       image = "docker.io/jonaswinkler/paperless-ng:1.5.0"
#     }
#   }
# }
/*
locals {
  consumer_image = "docker.io/jonaswinkler/paperless-ng:1.4.0"
}
*/
