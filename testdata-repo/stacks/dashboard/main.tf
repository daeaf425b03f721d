terraform {
  required_providers {
    kubernetes = {
      source  = "hashicorp/kubernetes"
      version = "~> 2.35"
    }
    kubectl = { source = "registry.example.org/alekc/kubectl", version = "2.1.3" }
  }
}

locals {
  tiles = [
    { name = "wiki", image = "wikipedia", url = "https://wiki.example.org" },
    { name = "photos", image = "https://img.example.org/photos.png" },
    { name = "feed", image = "image/svg+xml" },
    { name = "none", image = null },
  ]
  theme = {
    image = { pullPolicy = "Always", fit = "cover" }
  }
}

resource "kubernetes_namespace" "dash" {
  metadata {
    name = "dashboard"
    labels = {
      tier = "apps"
      "keel.sh/enrolled" = "true"
    }
  }
}

resource "kubernetes_config_map_v1" "tiles" {
  metadata {
    name      = "tiles"
    namespace = kubernetes_namespace.dash.metadata[0].name
  }
  data = {
    "tiles.json"  = jsonencode(local.tiles)
    "theme.yaml"  = yamlencode(local.theme)
    "widgets.yml" = <<-EOT
      widgets:
        - type: search
          image: https://img.example.org/search.png
        %{ for t in local.tiles ~}
        - type: ${t.name}
        %{ endfor ~}
        - type: picture
          image: wikipedia
    EOT
  }
}

resource "kubernetes_deployment" "dash" {
  metadata {
    name      = "dashboard"
    namespace = kubernetes_namespace.dash.metadata[0].name
    annotations = {
      "keel.sh/policy" = "major"
    }
  }
  spec {
    replicas = 1
    selector {
      match_labels = { app = "dashboard" }
    }
    template {
      metadata {
        labels = { app = "dashboard" }
      }
      spec {
        container {
          name  = "glance"
          image = "docker.io/glanceapp/glance:v0.7.3"
        }
      }
    }
  }
}

resource "helm_release" "extras" {
  name      = "extras"
  namespace = "dashboard"
  chart     = "oci://charts.example.org/extras"
  values = [yamlencode({
    image     = null
    icon      = { image = "wikipedia" }
    mime      = { image = "image/png" }
    proxyHost = "dashboard.example.org:8443"
  })]
}
