deployment = {
  name            = "gotify"
  container_image = "docker.io/gotify/server:2.6.1"
}

workers = {
  fast = { queue = "fast" }
  mail = { queue = "mail" }
  slow = { queue = "slow", tag = "3.11-alpine" }
}
