resource "kubernetes_namespace" "broken" {
  metadata {
    name = "broken"
  }
}

resource "kubernetes_deployment" "broken" {
  metadata {
    name = "broken
    namespace = "broken"
  }
  spec {
    template {
      spec {
        container {
          name  = "app"
          image = "docker.io/library/httpd:2.4"
        }
      }
    }
  }
