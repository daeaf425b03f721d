variable "repository" {
  type = string
}

variable "tag" {
  type = string
}

output "ref" {
  description = "full reference, e.g. docker.io/library/nginx:1.27"
  value       = "${var.repository}:${var.tag}"
}
