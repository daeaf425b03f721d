locals {
  shop_tag = "5.4.2-fpm"
}

module "shop" {
  source  = "terraform-example-modules/app/kubernetes"
  version = "~> 3.1"

  name             = "shop"
  namespace        = "shop"
  image_repository = "docker.io/library/wordpress"
  image_tag        = local.shop_tag
}

module "docs" {
  source = "git::https://git.example.com/infra/terraform-webapp.git//modules/web?ref=v2.0.1"

  name            = "docs"
  container_image = "docker.io/squidfunk/mkdocs-material:9.5"
}

module "status" {
  source = "git::https://git.example.com/infra/unlisted.git?ref=main"
  image  = "docker.io/louislam/uptime-kuma:1"
  name   = "status"
}
