resource "kubernetes_namespace" "gateway" {
  metadata {
    name = "gateway"
    labels = {
      tier = "apps"
    }
  }
}

resource "kubernetes_daemon_set_v1" "lb" {
  metadata {
    name      = "speaker"
    namespace = "gateway"
  }
  spec {
    selector {
      match_labels = { app = "speaker" }
    }
    template {
      metadata {
        labels = { app = "speaker" }
      }
      spec {
        container {
          name  = "speaker"
          image = "quay.io/metallb/speaker:v0.14.8"
        }
      }
    }
  }
  lifecycle {
    ignore_changes = all
  }
}

resource "kubernetes_daemonset" "dns" {
  metadata {
    name      = "node-dns"
    namespace = "kube-system"
  }
  spec {
    selector {
      match_labels = { app = "node-dns" }
    }
    template {
      metadata {
        labels = { app = "node-dns" }
      }
      spec {
        container {
          name  = "dns"
          image = "registry.k8s.io/dns/k8s-dns-node-cache:1.23.1"
        }
      }
    }
  }
  lifecycle {
    ignore_changes = [spec]
  }
}

resource "kubernetes_pod" "debug" {
  metadata {
    name      = "debug"
    namespace = "gateway"
  }
  spec {
    container {
      name  = "debug"
      image = "mcr.microsoft.com/dotnet/runtime-deps:8.0"
    }
  }
}

resource "kubernetes_replication_controller" "legacy" {
  metadata {
    name      = "legacy-echo"
    namespace = "gateway"
  }
  spec {
    selector = { app = "legacy-echo" }
    template {
      metadata {
        labels = { app = "legacy-echo" }
      }
      spec {
        container {
          name  = "echo"
          image = "registry.k8s.io/echoserver:1.10"
        }
      }
    }
  }
  lifecycle {
    ignore_changes = [
      spec[0].template[0].spec[0].dns_config, # KYVERNO_LIFECYCLE_V1
      metadata[0].annotations["keel.sh/trigger"],
    ]
  }
}

resource "kubernetes_job" "crds" {
  metadata {
    name      = "gateway-crds"
    namespace = "gateway"
  }
  spec {
    template {
      metadata {}
      spec {
        container {
          name    = "kubectl"
          image   = "docker.io/bitnami/kubectl:latest"
          command = ["kubectl", "apply", "-f", "https://example.com/crds.yaml"]
        }
      }
    }
  }
}
