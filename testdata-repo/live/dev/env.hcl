locals {
  environment = "dev"
  web_tag     = "1.27-alpine"
}
