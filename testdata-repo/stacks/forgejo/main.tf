# Git hosting; the namespace is older than the fork.

resource "kubernetes_namespace" "git" {
  metadata {
    name = "git"
    labels = {
      tier = "apps"
      "keel.sh/enrolled" = "true"
    }
  }
}

resource "kubernetes_deployment" "forgejo" {
  metadata {
    name      = "forgejo"
    namespace = kubernetes_namespace.git.metadata[0].name
    annotations = {
      "keel.sh/policy" = "minor"
    }
  }
  spec {
    replicas = 1
    selector {
      match_labels = { app = "forgejo" }
    }
    template {
      metadata {
        labels = { app = "forgejo" }
      }
      spec {
        container {
          name  = "forgejo"
          image = "codeberg.org/forgejo/forgejo:9"
        }
      }
    }
  }
  lifecycle {
    ignore_changes = [
      metadata[0].annotations["keel.sh/policy"],
      spec[0].template[0].spec[0].container[0].image, # KEEL_IGNORE_IMAGE — Keel owns the tag
    ]
  }
}

resource "kubernetes_deployment" "runner" {
  metadata {
    name      = "forgejo-runner"
    namespace = kubernetes_namespace.git.metadata[0].name
  }
  spec {
    replicas = 1
    selector {
      match_labels = { app = "forgejo-runner" }
    }
    template {
      metadata {
        labels = { app = "forgejo-runner" }
      }
      spec {
        container {
          name  = "runner"
          image = "code.forgejo.org/forgejo/runner:4.0.1"
        }
        container {
          name  = "dind"
          image = "docker:27-dind"
          security_context {
            privileged = true
          }
        }
      }
    }
  }
}

module "cache" {
  source    = "../../modules/valkey"
  name      = "git"
  namespace = kubernetes_namespace.git.metadata[0].name
}

module "backup" {
  source    = "../../modules/db-backup"
  name      = "forgejo"
  namespace = kubernetes_namespace.git.metadata[0].name
}
