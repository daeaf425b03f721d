# Applications of Argo CD: strings of YAML inside of YAML, parameters, kustomizations.
provider "kubectl" {}

resource "kubectl_manifest" "web" {
  yaml_body = <<-YAML
    apiVersion: argoproj.io/v1alpha1
    kind: Application
    metadata:
      name: web
      namespace: argocd
    spec:
      source:
        helm:
          values: |
            image:
              repository: ghcr.io/acme/argo-web
              tag: 1.4.2
            side:
              image: "ghcr.io/acme/argo-side:1.4.3"
  YAML
}

resource "kubernetes_manifest" "api" {
  manifest = {
    apiVersion = "argoproj.io/v1alpha1"
    kind       = "Application"
    metadata   = { name = "api", namespace = "argocd" }
    spec = {
      source = {
        helm = {
          values     = yamlencode({ image = { repository = "ghcr.io/acme/argo-api", tag = "1.4.4" } })
          parameters = [{ name = "worker.image", value = "ghcr.io/acme/argo-worker:1.4.5" }]
        }
        kustomize = {
          images = ["proxy=ghcr.io/acme/argo-proxy:1.4.6"]
        }
      }
    }
  }
}

resource "argocd_application" "db" {
  metadata {
    name      = "db"
    namespace = "argocd"
  }
  spec {
    source {
      helm {
        values = <<-YAML
          image:
            repository: ghcr.io/acme/argo-db
            tag: "1.4.7"
        YAML
        parameter {
          name  = "backup.image"
          value = "ghcr.io/acme/argo-backup:1.4.8"
        }
      }
    }
  }
}
