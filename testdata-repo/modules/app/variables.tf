variable "name" {
  type = string
}

variable "namespace" {
  type = string
}

variable "domain" {
  type    = string
  default = "example.com"
}

variable "image" {
  type        = string
  description = "repository without a tag"
}

variable "image_tag" {
  type    = string
  default = "latest"
}
