locals {
  agent_image = "docker.io/crowdsecurity/crowdsec:v1.6.4"
}

resource "kubernetes_manifest" "cloudflare_operator" {
  manifest = yamldecode(file("${path.module}/operator.yaml"))
}

resource "kubectl_manifest" "bundle" {
  yaml_body = file("${path.module}/bundle.yaml")
}

resource "kubectl_manifest" "agents" {
  for_each  = { for i, doc in split("\n---\n", file("${path.module}/agents.yaml")) : i => doc }
  yaml_body = each.value
}

resource "kubectl_manifest" "crowdsec" {
  yaml_body = templatefile("${path.module}/crowdsec.yaml.tpl", { image = local.agent_image })
}
