include "root" {
  path = find_in_parent_folders("root.hcl")
}

terraform {
  source = "${get_repo_root()}/modules//app"
}

locals {
  env    = read_terragrunt_config(find_in_parent_folders("env.hcl"))
  images = read_terragrunt_config(find_in_parent_folders("images.hcl"))
}

inputs = {
  name      = "worker"
  namespace = "worker-${local.env.locals.environment}"
  image     = local.images.locals.worker.repository
  image_tag = local.images.locals.worker.tag
}
