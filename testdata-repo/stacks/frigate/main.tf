variable "frigate_version" {
  type    = string
  default = "0.16.1"
}

resource "kubernetes_namespace" "frigate" {
  metadata {
    name = "frigate"
    labels = {
      tier = "apps"
      "keel.sh/enrolled" = "true"
    }
  }
}

resource "kubernetes_deployment" "frigate" {
  metadata {
    name      = "frigate"
    namespace = kubernetes_namespace.frigate.metadata[0].name
  }
  spec {
    replicas = 1
    selector {
      match_labels = { app = "frigate" }
    }
    template {
      metadata {
        labels = { app = "frigate" }
      }
      spec {
        container {
          name  = "frigate"
          image = "ghcr.io/blakeblackshear/frigate:${var.frigate_version}-tensorrt"
        }
      }
    }
  }
}

resource "kubernetes_deployment" "notify" {
  metadata {
    name      = "frigate-notify"
    namespace = kubernetes_namespace.frigate.metadata[0].name
  }
  spec {
    replicas = 1
    selector {
      match_labels = { app = "frigate-notify" }
    }
    template {
      metadata {
        labels = { app = "frigate-notify" }
      }
      spec {
        container {
          name  = "notify"
          image = "ghcr.io/0x2142/frigate-notify:${var.frigate_version}"
        }
      }
    }
  }
}
