locals {
  # read by the controller, applied by it: not by Terraform
  pod_template = jsondecode(file("${path.module}/pod-template.json"))
  scripts = {
    build = <<-EOT
      #!/bin/sh
      %{ for t in ["amd64", "arm64"] ~}
      docker build --platform linux/${t} -t registry.example.com/app:${t} .
      %{ endfor ~}
      docker run --rm -e image=x docker.io/library/golang:1.23 go test ./...
    EOT
  }
}

resource "kubernetes_namespace" "ci" {
  metadata {
    name = "ci"
    labels = {
      tier = "apps"
      "keel.sh/enrolled" = "true"
    }
  }
}

resource "kubernetes_deployment" "controller" {
  metadata {
    name      = "ci-controller"
    namespace = kubernetes_namespace.ci.metadata[0].name
  }
  spec {
    replicas = 1
    selector {
      match_labels = { app = "ci-controller" }
    }
    template {
      metadata {
        labels = { app = "ci-controller" }
      }
      spec {
        container {
          name  = "controller"
          image = "woodpeckerci/woodpecker-server:v2.8.0"
          env {
            name  = "RUNNER_IMAGE"
            value = "docker.io/woodpeckerci/woodpecker-agent:v2.8.0"
          }
          env {
            name  = "HELP_IMAGE"
            value = "https://ci.example.org/help.png"
          }
          env {
            name  = "POD_TEMPLATE"
            value = jsonencode(local.pod_template)
          }
        }
      }
    }
  }
}

resource "kubernetes_config_map" "local_path" {
  metadata {
    name      = "local-path-config"
    namespace = kubernetes_namespace.ci.metadata[0].name
  }
  data = {
    "build.sh"       = local.scripts.build
    "helperPod.yaml" = <<-EOT
      apiVersion: v1
      kind: Pod
      metadata:
        name: helper-pod
      spec:
        containers:
          - name: helper-pod
            image: busybox
            imagePullPolicy: IfNotPresent
    EOT
  }
}

resource "null_resource" "warm" {
  provisioner "local-exec" {
    command = "crictl pull docker.io/library/golang:1.23 && echo image = docker.io/library/rust:1.83"
  }
}
