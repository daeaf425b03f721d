terraform {
  source = "git::https://git.example.com/infra/terraform-webapp.git//modules/web?ref=v2.0.1"
}

inputs = {
  name            = "landing"
  container_image = "ghcr.io/static-web-server/static-web-server:2.33"
}
