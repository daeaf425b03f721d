variable "deployment" {
  type = object({
    name            = string
    container_image = string
  })
}

variable "apps" {
  type = list(object({
    name  = string
    image = string
  }))
  default = [
    { name = "hedgedoc", image = "quay.io/hedgedoc/hedgedoc:1.10.0" },
    { name = "etherpad", image = "docker.io/etherpad/etherpad:2.2.6" },
  ]
}

variable "workers" {
  type = map(object({
    queue = string
    tag   = optional(string, "3.13-alpine")
  }))
}
