variable "name" {
  type = string
}

variable "namespace" {
  type = string
}

variable "pg_version" {
  type = string
}

resource "kubectl_manifest" "cluster" {
  yaml_body = <<-YAML
    apiVersion: postgresql.cnpg.io/v1
    kind: Cluster
    metadata:
      name: ${var.name}
      namespace: ${var.namespace}
    spec:
      instances: 3
      imageName: ghcr.io/cloudnative-pg/postgresql:${var.pg_version}
      storage:
        size: 20Gi
  YAML
}
