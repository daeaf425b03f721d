variable "name" {
  type = string
}

variable "namespace" {
  type = string
}

locals {
  image = "docker.io/valkey/valkey:8.1-alpine"
}

resource "kubernetes_deployment" "this" {
  metadata {
    name      = "${var.name}-valkey"
    namespace = var.namespace
  }
  spec {
    replicas = 1
    selector {
      match_labels = { app = "${var.name}-valkey" }
    }
    template {
      metadata {
        labels = { app = "${var.name}-valkey" }
      }
      spec {
        container {
          name  = "valkey"
          image = local.image
          args  = ["--save", "", "--loglevel", "warning"]
        }
      }
    }
  }
}
