locals {
  env  = "test"
  name = "whoami-${local.env}"
}

resource "kubernetes_namespace" "whoami" {
  metadata {
    name = "whoami"
    labels = {
      tier = "apps"
      "keel.sh/enrolled" = "true"
    }
  }
}

resource "kubernetes_deployment" "whoami" {
  metadata {
    name      = local.name
    namespace = kubernetes_namespace.whoami.metadata[0].name
  }
  spec {
    replicas = 1
    selector {
      match_labels = { app = local.name }
    }
    template {
      metadata {
        labels = { app = local.name }
      }
      spec {
        container {
          name  = "whoami"
          image = "traefik/whoami"   # pintle: channel=latest
        }
      }
    }
  }
}

resource "kubernetes_deployment" "pinned" {
  metadata {
    name      = "whoami-pinned"
    namespace = "whoami"
  }
  spec {
    replicas = 1
    selector {
      match_labels = { app = "whoami-pinned" }
    }
    template {
      metadata {
        labels = { app = "whoami-pinned" }
      }
      spec {
        container {
          name  = "whoami"
          image = "traefik/whoami:v1.10"
        }
      }
    }
  }
}

resource "kubernetes_deployment" "hashed" {
  metadata {
    name      = "whoami-${substr(sha256(local.name), 0, 6)}"
    namespace = "whoami"
  }
  spec {
    replicas = 1
    selector {
      match_labels = { app = "whoami-${substr(sha256(local.name), 0, 6)}" }
    }
    template {
      metadata {
        labels = { app = "whoami-${substr(sha256(local.name), 0, 6)}" }
      }
      spec {
        container {
          name  = "whoami"
          image = "traefik/whoami:v1.10.4"
        }
      }
    }
  }
}

resource "kubernetes_deployment" "stamped" {
  metadata {
    name      = "whoami-${formatdate("YYYYMMDD", timestamp())}"
    namespace = "whoami"
  }
  spec {
    replicas = 1
    selector {
      match_labels = { app = "whoami-${formatdate("YYYYMMDD", timestamp())}" }
    }
    template {
      metadata {
        labels = { app = "whoami-${formatdate("YYYYMMDD", timestamp())}" }
      }
      spec {
        container {
          name  = "whoami"
          image = "traefik/whoami:v1"
        }
      }
    }
  }
  lifecycle {
    ignore_changes = [
      spec[0].template[0].spec[0].container,
    ]
  }
}
