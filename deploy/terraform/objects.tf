# The objects, as in deploy/kustomize: a test compares the two.
locals {
  labels  = { "app.kubernetes.io/name" = "pintle" }
  secrets = "/run/secrets/pintle"

  # An object named pintle in the namespace.
  named  = { name = "pintle", namespace = var.namespace }
  marked = merge(local.named, { labels = local.labels })

  # One of the two: the output objects checks that.
  repo = {
    for name, value in { PINTLE_FORGE = var.forge, PINTLE_REMOTE = var.remote } :
    name => value if value != null
  }

  # The other variables. The repo is first in the list, where kustomize puts it.
  settings = merge({
    PINTLE_LISTEN              = "0.0.0.0:8080"
    PINTLE_EVERY               = var.every
    PINTLE_GRACE               = "25s"
    PINTLE_LOG_FORMAT          = "json"
    PINTLE_CACHE_DIR           = "/var/cache/pintle"
    PINTLE_TOKEN_FILE          = "${local.secrets}/git-token"
    PINTLE_WEBHOOK_SECRET_FILE = "${local.secrets}/webhook-secret"
    PINTLE_DOCKER_CONFIG       = "${local.secrets}/docker-config.json"
  }, var.env)

  subjects = [{ kind = "ServiceAccount", name = "pintle", namespace = var.namespace }]

  read_rules = concat([
    {
      apiGroups = ["apps"]
      resources = ["deployments", "statefulsets", "daemonsets", "replicasets", "controllerrevisions"]
      verbs     = ["list", "watch"]
    },
    { apiGroups = ["batch"], resources = ["cronjobs", "jobs"], verbs = ["list", "watch"] },
    { apiGroups = [""], resources = ["pods", "namespaces", "nodes"], verbs = ["list", "watch"] },
    ], [
    for kind in var.custom_kinds :
    { apiGroups = [kind.group], resources = kind.resources, verbs = ["list", "watch"] }
  ])

  container = {
    name  = "pintle"
    image = var.image
    args  = ["run", "--in-cluster"]
    env = concat(
      [for name, value in local.repo : { name = name, value = value }],
      [for name, value in local.settings : { name = name, value = value }],
    )
    ports = [{ name = "http", containerPort = 8080 }]
    livenessProbe = {
      httpGet        = { path = "/healthz", port = "http" }
      periodSeconds  = 30
      timeoutSeconds = 5
    }
    readinessProbe = {
      httpGet        = { path = "/readyz", port = "http" }
      periodSeconds  = 10
      timeoutSeconds = 5
    }
    securityContext = {
      allowPrivilegeEscalation = false
      readOnlyRootFilesystem   = true
      capabilities             = { drop = ["ALL"] }
    }
    resources = {
      requests = { cpu = "50m", memory = "128Mi" }
      limits   = { memory = "512Mi" }
    }
    volumeMounts = [
      { name = "cache", mountPath = "/var/cache/pintle" },
      { name = "secrets", mountPath = local.secrets, readOnly = true },
    ]
  }

  pod = {
    serviceAccountName            = "pintle"
    automountServiceAccountToken  = true
    enableServiceLinks            = false
    terminationGracePeriodSeconds = 30
    securityContext = {
      runAsNonRoot   = true
      runAsUser      = 10001
      runAsGroup     = 10001
      fsGroup        = 10001
      seccompProfile = { type = "RuntimeDefault" }
    }
    containers = [local.container]
    volumes = [
      { name = "cache", emptyDir = { sizeLimit = "2Gi" } },
      # The octal 0440.
      { name = "secrets", secret = { secretName = var.secret_name, defaultMode = 288 } },
    ]
  }

  core = {
    namespace = {
      apiVersion = "v1"
      kind       = "Namespace"
      metadata = {
        name   = var.namespace
        labels = { "pod-security.kubernetes.io/enforce" = "restricted" }
      }
    }
    service_account = {
      apiVersion = "v1"
      kind       = "ServiceAccount"
      metadata   = local.named
    }
    cluster_role = {
      apiVersion = "rbac.authorization.k8s.io/v1"
      kind       = "ClusterRole"
      metadata   = { name = "pintle" }
      rules      = local.read_rules
    }
    cluster_role_binding = {
      apiVersion = "rbac.authorization.k8s.io/v1"
      kind       = "ClusterRoleBinding"
      metadata   = { name = "pintle" }
      roleRef    = { apiGroup = "rbac.authorization.k8s.io", kind = "ClusterRole", name = "pintle" }
      subjects   = local.subjects
    }
    role = {
      apiVersion = "rbac.authorization.k8s.io/v1"
      kind       = "Role"
      metadata   = local.named
      rules = [
        { apiGroups = ["coordination.k8s.io"], resources = ["leases"], verbs = ["create"] },
        {
          apiGroups     = ["coordination.k8s.io"]
          resources     = ["leases"]
          resourceNames = ["pintle"]
          verbs         = ["get", "update"]
        },
      ]
    }
    role_binding = {
      apiVersion = "rbac.authorization.k8s.io/v1"
      kind       = "RoleBinding"
      metadata   = local.named
      roleRef    = { apiGroup = "rbac.authorization.k8s.io", kind = "Role", name = "pintle" }
      subjects   = local.subjects
    }
    deployment = {
      apiVersion = "apps/v1"
      kind       = "Deployment"
      metadata   = local.marked
      spec = {
        replicas = var.replicas
        strategy = { type = "Recreate" }
        selector = { matchLabels = local.labels }
        template = { metadata = { labels = local.labels }, spec = local.pod }
      }
    }
    service = {
      apiVersion = "v1"
      kind       = "Service"
      metadata   = local.marked
      spec = {
        publishNotReadyAddresses = true
        selector                 = local.labels
        ports                    = [{ name = "http", port = 8080, targetPort = "http" }]
      }
    }
    network_policy = {
      apiVersion = "networking.k8s.io/v1"
      kind       = "NetworkPolicy"
      metadata   = local.named
      spec = {
        podSelector = { matchLabels = local.labels }
        policyTypes = ["Ingress"]
        ingress     = [{ ports = [{ port = "http", protocol = "TCP" }] }]
      }
    }
  }

  pod_monitor = {
    apiVersion = "monitoring.coreos.com/v1"
    kind       = "PodMonitor"
    metadata   = local.marked
    spec = {
      selector            = { matchLabels = local.labels }
      podMetricsEndpoints = [{ port = "http", path = "/metrics" }]
    }
  }

  # The rules are written once, in the component of deploy/kustomize.
  rules = yamldecode(file("${path.module}/../kustomize/components/alerts/prometheus-rule.yaml"))
  prometheus_rule = merge(local.rules, {
    metadata = merge(local.rules.metadata, { namespace = var.namespace })
  })

  objects = merge(
    local.core,
    var.pod_monitor ? { pod_monitor = local.pod_monitor } : {},
    var.prometheus_rule ? { prometheus_rule = local.prometheus_rule } : {},
  )
}
