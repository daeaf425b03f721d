resource "kubernetes_namespace" "CHANGE_ME" {
  metadata {
    name = "CHANGE_ME"
    labels = {
      tier = "apps"
      "keel.sh/enrolled" = "true"
    }
  }
}

resource "kubernetes_deployment" "app" {
  metadata {
    name      = "CHANGE_ME"
    namespace = kubernetes_namespace.CHANGE_ME.metadata[0].name
  }
  spec {
    replicas = 1
    selector {
      match_labels = { app = "CHANGE_ME" }
    }
    template {
      metadata {
        labels = { app = "CHANGE_ME" }
      }
      spec {
        container {
          name  = "app"
          image = "docker.io/library/CHANGE_ME:latest"
        }
      }
    }
  }
}
