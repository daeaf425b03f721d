locals {
  versions = {
    joplin = "3.2.1-beta"
    couch  = "3.4"
  }
  couch_parts = ["docker.io/library", "couchdb"]
  joplin      = format("%s:%s", "docker.io/joplin/server", local.versions.joplin)
  couch       = "${join("/", local.couch_parts)}:${local.versions.couch}"
}

resource "kubernetes_namespace" "notes" {
  metadata {
    name = "notes"
    labels = {
      tier = "apps"
      "keel.sh/enrolled" = "true"
    }
  }
}

resource "kubernetes_deployment" "joplin" {
  metadata {
    name      = "joplin"
    namespace = kubernetes_namespace.notes.metadata[0].name
  }
  spec {
    replicas = 1
    selector {
      match_labels = { app = "joplin" }
    }
    template {
      metadata {
        labels = { app = "joplin" }
      }
      spec {
        container {
          name  = "joplin"
          image = local.joplin
        }
      }
    }
  }
}

resource "kubernetes_deployment" "couch" {
  metadata {
    name      = "couchdb"
    namespace = kubernetes_namespace.notes.metadata[0].name
  }
  spec {
    replicas = 1
    selector {
      match_labels = { app = "couchdb" }
    }
    template {
      metadata {
        labels = { app = "couchdb" }
      }
      spec {
        container {
          name  = "couchdb"
          image = local.couch
        }
      }
    }
  }
}

resource "kubernetes_job" "import" {
  count = 3
  metadata {
    generate_name = "notes-import-"
    namespace     = "notes"
  }
  spec {
    template {
      metadata {}
      spec {
        container {
          name  = "import"
          image = "docker.io/pandoc/core:3.5-ubuntu"
          args  = ["--from", "markdown"]
        }
      }
    }
  }
}
