# What HCL allows: a key twice, an operator at the start of a line in a for, resource.TYPE.NAME.
provider "kubernetes" {}

locals {
  images = {
    api = "ghcr.io/acme/parser:4.0.0"
    api = "ghcr.io/acme/parser:4.0.1"
  }
  hosts = {
    for name, port in { api = 80 } : name => port > 100
    ? "high"
    : "low"
  }
}

resource "kubernetes_namespace" "parser" {
  metadata {
    name = "parser"
  }
}

resource "kubernetes_pod_v1" "api" {
  metadata {
    name      = "parser-api"
    namespace = resource.kubernetes_namespace.parser.id
  }
  spec {
    container {
      name  = "api"
      image = local.images.api
    }
  }
}
