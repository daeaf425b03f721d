resource "kubernetes_namespace" "db" {
  metadata {
    name = "databases"
    labels = {
      tier = "apps"
      "keel.sh/enrolled" = "true"
    }
  }
}

module "main" {
  source     = "../../modules/pg-cluster"
  name       = "main"
  namespace  = kubernetes_namespace.db.metadata[0].name
  pg_version = "16.4-bookworm" # do not bump without a dump
}

resource "kubectl_manifest" "analytics" {
  yaml_body = <<YAML
apiVersion: postgresql.cnpg.io/v1
kind: Cluster
metadata:
  name: analytics
  namespace: databases
spec:
  instances: 1
  imageName: ghcr.io/cloudnative-pg/postgresql:17.2
YAML
}

resource "kubernetes_manifest" "pooler" {
  manifest = {
    apiVersion = "postgresql.cnpg.io/v1"
    kind       = "Pooler"
    metadata = {
      name      = "main-rw"
      namespace = "databases"
    }
    spec = {
      cluster   = { name = "main" }
      instances = 2
      template = {
        spec = {
          containers = [
            { name = "pgbouncer", image = "ghcr.io/cloudnative-pg/pgbouncer:1.23.0" },
          ]
        }
      }
    }
  }
}
