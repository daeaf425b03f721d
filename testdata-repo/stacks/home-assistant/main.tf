resource "kubernetes_namespace" "ha" {
	metadata {
		name = "home"
	}
}

resource "kubernetes_stateful_set_v1" "ha" {
	metadata {
		name      = "home-assistant"
		namespace = kubernetes_namespace.ha.metadata.0.name
	}
	spec {
		service_name = "home-assistant"
		selector {
			match_labels = { app = "home-assistant" }
		}
		template {
			metadata {
				labels = { app = "home-assistant" }
			}
			spec {
				host_network = true
				container {
					name	=	"home-assistant"
					image	=	"ghcr.io/home-assistant/home-assistant:stable"
					image_pull_policy	= "Always"
				}
				container {
					name="mosquitto"
					image="eclipse-mosquitto:2"
				}
				container {
					name         = "zwave"
					image                =     "zwavejs/zwave-js-ui:9.27"
				}
			}
		}
	}
	lifecycle {
		ignore_changes = [spec[0].template[0].spec[0].container[0].image, spec[0].template[0].spec[0].container[2].image]
	}
}