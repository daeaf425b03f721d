resource "kubernetes_namespace" "mail" {
  metadata {
    name = "mail"
    labels = {
      tier = "apps"
      "keel.sh/enrolled" = "true"
    }
  }
}

resource "kubernetes_deployment" "webmail" {
  metadata {
    name      = "mail-webmail"
    namespace = kubernetes_namespace.mail.metadata[0].name
  }
  spec {
    replicas = 1
    selector {
      match_labels = { app = "mail-webmail" }
    }
    template {
      metadata {
        labels = { app = "mail-webmail" }
      }
      spec {
        container {
          name  = "webmail"
          image = "ghcr.io/roundcube/roundcubemail:71b32438"
        }
      }
    }
  }
}

resource "kubernetes_deployment" "milter" {
  metadata {
    name      = "mail-milter"
    namespace = kubernetes_namespace.mail.metadata[0].name
  }
  spec {
    replicas = 1
    selector {
      match_labels = { app = "mail-milter" }
    }
    template {
      metadata {
        labels = { app = "mail-milter" }
      }
      spec {
        container {
          name  = "milter"
          image = "registry.gitlab.com/mailu/milter:40718253"
        }
      }
    }
  }
}

resource "kubernetes_deployment" "archive" {
  metadata {
    name      = "mail-archive"
    namespace = kubernetes_namespace.mail.metadata[0].name
  }
  spec {
    replicas = 1
    selector {
      match_labels = { app = "mail-archive" }
    }
    template {
      metadata {
        labels = { app = "mail-archive" }
      }
      spec {
        container {
          name  = "archive"
          image = "quay.io/minio/minio:RELEASE.2026-01-01T00-00-00Z"
        }
      }
    }
  }
}

resource "kubernetes_deployment" "dovecot" {
  metadata {
    name      = "mail-dovecot"
    namespace = kubernetes_namespace.mail.metadata[0].name
    annotations = {
      "keel.sh/policy"       = "patch"
      "keel.sh/pollSchedule" = "@daily"
    }
  }
  spec {
    replicas = 1
    selector {
      match_labels = { app = "mail-dovecot" }
    }
    template {
      metadata {
        labels = { app = "mail-dovecot" }
      }
      spec {
        container {
          name  = "dovecot"
          image = "docker.io/dovecot/dovecot:2.3.21"
        }
      }
    }
  }
}
