variable "namespace" {
  description = "The namespace of pintle. The module creates it."
  type        = string
  default     = "pintle"

  validation {
    condition     = can(regex("^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$", var.namespace))
    error_message = "The namespace has to be a name of Kubernetes, such as \"pintle\"."
  }
}

variable "image" {
  description = "The image of pintle with its digest, such as registry.example.org/pintle:0.1.0@sha256:…"
  type        = string

  validation {
    condition     = can(regex("@sha256:[0-9a-f]{64}$", var.image))
    error_message = "The image has to end in a digest: @sha256: and 64 hexadecimal digits."
  }
}

variable "forge" {
  description = "The repo's page in Forgejo or Gitea. Null if remote is given."
  type        = string
  default     = null

  validation {
    condition     = var.forge == null || can(regex("^https?://[^/]+/.+/[^/]+$", var.forge))
    error_message = "The forge has to be the page of the repo, such as https://forge.example.org/ops/infra."
  }
}

variable "remote" {
  description = "The address of the git remote, for a repo without Forgejo or Gitea. Null if forge is given."
  type        = string
  default     = null
}

variable "secret_name" {
  description = "The Secret with git-token, webhook-secret and docker-config.json. The module neither creates nor reads it."
  type        = string
  default     = "pintle"
}

variable "replicas" {
  description = "How many pods run. Only one makes passes, the others wait for its lease."
  type        = number
  default     = 1

  validation {
    condition     = contains([1, 2, 3], var.replicas)
    error_message = "The number of replicas has to be 1, 2 or 3."
  }
}

variable "every" {
  description = "The wait after a pass, such as 90s, 5m or 1h30m."
  type        = string
  default     = "5m"

  validation {
    condition     = can(regex("^([0-9]+(h|m|s))+$", var.every))
    error_message = "The wait has to be a duration such as 90s, 5m or 1h30m."
  }
}

variable "env" {
  description = "More PINTLE_ variables, which replace those of the module. Secrets do not belong here."
  type        = map(string)
  default     = {}

  validation {
    condition     = alltrue([for name in keys(var.env) : startswith(name, "PINTLE_")])
    error_message = "Every name has to start with PINTLE_."
  }

  validation {
    condition     = length(setintersection(keys(var.env), ["PINTLE_FORGE", "PINTLE_REMOTE"])) == 0
    error_message = "The repo is an input of its own: forge or remote."
  }

  validation {
    condition = length(setintersection(keys(var.env), [
      "PINTLE_TOKEN", "PINTLE_REMOTE_TOKEN", "PINTLE_GITHUB_TOKEN", "PINTLE_WEBHOOK_SECRET",
      "PINTLE_ALERT_HOOK_TOKEN", "PINTLE_ALERTMANAGER_TOKEN",
    ])) == 0
    error_message = "A secret would be readable in the state: put it into the Secret and name its file (PINTLE_TOKEN_FILE)."
  }
}

variable "custom_kinds" {
  description = "The kinds under [[cluster.custom]] of pintle.toml, which pintle may read."
  type = list(object({
    group     = string
    resources = list(string)
  }))
  default = []
}

variable "pod_monitor" {
  description = "Whether to add a PodMonitor for the Prometheus operator."
  type        = bool
  default     = false
}

variable "prometheus_rule" {
  description = "Whether to add the alerts as a PrometheusRule for the Prometheus operator."
  type        = bool
  default     = false
}
