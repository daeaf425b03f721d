variable "environment" {
  type    = string
  default = "local"
}

variable "app_tag" {
  type    = string
  default = "latest"
}

variable "worker_image" {
  type    = string
  default = null
}

variable "cache_tag" {
  type    = string
  default = "7-alpine"
}

variable "debug" {
  type    = bool
  default = false
}

variable "mailer_image" {
  type    = string
  default = ""
}

variable "registry" {
  type    = string
  default = "docker.io"
}

variable "frontend" {
  type = object({
    image    = string
    replicas = optional(number, 1)
  })
}
