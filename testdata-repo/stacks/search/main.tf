locals {
  old_image     = "docker.io/searx/searx:1.1.0" # nobody reads this since the move
  searxng_image = "docker.io/searxng/searxng:2026.1.4-0d4f8e2"
  user_agent    = "searxng/1.0 (+https://search.example.org)"
}

variable "proxy_image" {
  type    = string
  default = "docker.io/library/haproxy:3.0"
}

resource "kubernetes_namespace" "search" {
  metadata {
    name = "search"
    labels = {
      tier = "apps"
      "keel.sh/enrolled" = "true"
    }
  }
}

resource "kubernetes_deployment" "searxng" {
  metadata {
    name      = "searxng"
    namespace = kubernetes_namespace.search.metadata[0].name
  }
  spec {
    replicas = 1
    selector {
      match_labels = { app = "searxng" }
    }
    template {
      metadata {
        labels = { app = "searxng" }
      }
      spec {
        container {
          name  = "searxng"
          image = local.searxng_image
        }
      }
    }
  }
}

module "cache" {
  source    = "../../modules/valkey"
  name      = "search"
  namespace = kubernetes_namespace.search.metadata[0].name
}
