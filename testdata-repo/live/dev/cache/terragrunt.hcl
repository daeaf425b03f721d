terraform {
  source = "../../../modules//app"
}

locals {
  common = yamldecode(file(find_in_parent_folders("common.yaml")))
}

inputs = merge(local.common, {
  name      = "cache"
  namespace = "cache-dev"
  image_tag = "1.6-alpine"
})
