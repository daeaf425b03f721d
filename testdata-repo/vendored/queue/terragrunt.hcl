terraform {
  source = "tfr:///terraform-example-modules/app/kubernetes?version=3.1.0"
}

locals {
  version = "2.10.22-alpine"
}

inputs = {
  name             = "nats"
  image_repository = "docker.io/library/nats"
  image_tag        = local.version
}
