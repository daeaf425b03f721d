include "root" {
  path = find_in_parent_folders("root.hcl")
}

terraform {
  source = "../../../modules//app"
}

dependency "cluster" {
  config_path = "../cluster"

  mock_outputs = {
    namespace = "mock"
  }
}

inputs = {
  name      = "queue"
  namespace = dependency.cluster.outputs.namespace
  image     = "docker.io/library/rabbitmq"
  image_tag = "4.0-management"
}
