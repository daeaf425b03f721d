resource "kubernetes_deployment" "site" {
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
          name  = "nginx"
          image = "docker.io/library/nginx:${var.nginx_tag}"
          volume_mount {
            name       = "html"
            mount_path = "/usr/share/nginx/html"
          }
        }
      }
    }
  }
}
