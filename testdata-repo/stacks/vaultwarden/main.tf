resource "kubernetes_namespace" "vaultwarden" {
  metadata {
    name = "vaultwarden"
    labels = {
      tier = "apps"
    }
  }
}

resource "kubernetes_deployment" "vaultwarden" {
  metadata {
    name      = "vaultwarden"
    namespace = kubernetes_namespace.vaultwarden.metadata[0].name
    annotations = {
      "keel.sh/policy" = "never" # hand-rolled after the 1.29 lockout
    }
  }
  spec {
    replicas = 1
    selector {
      match_labels = { app = "vaultwarden" }
    }
    template {
      metadata {
        labels = { app = "vaultwarden" }
      }
      spec {
        container {
          name  = "vaultwarden"
          image = "vaultwarden/server:1.32.5-alpine" # pintle: never
        }
      }
    }
  }
}

module "backup" {
  source    = "../../modules/db-backup"
  name      = "vaultwarden"
  namespace = kubernetes_namespace.vaultwarden.metadata[0].name
}
