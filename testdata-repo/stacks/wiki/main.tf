locals {
  bookstack = "lscr.io/linuxserver/bookstack:24.10.3"
}

resource "kubernetes_namespace_v1" "wiki" {
  count = 1
  metadata {
    name = "wiki"
  }
}

resource "kubernetes_deployment_v1" "wiki" {
  metadata {
    name      = "bookstack"
    namespace = kubernetes_namespace_v1.wiki[0].metadata[0].name
    annotations = {
      "keel.sh/policy"       = "force"
      "keel.sh/pollSchedule" = "@every 5m"
    }
  }
  spec {
    selector {
      match_labels = { app = "bookstack" }
    }
    template {
      metadata {
        labels = { app = "bookstack" }
      }
      spec {
        container {
          name  = "web"
          image = local.bookstack
        }
        init_container {
          name  = "chown"
          image = "docker.io/library/busybox:stable"
        }
        container {
          name  = "jobs"
          image = local.bookstack
        }
        init_container {
          name  = "migrate"
          image = local.bookstack
          args  = ["php", "artisan", "migrate"]
        }
        container {
          image = "docker.io/getmeili/meilisearch:v1.11"
          name  = "search"
        }
      }
    }
  }
  lifecycle {
    ignore_changes = [
      spec[0].template[0].spec[0].dns_config, # KYVERNO_LIFECYCLE_V1
      metadata[0].annotations["keel.sh/policy"],
      metadata[0].annotations["keel.sh/trigger"],
      metadata[0].annotations["keel.sh/pollSchedule"], # KYVERNO_LIFECYCLE_V2
      spec[0].template[0].spec[0].container[0].image, # KEEL_IGNORE_IMAGE
      spec[0].template[0].spec[0].init_container[1].image,
      metadata[0].annotations["deployment.kubernetes.io/revision"],
      spec[0].template[0].metadata[0].annotations["keel.sh/update-time"], # KEEL_LIFECYCLE_V1
    ]
  }
}

resource "kubernetes_cron_job_v1" "export" {
  metadata {
    name      = "wiki-export"
    namespace = kubernetes_namespace_v1.wiki[0].metadata[0].name
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
              name  = "export"
              image = local.bookstack
            }
          }
        }
      }
    }
  }
}

resource "kubernetes_deployment" "preview" {
  metadata {
    name      = "wiki-preview"
    namespace = "wiki"
  }
  spec {
    replicas = 1
    selector {
      match_labels = { app = "wiki-preview" }
    }
    template {
      metadata {
        labels = { app = "wiki-preview" }
      }
      spec {
        container {
          name  = "preview"
          image = local.bookstack
        }
        container {
          name  = "chrome"
          image = "docker.io/chromedp/headless-shell:131.0.6778.86"
        }
      }
    }
  }
  lifecycle {
    ignore_changes = [
      spec[0].template[0].spec[0].container[1],
    ]
  }
}
