variable "recipes_tag" {
  type    = string
  default = "1.5.0"
}

resource "kubernetes_namespace" "tandoor" {
  metadata {
    name = "tandoor"
    labels = {
      tier = "apps"
      "keel.sh/enrolled" = "true"
    }
  }
}

module "app" {
  source    = "../../modules/recipes"
  namespace = kubernetes_namespace.tandoor.metadata[0].name
  image_tag = var.recipes_tag
}

module "cache" {
  source    = "../../modules/valkey"
  name      = "tandoor"
  namespace = kubernetes_namespace.tandoor.metadata[0].name
}
