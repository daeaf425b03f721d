variable "name" {
  type = string
}

variable "namespace" {
  type = string
}

variable "release" {
  type        = string
  description = "upstream release without the accelerator suffix"
}

resource "kubernetes_daemonset" "worker" {
  metadata {
    name      = var.name
    namespace = var.namespace
  }
  spec {
    selector {
      match_labels = { app = var.name }
    }
    template {
      metadata {
        labels = { app = var.name }
      }
      spec {
        container {
          name  = "worker"
          image = "docker.io/pytorch/pytorch:${var.release}-cuda12.4-cudnn9-runtime"
        }
      }
    }
  }
}
