locals {
  annotations = {
    "example.com/team" = "apps"
  }
}

resource "kubernetes_namespace" "bookmarks" {
  metadata {
    name = "bookmarks"
    labels = {
      "keel.sh/enrolled" = "true"
    }
  }
}

resource "kubernetes_deployment" "karakeep" {
  metadata {
    name      = "karakeep"
    namespace = kubernetes_namespace.bookmarks.metadata[0].name
    annotations = merge(local.annotations, {
      "keel.sh/policy"       = "force" # follows the release
      "keel.sh/pollSchedule" = "@every 1h"
    })
  }
  spec {
    selector {
      match_labels = { app = "karakeep" }
    }
    template {
      metadata {
        labels = { app = "karakeep" }
      }
      spec {
        init_container {
          name  = "migrate"
          image = "ghcr.io/karakeep-app/karakeep:release"
        }
        container {
          name              = "web"
          image             = "ghcr.io/karakeep-app/karakeep:release"
          image_pull_policy = "Always"
        }
        container {
          name  = "meilisearch"
          image = "docker.io/getmeili/meilisearch:v1.13.3"
        }
      }
    }
  }
  lifecycle {
    ignore_changes = [
      # scaled by hand
      spec[0].replicas,
      metadata[0].annotations["keel.sh/policy"], metadata[0].annotations["keel.sh/trigger"],
      spec[0].template[0].spec[0].init_container[0].image, spec[0].template[0].spec[0].container[0].image # KEEL_IGNORE_IMAGE
    ]
  }
}

resource "kubernetes_deployment" "chrome" {
  metadata {
    name      = "chrome"
    namespace = kubernetes_namespace.bookmarks.metadata[0].name
  }
  spec {
    selector {
      match_labels = { app = "chrome" }
    }
    template {
      metadata {
        labels = { app = "chrome" }
      }
      spec {
        container {
          name  = "chrome"
          image = "gcr.io/zenika-hub/alpine-chrome:124"
        }
      }
    }
  }

  lifecycle {
    ignore_changes = [spec.0.template.0.spec.0.container.0.image] # KEEL_IGNORE_IMAGE
  }
}
