include "root" {
  path           = find_in_parent_folders("root.hcl")
  merge_strategy = "deep"
}

include "env" {
  path   = find_in_parent_folders("env.hcl")
  expose = true
}

terraform {
  source = "../../../modules//app"
}

inputs = {
  name      = "sidekick"
  namespace = "sidekick-${include.env.locals.environment}"
  image     = "docker.io/library/alpine" # the tag is the fleet's default, in root.hcl
}
