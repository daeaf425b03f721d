locals {
  environment = "prod"
  web_tag     = "1.26.2-alpine"
}
