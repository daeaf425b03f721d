variable "name" {
  type = string
}

variable "namespace" {
  type = string
}

variable "image" {
  type    = string
  default = "docker.io/library/postgres:15.10-alpine"
}

resource "kubernetes_cron_job_v1" "dump" {
  metadata {
    name      = "${var.name}-dump"
    namespace = var.namespace
  }
  spec {
    schedule = "15 3 * * *"
    job_template {
      metadata {}
      spec {
        template {
          metadata {}
          spec {
            restart_policy = "OnFailure"
            container {
              name  = "dump"
              image = var.image
              command = ["/bin/sh", "-c", "pg_dumpall > /backup/all.sql # docker.io/library/postgres:12"]
            }
          }
        }
      }
    }
  }
}
