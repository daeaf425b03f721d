variable "namespace" {
  type = string
}

variable "image_tag" {
  type    = string
  default = "latest"
}

locals {
  image = "docker.io/vabene1111/recipes:${var.image_tag}"
}

resource "kubernetes_deployment" "app" {
  metadata {
    name      = "tandoor"
    namespace = var.namespace
  }
  spec {
    replicas = 1
    selector {
      match_labels = { app = "tandoor" }
    }
    template {
      metadata {
        labels = { app = "tandoor" }
      }
      spec {
        container {
          name  = "recipes"
          image = local.image
        }
      }
    }
  }
}

resource "kubernetes_job_v1" "migrate" {
  metadata {
    name      = "tandoor-migrate"
    namespace = var.namespace
  }
  spec {
    template {
      metadata {}
      spec {
        restart_policy = "Never"
        container {
          name    = "migrate"
          image   = local.image
          command = ["python3", "manage.py", "migrate"]
        }
      }
    }
  }
}
