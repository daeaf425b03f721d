frontend = {
  image    = "docker.io/library/caddy:2.8.4-alpine"
  replicas = 2
}
