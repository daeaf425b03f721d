resource "kubernetes_deployment" "app" {
  metadata {
    name      = var.name
    namespace = var.namespace
  }
  spec {
    replicas = 1
    selector {
      match_labels = { app = var.name }
    }
    template {
      metadata {
        labels = { app = var.name }
      }
      spec {
        container {
          name  = "app"
          image = "${var.image}:${var.image_tag}"
          env {
            name  = "PUBLIC_URL"
            value = "https://${var.name}.${var.domain}"
          }
        }
      }
    }
  }
}
