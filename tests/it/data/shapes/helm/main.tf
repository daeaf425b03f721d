# The ways in which values of charts are written.
provider "helm" {}

variable "host" {
  type = string
}

resource "helm_release" "split" {
  name      = "split"
  namespace = "apps"
  chart     = "split"
  values = [yamlencode({
    controller = {
      image = {
        registry = "registry.example.org"
        image    = "edge/controller"
        tag      = "v1.11.3"
      }
    }
    notebook = {
      image = { name = "quay.io/lab/notebook", tag = "2026-11-19" }
    }
    web      = { registry = "quay.io", image = "shop/web", tag = "1.4.2" }
    operator = { repository = "registry.example.org/gpu", image = "operator", tag = "v24.6.2" }
    image    = "docker.io/library/redis"
    imageTag = "7.4.1"
  })]
}

resource "helm_release" "unknown" {
  name      = "unknown"
  namespace = "apps"
  chart     = "unknown"
  values = [
    format("%s\n", yamlencode(merge(
      { image = { repository = "ghcr.io/acme/unknown", tag = "1.4.2" } },
      { host = var.host, checksum = md5("abc") },
    ))),
    jsonencode({ side = { image = { repository = "ghcr.io/acme/side", tag = "1.5.0" } }, host = var.host }),
    yamlencode(yamldecode(templatefile("${path.module}/values.yaml.tpl", { host = var.host }))),
  ]
}

resource "helm_release" "set" {
  name      = "set"
  namespace = "apps"
  chart     = "set"
  values = [<<-YAML
    image:
      repository: ghcr.io/acme/set
    list:
      - image: ghcr.io/acme/first:1.0.1
      - image: ghcr.io/acme/second:1.0.2
    extraInitContainers: |
      - name: wait
        image: "ghcr.io/acme/wait:1.0.3"
  YAML
  ]
  set {
    name  = "list[1].image"
    value = "ghcr.io/acme/second:1.1.0"
  }
  set_sensitive {
    name  = "image.tag"
    value = "1.5.0"
  }
}
