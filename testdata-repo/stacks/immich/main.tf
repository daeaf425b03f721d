locals {
  # Server and worker are one program and move together; ml follows the same releases.
  server_image = "ghcr.io/immich-app/immich-server:release"
}

resource "kubernetes_namespace" "immich" {
  metadata {
    name = "immich"
    labels = {
      tier = "apps"
      "keel.sh/enrolled" = "true"
    }
  }
}

resource "kubernetes_deployment" "server" {
  metadata {
    name      = "immich-server"
    namespace = kubernetes_namespace.immich.metadata[0].name
    annotations = {
      "keel.sh/policy"       = "force"
      "keel.sh/match-tag"    = "true"
      "keel.sh/pollSchedule" = "@every 1h"
    }
  }
  spec {
    replicas = 1
    selector {
      match_labels = { app = "immich-server" }
    }
    template {
      metadata {
        labels = { app = "immich-server" }
      }
      spec {
        container {
          name  = "immich-server"
          image = local.server_image
        }
      }
    }
  }
  lifecycle {
    ignore_changes = [
      spec[0].template[0].spec[0].dns_config, # KYVERNO_LIFECYCLE_V1
      spec[0].template[0].spec[0].container[0].image, # KEEL_IGNORE_IMAGE — Keel owns the tag
      spec[0].template[0].metadata[0].annotations["keel.sh/update-time"], # KEEL_LIFECYCLE_V1
    ]
  }
}

resource "kubernetes_deployment" "microservices" {
  metadata {
    name      = "immich-microservices"
    namespace = kubernetes_namespace.immich.metadata[0].name
  }
  spec {
    replicas = 1
    selector {
      match_labels = { app = "immich-microservices" }
    }
    template {
      metadata {
        labels = { app = "immich-microservices" }
      }
      spec {
        container {
          name  = "worker"
          image = local.server_image
          env {
            name  = "IMMICH_WORKERS_INCLUDE"
            value = "microservices"
          }
        }
      }
    }
  }
  lifecycle {
    ignore_changes = [
      spec[0].template[0].spec[0].container[0].image, # KEEL_IGNORE_IMAGE — Keel owns the tag
    ]
  }
}

resource "kubernetes_deployment" "ml" {
  metadata {
    name      = "immich-machine-learning"
    namespace = kubernetes_namespace.immich.metadata[0].name
  }
  spec {
    replicas = 1
    selector {
      match_labels = { app = "immich-machine-learning" }
    }
    template {
      metadata {
        labels = { app = "immich-machine-learning" }
      }
      spec {
        container {
          name  = "ml"
          image = "ghcr.io/immich-app/immich-machine-learning:release"
        }
      }
    }
  }
  lifecycle {
    ignore_changes = [
      spec[0].template[0].spec[0].container[0].image,
      metadata[0].annotations["deployment.kubernetes.io/revision"],
    ]
  }
}

resource "kubernetes_stateful_set" "postgres" {
  metadata {
    name      = "immich-postgres"
    namespace = kubernetes_namespace.immich.metadata[0].name
  }
  spec {
    replicas = 1
    service_name = "db"
    selector {
      match_labels = { app = "immich-postgres" }
    }
    template {
      metadata {
        labels = { app = "immich-postgres" }
      }
      spec {
        # do not bump: the vector extension and the dump format are tied to this build
        container {
          name  = "postgres"
          image = "ghcr.io/immich-app/postgres:15-vectorchord0.4.3-pgvectors0.2.0"
        }
      }
    }
  }
}

module "cache" {
  source    = "../../modules/valkey"
  name      = "immich"
  namespace = kubernetes_namespace.immich.metadata[0].name
}
