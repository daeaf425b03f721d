resource "kubernetes_namespace" "nextcloud" {
  metadata {
    name = "nextcloud"
    labels = {
      tier = "apps"
      "keel.sh/enrolled" = "true"
    }
  }
}

resource "kubernetes_deployment" "nextcloud" {
  metadata {
    name      = "nextcloud"
    namespace = kubernetes_namespace.nextcloud.metadata[0].name
  }
  spec {
    replicas = 1
    selector {
      match_labels = { app = "nextcloud" }
    }
    template {
      metadata {
        labels = { app = "nextcloud" }
      }
      spec {
        container {
          name = "nextcloud"
          # pintle: hold until=2027-01-01 by=ana because="broken migration"
          image = "docker.io/library/nextcloud:30-apache"
          command = ["sh", "-c", <<-EOT
            # shellcheck disable=SC2016
            image = "docker.io/library/nextcloud:29"
            exec /entrypoint.sh apache2-foreground
          EOT
          ]
        }
      }
    }
  }
  lifecycle {
    ignore_changes = [
      metadata[0].annotations,
      spec[0].template[0].spec[0].container[0].image, # KEEL_IGNORE_IMAGE — Keel owns the tag
    ]
  }
}

resource "kubernetes_cron_job" "cron" {
  metadata {
    name      = "nextcloud-cron"
    namespace = kubernetes_namespace.nextcloud.metadata[0].name
  }
  spec {
    schedule = "*/5 * * * *"
    job_template {
      metadata {}
      spec {
        template {
          metadata {}
          spec {
            restart_policy = "OnFailure"
            container {
              name  = "cron"
              image = "docker.io/library/nextcloud:30-apache"
            }
          }
        }
      }
    }
  }
}

module "cache" {
  source    = "../../modules/valkey"
  name      = "nextcloud"
  namespace = kubernetes_namespace.nextcloud.metadata[0].name
}
