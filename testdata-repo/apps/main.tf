locals {
  namespace = "apps"

  defaults = {
    image    = "docker.io/library/busybox:1.36"
    replicas = 1
  }
  tools = {
    toolbox = {}
    netshoot = {
      image = "docker.io/nicolaka/netshoot:v0.13"
    }
  }

  images = {
    app = "docker.io/outlinewiki/outline:0.81.1"
    db  = "docker.io/library/mysql:8.4"
  }

  sidecars = {
    exporter = "docker.io/oliver006/redis_exporter:v1.66.0"
    proxy    = "docker.io/haproxytech/haproxy-alpine:3.1"
  }

  sso_image = one(["quay.io/keycloak/keycloak:26.0"])

  registry_images = {
    web = { repository = "docker.io/library/caddy", tag = "2.8-alpine" }
    api = { repository = "docker.io/library/httpd", tag = "2.4-alpine" }
  }

  catalog  = yamldecode(file("${path.module}/apps.yaml")).apps
  jobs     = { for j in jsondecode(file("${path.module}/jobs.json")).jobs : j.name => j }
  services = { for p in fileset(path.module, "services/*.yaml") : trimsuffix(basename(p), ".yaml") => yamldecode(file("${path.module}/${p}")) }
}

module "image" {
  source     = "../modules/image"
  for_each   = local.registry_images
  repository = each.value.repository
  tag        = each.value.tag
}

resource "kubernetes_deployment" "listed" {
  for_each = { for a in var.apps : a.name => a }

  metadata {
    name      = each.key
    namespace = local.namespace
  }
  spec {
    replicas = 1
    selector {
      match_labels = { app = each.key }
    }
    template {
      metadata {
        labels = { app = each.key }
      }
      spec {
        container {
          name  = "app"
          image = each.value.image
        }
      }
    }
  }
}

resource "kubernetes_deployment" "workers" {
  for_each = var.workers

  metadata {
    name      = "worker-${each.key}"
    namespace = local.namespace
  }
  spec {
    replicas = 1
    selector {
      match_labels = { app = "worker-${each.key}" }
    }
    template {
      metadata {
        labels = { app = "worker-${each.key}" }
      }
      spec {
        container {
          name  = "worker"
          image = "docker.io/library/python:${each.value.tag}"
        }
      }
    }
  }
}

resource "kubernetes_deployment" "tools" {
  for_each = local.tools

  metadata {
    name      = each.key
    namespace = local.namespace
  }
  spec {
    replicas = 1
    selector {
      match_labels = { app = each.key }
    }
    template {
      metadata {
        labels = { app = each.key }
      }
      spec {
        container {
          name  = "tool"
          image = merge(local.defaults, each.value).image
        }
      }
    }
  }
}

resource "kubernetes_deployment" "notify" {
  metadata {
    name      = var.deployment.name
    namespace = local.namespace
  }
  spec {
    replicas = 1
    selector {
      match_labels = { app = var.deployment.name }
    }
    template {
      metadata {
        labels = { app = var.deployment.name }
      }
      spec {
        container {
          name  = "server"
          image = var.deployment.container_image
        }
      }
    }
  }
}

resource "kubernetes_deployment" "outline" {
  metadata {
    name      = "outline"
    namespace = local.namespace
  }
  spec {
    replicas = 1
    selector {
      match_labels = { app = "outline" }
    }
    template {
      metadata {
        labels = { app = "outline" }
      }
      spec {
        container {
          name  = "outline"
          image = lookup(local.images, "app")
        }
        container {
          name  = "db"
          image = local.images["db"]
        }
        dynamic "container" {
          for_each = local.sidecars
          content {
            name  = container.key
            image = container.value
          }
        }
      }
    }
  }
}

resource "kubernetes_deployment" "sso" {
  metadata {
    name      = "sso"
    namespace = local.namespace
  }
  spec {
    replicas = 1
    selector {
      match_labels = { app = "sso" }
    }
    template {
      metadata {
        labels = { app = "sso" }
      }
      spec {
        container {
          name  = "keycloak"
          image = local.sso_image
        }
      }
    }
  }
}

resource "kubernetes_deployment" "web" {
  metadata {
    name      = "web"
    namespace = local.namespace
  }
  spec {
    replicas = 1
    selector {
      match_labels = { app = "web" }
    }
    template {
      metadata {
        labels = { app = "web" }
      }
      spec {
        container {
          name  = "web"
          image = module.image["web"].ref
        }
        container {
          name  = "api"
          image = module.image["api"].ref
        }
      }
    }
  }
}

resource "kubernetes_deployment" "catalog" {
  for_each = local.catalog

  metadata {
    name      = each.key
    namespace = local.namespace
  }
  spec {
    replicas = 1
    selector {
      match_labels = { app = each.key }
    }
    template {
      metadata {
        labels = { app = each.key }
      }
      spec {
        container {
          name  = "app"
          image = each.value.image
        }
      }
    }
  }
}

resource "kubernetes_cron_job_v1" "jobs" {
  for_each = local.jobs

  metadata {
    name      = each.key
    namespace = local.namespace
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
            container {
              name  = "job"
              image = "${each.value.repository}:${each.value.tag}"
            }
          }
        }
      }
    }
  }
}

resource "kubernetes_deployment" "services" {
  for_each = local.services

  metadata {
    name      = "svc-${each.key}"
    namespace = local.namespace
  }
  spec {
    replicas = 1
    selector {
      match_labels = { app = "svc-${each.key}" }
    }
    template {
      metadata {
        labels = { app = "svc-${each.key}" }
      }
      spec {
        container {
          name  = "svc"
          image = try(each.value.container.image, "docker.io/library/alpine:3.20")
        }
      }
    }
  }
}
