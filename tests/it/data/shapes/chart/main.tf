# A chart that is a folder of the repo.
provider "helm" {}

resource "helm_release" "web" {
  name      = "chart-web"
  namespace = "apps"
  chart     = "${path.module}/charts/web"
  values    = ["replicas: 2"]
}
