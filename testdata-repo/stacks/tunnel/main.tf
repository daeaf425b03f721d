locals {
  headscale = "ghcr.io/juanfont/headscale:v0.23.0@sha256:ee11dcaacf04c7bfd419555cee42f0d32775f085d4793adfe7d9b7077a08accb"
}

variable "derp_digest" {
  type    = string
  default = "sha256:3f4146a1d0b5dac26562ff7dc6248573f4e996cf764a0f517318ff398dcfa792" # pintle: channel=latest
}

resource "kubernetes_namespace" "tunnel" {
  metadata {
    name = "tunnel"
    labels = {
      tier = "apps"
      "keel.sh/enrolled" = "true"
    }
  }
}

resource "kubernetes_deployment" "cloudflared" {
  metadata {
    name      = "cloudflared"
    namespace = kubernetes_namespace.tunnel.metadata[0].name
  }
  spec {
    replicas = 1
    selector {
      match_labels = { app = "cloudflared" }
    }
    template {
      metadata {
        labels = { app = "cloudflared" }
      }
      spec {
        container {
          name  = "cloudflared"
          image = "cloudflare/cloudflared@sha256:fc8932c70118a71ec5bea4af7733dd1c2087442469a532d599a5fdaf076ab8a0"
        }
      }
    }
  }
}

resource "kubernetes_deployment" "headscale" {
  metadata {
    name      = "headscale"
    namespace = kubernetes_namespace.tunnel.metadata[0].name
  }
  spec {
    replicas = 1
    selector {
      match_labels = { app = "headscale" }
    }
    template {
      metadata {
        labels = { app = "headscale" }
      }
      spec {
        container {
          name  = "headscale"
          image = local.headscale
        }
      }
    }
  }
}

resource "kubernetes_deployment" "derp" {
  metadata {
    name      = "derper"
    namespace = kubernetes_namespace.tunnel.metadata[0].name
  }
  spec {
    replicas = 1
    selector {
      match_labels = { app = "derper" }
    }
    template {
      metadata {
        labels = { app = "derper" }
      }
      spec {
        container {
          name  = "derper"
          image = "ghcr.io/tailscale/derper@${var.derp_digest}"
        }
      }
    }
  }
}
