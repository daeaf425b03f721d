resource "kubernetes_namespace" "scripts" {
  metadata {
    name = "scripts"
    labels = {
      tier = "apps"
      "keel.sh/enrolled" = "true"
    }
  }
}

resource "kubernetes_cron_job_v1" "report" {
  metadata {
    name      = "report"
    namespace = kubernetes_namespace.scripts.metadata[0].name
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
              name    = "report"
              image   = "docker.io/library/python:3.13-slim"
              command = ["/bin/sh", "-c"]
              args = [<<-EOT
                cat <<YAML
                image: docker.io/library/python:2.7
                YAML
                %{ if true }
                pip install "requests==2.32" # image: python:3
                %{ endif }
                echo "$${HOME} costs $$5"
              EOT
              ]
            }
          }
        }
      }
    }
  }
}

resource "kubernetes_cron_job_v1" "prune" {
  metadata {
    name      = "prune"
    namespace = "scripts"
  }
  spec {
    schedule = "0 5 1 * *"
    job_template {
      metadata {}
      spec {
        template {
          metadata {}
          spec {
            restart_policy = "OnFailure"
            container {
              name  = "prune"
              image = "docker:27-cli"
              args  = ["docker", "image", "rm", "docker.io/library/python:3.12-slim"]
            }

            init_container {
              name  = "wait"
              image = "busybox:1.36.1" # pintle: channel=stable
            }
          }
        }
      }
    }
  }
}
