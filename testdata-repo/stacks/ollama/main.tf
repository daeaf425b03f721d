locals {
  image     = "docker.io/ollama/ollama"
  image_tag = "0.5.4"
}

resource "kubernetes_namespace" "ollama" {
  metadata {
    name = "ollama"
    labels = {
      tier = "apps"
      "keel.sh/enrolled" = "true"
    }
  }
}

resource "kubernetes_deployment" "ollama" {
  metadata {
    name      = "ollama"
    namespace = kubernetes_namespace.ollama.metadata[0].name
  }
  spec {
    replicas = 1
    selector {
      match_labels = { app = "ollama" }
    }
    template {
      metadata {
        labels = { app = "ollama" }
      }
      spec {
        init_container {
          name  = "pull"
          image = "${local.image}:${local.image_tag}"
          command = ["ollama", "pull", "llama3.2:3b"]
        }
        container {
          name  = "ollama"
          image = "${local.image}:${local.image_tag}"
        }
      }
    }
  }
  lifecycle {
    ignore_changes = [
      spec[0].template[0].spec[0].init_container[0].image,
      spec[0].template[0].spec[0].container[0].image, # KEEL_IGNORE_IMAGE — Keel owns the tag
    ]
  }
}

module "whisper" {
  source    = "../../modules/gpu-worker"
  name      = "whisper"
  namespace = kubernetes_namespace.ollama.metadata[0].name
  release   = "2.4.0"
}

module "diarize" {
  source    = "../../modules/gpu-worker"
  name      = "diarize"
  namespace = kubernetes_namespace.ollama.metadata[0].name
  release   = "2.3.1"
}
