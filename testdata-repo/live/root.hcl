locals {
  domain = "example.org"
}

inputs = {
  domain    = local.domain
  image_tag = "3.20"
}
