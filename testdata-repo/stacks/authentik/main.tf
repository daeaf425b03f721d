locals {
  server_image = "ghcr.io/goauthentik/server:${var.image_tag}"
}

resource "kubernetes_namespace" "auth" {
  metadata {
    name = "auth"
    labels = {
      tier = "apps"
      "keel.sh/enrolled" = "true"
    }
  }
}

resource "kubernetes_deployment" "server" {
  metadata {
    name      = "authentik-server"
    namespace = kubernetes_namespace.auth.metadata[0].name
  }
  spec {
    replicas = 1
    selector {
      match_labels = { app = "authentik-server" }
    }
    template {
      metadata {
        labels = { app = "authentik-server" }
      }
      spec {
        container {
          name  = "server"
          image = local.server_image
          args  = ["server"]
        }
      }
    }
  }
}

resource "kubernetes_deployment" "worker" {
  metadata {
    name      = "authentik-worker"
    namespace = kubernetes_namespace.auth.metadata[0].name
  }
  spec {
    replicas = 1
    selector {
      match_labels = { app = "authentik-worker" }
    }
    template {
      metadata {
        labels = { app = "authentik-worker" }
      }
      spec {
        container {
          name  = "worker"
          image = local.server_image
          args  = ["worker"]
        }
      }
    }
  }
}

resource "kubernetes_deployment" "ldap" {
  metadata {
    name      = "authentik-ldap"
    namespace = kubernetes_namespace.auth.metadata[0].name
  }
  spec {
    replicas = 1
    selector {
      match_labels = { app = "authentik-ldap" }
    }
    template {
      metadata {
        labels = { app = "authentik-ldap" }
      }
      spec {
        container {
          name  = "ldap"
          image = "ghcr.io/goauthentik/ldap:${var.image_tag}"
        }
      }
    }
  }
  lifecycle {
    ignore_changes = [
      spec[0].template[0].spec[0].container[0].image,
    ]
  }
}

module "cache" {
  source    = "../../modules/valkey"
  name      = "auth"
  namespace = kubernetes_namespace.auth.metadata[0].name
}

module "backup" {
  source    = "../../modules/db-backup"
  name      = "authentik"
  namespace = kubernetes_namespace.auth.metadata[0].name
  image     = "docker.io/library/postgres:16-alpine"
}
