# Documents that data sources and functions split.
provider "kubectl" {}

data "kubectl_file_documents" "web" {
  content = file("web.yaml")
}

resource "kubectl_manifest" "web" {
  for_each  = data.kubectl_file_documents.web.manifests
  yaml_body = each.value
}

data "kubectl_path_documents" "api" {
  pattern = "${path.module}/manifests/*.yaml"
  vars = {
    tag = "2.0.1"
  }
}

resource "kubectl_manifest" "api" {
  count     = length(data.kubectl_path_documents.api.documents)
  yaml_body = element(data.kubectl_path_documents.api.documents, count.index)
}

resource "kubernetes_manifest" "job" {
  for_each = { for one in provider::kubernetes::manifest_decode_multi(file("job.yaml")) : one.kind => one }
  manifest = each.value
}
