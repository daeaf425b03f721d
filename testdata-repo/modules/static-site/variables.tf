variable "name" {
  type = string
}

variable "namespace" {
  type = string
}

variable "host" {
  type = string
}

variable "nginx_tag" {
  type    = string
  default = "stable-alpine"
}
