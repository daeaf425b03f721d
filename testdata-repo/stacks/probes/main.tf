data "kustomization_build" "probes" {
  path = "${path.module}/kustomize"
}

resource "kustomization_resource" "probes" {
  for_each = data.kustomization_build.probes.ids
  manifest = data.kustomization_build.probes.manifests[each.value]
}
