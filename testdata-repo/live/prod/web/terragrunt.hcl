include "root" {
  path = find_in_parent_folders("root.hcl")
}

include "env" {
  path   = find_in_parent_folders("env.hcl")
  expose = true
}

terraform {
  source = "../../../modules//app"
}

locals {
  name = basename(get_terragrunt_dir())
}

inputs = {
  name      = local.name
  namespace = "${local.name}-${include.env.locals.environment}"
  image     = "docker.io/library/nginx"
  image_tag = include.env.locals.web_tag
}
