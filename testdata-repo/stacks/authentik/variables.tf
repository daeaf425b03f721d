variable "host" {
  type = string
}

variable "image_tag" {
  type    = string
  default = "2025.4.1"
}
