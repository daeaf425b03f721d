locals {
  ffmpeg_version = "7.1"
}

resource "kubernetes_namespace" "transcode" {
  metadata {
    name = "transcode"
    labels = {
      tier = "apps"
      "keel.sh/enrolled" = "true"
    }
  }
}

resource "kubernetes_deployment" "tdarr" {
  metadata {
    name      = "tdarr-node"
    namespace = kubernetes_namespace.transcode.metadata[0].name
  }
  spec {
    replicas = 1
    selector {
      match_labels = { app = "tdarr-node" }
    }
    template {
      metadata {
        labels = { app = "tdarr-node" }
      }
      spec {
        container {
          name  = "node"
          image = "lscr.io/linuxserver/ffmpeg:${local.ffmpeg_version}-cli-ls12"
        }
      }
    }
  }
}
