locals {
  namespace = "registry"
  registry  = "registry.example.com:5000"
}

resource "kubernetes_namespace" "registry" {
  metadata {
    name = "registry"
    labels = {
      tier = "apps"
      "keel.sh/enrolled" = "true"
    }
  }
}

resource "kubernetes_deployment" "proxy" {
  metadata {
    name      = "registry-proxy"
    namespace = local.namespace
  }
  spec {
    replicas = 1
    selector {
      match_labels = { app = "registry-proxy" }
    }
    template {
      metadata {
        labels = { app = "registry-proxy" }
      }
      spec {
        container {
          name  = "proxy"
          image = "${local.registry}/library/nginx:1.27-alpine"
        }
        container {
          name  = "tools"
          image = "registry.example.com:5000/tools/debug"
        }
        container {
          name  = "gc"
          image = "docker.io/library/alpine"
          command = ["crond", "-f"]
        }
        container {
          name  = "log"
          image = "alpine"
          command = ["tail", "-F", "/var/log/registry.log"]
        }
      }
    }
  }
}

resource "kubernetes_deployment" "store" {
  metadata {
    name      = "registry-store"
  }
  spec {
    replicas = 1
    selector {
      match_labels = { app = "registry-store" }
    }
    template {
      metadata {
        labels = { app = "registry-store" }
      }
      spec {
        container {
          name  = "registry"
          image = "registry:2.8.3"
        }
      }
    }
  }
}
