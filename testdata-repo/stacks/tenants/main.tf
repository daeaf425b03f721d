variable "tenants" {
  type = set(string)
}

variable "debug" {
  type = bool
}

resource "kubernetes_namespace" "tenants" {
  metadata {
    name = "tenants"
    labels = {
      tier = "apps"
      "keel.sh/enrolled" = "true"
    }
  }
}

resource "kubernetes_deployment" "tenant" {
  for_each = var.tenants

  metadata {
    name      = each.key
    namespace = kubernetes_namespace.tenants.metadata[0].name
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
          image = "docker.io/library/wordpress:6.7-php8.3-apache"
        }
      }
    }
  }
}

resource "kubernetes_deployment" "probe" {
  count = var.debug ? 1 : 0

  metadata {
    name      = "tenant-probe"
    namespace = kubernetes_namespace.tenants.metadata[0].name
  }
  spec {
    replicas = 1
    selector {
      match_labels = { app = "tenant-probe" }
    }
    template {
      metadata {
        labels = { app = "tenant-probe" }
      }
      spec {
        container {
          name  = "probe"
          image = "quay.io/prometheus/blackbox-exporter:v0.25.0"
        }
      }
    }
  }
}

resource "kubernetes_deployment" "shard" {
  count = 2

  metadata {
    name      = "shard-${count.index}"
    namespace = kubernetes_namespace.tenants.metadata[0].name
  }
  spec {
    replicas = 1
    selector {
      match_labels = { app = "shard-${count.index}" }
    }
    template {
      metadata {
        labels = { app = "shard-${count.index}" }
      }
      spec {
        container {
          name  = "shard"
          image = "docker.io/library/memcached:1.6.34-alpine"
        }
      }
    }
  }
}

resource "kubernetes_deployment" "parked" {
  count = 0

  metadata {
    name      = "tenant-parked"
    namespace = kubernetes_namespace.tenants.metadata[0].name
  }
  spec {
    replicas = 1
    selector {
      match_labels = { app = "tenant-parked" }
    }
    template {
      metadata {
        labels = { app = "tenant-parked" }
      }
      spec {
        container {
          name  = "parked"
          image = "docker.io/library/mariadb:11.4"
        }
      }
    }
  }
}
