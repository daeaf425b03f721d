resource "kubernetes_namespace" "media" {
  metadata {
    name = "media"
    labels = {
      tier = "apps"
      "keel.sh/enrolled" = "true"
    }
  }
}

resource "kubernetes_deployment" "prowlarr" {
  metadata {
    name      = "prowlarr"
    namespace = kubernetes_namespace.media.metadata[0].name
  }
  spec {
    replicas = 1
    selector {
      match_labels = { app = "prowlarr" }
    }
    template {
      metadata {
        labels = { app = "prowlarr" }
      }
      spec {
        container {
          name  = "prowlarr"
          image = "lscr.io/linuxserver/prowlarr:v1.0.35.0"
        }
      }
    }
  }
}

resource "kubernetes_deployment" "torrserver" {
  metadata {
    name      = "torrserver"
    namespace = kubernetes_namespace.media.metadata[0].name
  }
  spec {
    replicas = 1
    selector {
      match_labels = { app = "torrserver" }
    }
    template {
      metadata {
        labels = { app = "torrserver" }
      }
      spec {
        container {
          name  = "torrserver"
          image = "ghcr.io/yourok/torrserver:MatriX.141"
        }
      }
    }
  }
}

resource "kubernetes_deployment" "jellyfin" {
  metadata {
    name      = "jellyfin"
    namespace = kubernetes_namespace.media.metadata[0].name
  }
  spec {
    replicas = 1
    selector {
      match_labels = { app = "jellyfin" }
    }
    template {
      metadata {
        labels = { app = "jellyfin" }
      }
      spec {
        container {
          name  = "jellyfin"
          image = "jellyfin/jellyfin:2026.05.14.1326-nightly"
        }
      }
    }
  }
}

resource "kubernetes_deployment" "stash" {
  metadata {
    name      = "stash"
    namespace = kubernetes_namespace.media.metadata[0].name
  }
  spec {
    replicas = 1
    selector {
      match_labels = { app = "stash" }
    }
    template {
      metadata {
        labels = { app = "stash" }
      }
      spec {
        container {
          name  = "stash"
          image = "docker.io/stashapp/stash:v20-20260127"
        }
      }
    }
  }
}

resource "kubernetes_deployment" "flaresolverr" {
  metadata {
    name      = "flaresolverr"
    namespace = kubernetes_namespace.media.metadata[0].name
  }
  spec {
    replicas = 1
    selector {
      match_labels = { app = "flaresolverr" }
    }
    template {
      metadata {
        labels = { app = "flaresolverr" }
      }
      spec {
        container {
          name  = "flaresolverr"
          image = "ghcr.io/flaresolverr/flaresolverr:2.4.1-voltage-fix"
        }
      }
    }
  }
}

resource "kubernetes_deployment" "sync" {
  metadata {
    name      = "sync"
    namespace = kubernetes_namespace.media.metadata[0].name
  }
  spec {
    replicas = 1
    selector {
      match_labels = { app = "sync" }
    }
    template {
      metadata {
        labels = { app = "sync" }
      }
      spec {
        container {
          name  = "sync"
          image = "docker.io/library/debian:bookworm-slim"
        }
      }
    }
  }
}

resource "kubernetes_deployment" "calibre" {
  metadata {
    name      = "calibre"
    namespace = kubernetes_namespace.media.metadata[0].name
  }
  spec {
    replicas = 1
    selector {
      match_labels = { app = "calibre" }
    }
    template {
      metadata {
        labels = { app = "calibre" }
      }
      spec {
        container {
          name  = "calibre"
          image = "lscr.io/linuxserver/calibre:v.1.1.1"
        }
      }
    }
  }
}

resource "kubernetes_deployment" "web" {
  metadata {
    name      = "web"
    namespace = kubernetes_namespace.media.metadata[0].name
  }
  spec {
    replicas = 1
    selector {
      match_labels = { app = "web" }
    }
    template {
      metadata {
        labels = { app = "web" }
      }
      spec {
        container {
          name  = "web"
          image = "node:22"
        }
      }
    }
  }
}

resource "kubernetes_deployment" "sonarr" {
  metadata {
    name      = "sonarr"
    namespace = kubernetes_namespace.media.metadata[0].name
  }
  spec {
    replicas = 1
    selector {
      match_labels = { app = "sonarr" }
    }
    template {
      metadata {
        labels = { app = "sonarr" }
      }
      spec {
        container {
          name  = "sonarr"
          image = "lscr.io/linuxserver/sonarr"
        }
      }
    }
  }
}
