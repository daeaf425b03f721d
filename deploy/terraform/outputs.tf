output "objects" {
  description = "Every object of the module by kind and name, as it is applied."
  value       = local.objects

  precondition {
    condition     = (var.forge == null) != (var.remote == null)
    error_message = "Give either forge or remote."
  }
}

output "service" {
  description = "The host and port inside the cluster that webhooks are sent to."
  value       = "pintle.${var.namespace}.svc:8080"
}
