variable "archive_enabled" {
  type    = bool
  default = false
}

resource "kubernetes_namespace" "websites" {
  metadata {
    name = "websites"
    labels = {
      tier = "apps"
      "keel.sh/enrolled" = "true"
    }
  }
}

module "blog" {
  source    = "../../modules/static-site"
  name      = "blog"
  namespace = kubernetes_namespace.websites.metadata[0].name
  nginx_tag = "1.27.3-alpine"
  host      = "blog.example.org"
}

module "docs" {
  source    = "../../modules/static-site"
  name      = "docs"
  namespace = kubernetes_namespace.websites.metadata[0].name
  nginx_tag = "1.26-bookworm"
  host      = "docs.example.org"
}

module "archive" {
  count     = var.archive_enabled ? 1 : 0
  source    = "../../modules/static-site"
  name      = "archive"
  namespace = kubernetes_namespace.websites.metadata[0].name
  nginx_tag = "1.25"
  host      = "archive.example.org"
}
