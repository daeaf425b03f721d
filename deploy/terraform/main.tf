# The objects of objects.tf, each as a resource. Those of the Prometheus operator need its CRDs in the
# cluster before the plan.
resource "kubernetes_manifest" "namespace" {
  manifest = local.objects.namespace
}

resource "kubernetes_manifest" "pintle" {
  for_each   = { for name, object in local.objects : name => object if name != "namespace" }
  manifest   = each.value
  depends_on = [kubernetes_manifest.namespace]
}
