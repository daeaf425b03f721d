resource "kubernetes_manifest" "allowed_registries" {
  manifest = {
    apiVersion = "kyverno.io/v1"
    kind       = "ClusterPolicy"
    metadata   = { name = "allowed-registries" }
    spec = {
      validationFailureAction = "Audit"
      rules = [{
        name  = "known-registry"
        match = { any = [{ resources = { kinds = ["Pod"] } }] }
        validate = {
          message = "images come from docker.io/* or ghcr.io/*"
          pattern = {
            spec = {
              containers = [{
                image = join(" | ", ["docker.io/*", "ghcr.io/*", "registry.k8s.io/*"])
              }]
            }
          }
        }
      }]
    }
  }
}

resource "kubernetes_manifest" "inject_backup" {
  manifest = {
    apiVersion = "kyverno.io/v1"
    kind       = "ClusterPolicy"
    metadata = {
      name = "inject-backup"
    }
    spec = {
      rules = [{
        name  = "add-agent"
        match = { any = [{ resources = { kinds = ["StatefulSet"] } }] }
        mutate = {
          patchStrategicMerge = {
            spec = {
              template = {
                spec = {
                  containers = [{
                    name  = "backup-agent"
                    image = "ghcr.io/restic/restic:0.17.3"
                  }]
                  initContainers = [{
                    name  = "restore"
                    image = "ghcr.io/restic/restic:0.17.1"
                  }]
                }
              }
            }
          }
        }
      }]
    }
  }
}

resource "kubectl_manifest" "verify" {
  yaml_body = <<-EOT
    apiVersion: kyverno.io/v1
    kind: ClusterPolicy
    metadata:
      name: pull-policy
    spec:
      rules:
        - name: always-latest
          mutate:
            foreach:
              - list: "request.object.spec.containers"
                preconditions:
                  all:
                    - key: "{{ element.image }}"
                      operator: Equals
                      value: "*:latest"
                patchStrategicMerge:
                  spec:
                    containers:
                      - name: "{{ element.name }}"
                        imagePullPolicy: Always
  EOT
}
