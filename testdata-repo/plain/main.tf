locals {
  namespace = "shop-${var.environment}"
  app_image = "ghcr.io/saleor/saleor:${var.app_tag}"
  proxy     = var.debug ? "docker.io/library/traefik:v3.2" : "docker.io/library/traefik:v2.11"
  probes = {
    dev  = "docker.io/alpine/curl:edge"
    prod = "docker.io/alpine/curl:8.11.0"
  }
}

resource "kubernetes_namespace" "shop" {
  metadata {
    name = local.namespace
  }
}

resource "kubernetes_deployment" "app" {
  metadata {
    name      = "app"
    namespace = kubernetes_namespace.shop.metadata[0].name
  }
  spec {
    replicas = 1
    selector {
      match_labels = { app = "app" }
    }
    template {
      metadata {
        labels = { app = "app" }
      }
      spec {
        container {
          name  = "app"
          image = local.app_image
        }
      }
    }
  }
}

resource "kubernetes_deployment" "worker" {
  metadata {
    name      = "worker"
    namespace = kubernetes_namespace.shop.metadata[0].name
  }
  spec {
    replicas = 1
    selector {
      match_labels = { app = "worker" }
    }
    template {
      metadata {
        labels = { app = "worker" }
      }
      spec {
        container {
          name  = "worker"
          image = var.worker_image
        }
        container {
          name  = "mailer"
          image = coalesce(var.mailer_image, "docker.io/axllent/mailpit:v1.21")
        }
      }
    }
  }
}

resource "kubernetes_deployment" "cache" {
  metadata {
    name      = "cache"
    namespace = local.namespace
  }
  spec {
    replicas = 1
    selector {
      match_labels = { app = "cache" }
    }
    template {
      metadata {
        labels = { app = "cache" }
      }
      spec {
        container {
          name  = "redis"
          image = "${var.registry}/library/redis:${var.cache_tag}"
        }
      }
    }
  }
}

resource "kubernetes_deployment" "proxy" {
  metadata {
    name      = "proxy"
    namespace = local.namespace
  }
  spec {
    replicas = 1
    selector {
      match_labels = { app = "proxy" }
    }
    template {
      metadata {
        labels = { app = "proxy" }
      }
      spec {
        container {
          name  = "traefik"
          image = local.proxy
        }
      }
    }
  }
}

resource "kubernetes_deployment" "frontend" {
  metadata {
    name      = "frontend"
    namespace = local.namespace
  }
  spec {
    replicas = 1
    selector {
      match_labels = { app = "frontend" }
    }
    template {
      metadata {
        labels = { app = "frontend" }
      }
      spec {
        container {
          name  = "caddy"
          image = var.frontend.image
        }
      }
    }
  }
}

resource "kubernetes_deployment" "probe" {
  metadata {
    name      = "probe"
    namespace = local.namespace
  }
  spec {
    replicas = 1
    selector {
      match_labels = { app = "probe" }
    }
    template {
      metadata {
        labels = { app = "probe" }
      }
      spec {
        container {
          name  = "probe"
          image = local.probes[terraform.workspace]
        }
      }
    }
  }
}

resource "kubernetes_cron_job_v1" "dump" {
  count = var.environment == "prod" ? 1 : 0

  metadata {
    name      = "dump"
    namespace = kubernetes_namespace.shop.metadata[0].name
  }
  spec {
    schedule = "15 3 * * *"
    job_template {
      metadata {}
      spec {
        template {
          metadata {}
          spec {
            restart_policy = "OnFailure"
            init_container {
              name  = "dump"
              image = local.app_image
            }
            container {
              name  = "upload"
              image = "docker.io/rclone/rclone:1.68"
            }
          }
        }
      }
    }
  }
}
