locals {
  loki_tag  = "3.3.2"
  with_ui   = true
  agent_tag = "v1.5.1"
}

resource "kubernetes_namespace" "monitoring" {
  metadata {
    name = "monitoring"
    labels = {
      tier = "apps"
      "keel.sh/enrolled" = "true"
    }
  }
}

resource "helm_release" "prometheus" {
  name       = "prometheus"
  namespace  = kubernetes_namespace.monitoring.metadata[0].name
  repository = "https://charts.example.org/prometheus"
  chart      = "prometheus"
  version    = "25.30.1"
  atomic     = true
  values = [yamlencode({
    server = {
      image = {
        repository = "quay.io/prometheus/prometheus"
        tag        = "v3.0.1"
        pullPolicy = "IfNotPresent"
      }
      extraArgs = { "log.level" = "info" }
    }
    alertmanager = { image = { pullPolicy = "Always" } }
    configmapReload = {
      image = "ghcr.io/jimmidyson/configmap-reload:v0.14.0"
    }
  })]
}

resource "helm_release" "grafana" {
  name       = "grafana"
  namespace  = "monitoring"
  repository = "https://charts.example.org/grafana"
  chart      = "grafana"
  values     = [file("${path.module}/grafana-values.yaml"), file("${path.module}/grafana-sidecars.yaml")]
}

resource "helm_release" "loki" {
  name       = "loki"
  namespace  = "monitoring"
  repository = "https://charts.example.org/grafana"
  chart      = "loki"
  values = [templatefile("${path.module}/loki-values.tpl", {
    image_tag = local.loki_tag
    with_ui   = local.with_ui
    tenants   = ["home", "lab"]
  })]
}

resource "helm_release" "node_exporter" {
  name       = "node-exporter"
  namespace  = "monitoring"
  repository = "https://charts.example.org/prometheus"
  chart      = "prometheus-node-exporter"

  set {
    name  = "image.repository"
    value = "quay.io/prometheus/node-exporter"
  }
  set {
    name  = "image.tag"
    value = "v1.8.2"
  }
  set {
    name  = "service.type"
    value = "ClusterIP"
  }
}

resource "helm_release" "kube_state" {
  name       = "kube-state-metrics"
  namespace  = "monitoring"
  repository = "https://charts.example.org/prometheus"
  chart      = "kube-state-metrics"

  set {
    name  = "image.tag"
    value = "v2.14.0"
  }
}

# provider 3: set is a list
resource "helm_release" "events" {
  name       = "event-exporter"
  namespace  = "monitoring"
  repository = "https://charts.example.org/events"
  chart      = "event-exporter"
  set = [
    { name = "fullnameOverride", value = "events" },
    { name = "image.repository", value = "ghcr.io/resmoio/kubernetes-event-exporter" },
    { name = "image.tag", value = "v1.7" },
  ]
}

resource "helm_release" "agent" {
  name       = "alloy"
  namespace  = "monitoring"
  repository = "https://charts.example.org/grafana"
  chart      = "alloy"
  values = [<<-EOT
    image:
      registry: docker.io
      repository: grafana/alloy
      tag: ${local.agent_tag}
    configReloader:
      image: "quay.io/prometheus-operator/prometheus-config-reloader:v0.79.0"
    stages:
    %{ for t in ["home", "lab"] ~}
      - name: ${t}
    %{ endfor ~}
  EOT
  ]
}
