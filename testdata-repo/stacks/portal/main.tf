resource "kubernetes_namespace" "portal" {
  metadata {
    name = "portal"
    labels = {
      tier = "apps"
      "keel.sh/enrolled" = "true"
    }
  }
}

data "kubernetes_resource" "live" {
  api_version = "apps/v1"
  kind        = "Deployment"
  metadata {
    name      = "portal-web"
    namespace = "portal"
  }
}

resource "helm_release" "portal" {
  name      = "portal"
  namespace = kubernetes_namespace.portal.metadata[0].name
  chart     = "${path.module}/chart"
  values = [templatefile("${path.module}/values.yaml.tpl", {
    image_tag = split(":", data.kubernetes_resource.live.object.spec.template.spec.containers[0].image)[1]
  })]
}

resource "helm_release" "cert_manager" {
  name      = "cert-manager"
  namespace = "portal"
  chart     = "oci://charts.example.org/cert-manager"
  values    = [file("cert-manager.yaml")]
}

# The container image of the portal is built from overlay/Dockerfile and pushed by CI.
resource "kubernetes_cron_job_v1" "sitemap" {
  metadata {
    name      = "sitemap"
    namespace = "portal"
  }
  spec {
    schedule = "0 4 * * 0"
    job_template {
      metadata {}
      spec {
        template {
          metadata {}
          spec {
            container {
              name  = "sitemap"
              image = "ghcr.io/gethomepage/homepage:v0.10.9"
              args  = ["--image", "ghcr.io/gethomepage/homepage:v0.9.0"]
            }
          }
        }
      }
    }
  }
}
