variable "image_tag" {
  type    = string
  default = "4.2"
}

resource "kubernetes_deployment" "app" {
  metadata {
    name      = "legacy-app"
    namespace = "legacy"
  }
  spec {
    replicas = 1
    selector {
      match_labels = { app = "legacy-app" }
    }
    template {
      metadata {
        labels = { app = "legacy-app" }
      }
      spec {
        container {
          name  = "app"
          image = "docker.io/library/rails:${var.image_tag}"
        }
        container {
          name  = "sidecar"
          image = "docker.io/library/memcached:1.5"
        }
      }
    }
  }
}
