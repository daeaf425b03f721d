# Charts of K3s.
provider "kubernetes" {}

resource "kubernetes_manifest" "traefik" {
  manifest = {
    apiVersion = "helm.cattle.io/v1"
    kind       = "HelmChartConfig"
    metadata   = { name = "traefik", namespace = "kube-system" }
    spec = {
      valuesContent = <<-YAML
        image:
          repository: docker.io/library/traefik
          tag: 3.2.1
      YAML
    }
  }
}
