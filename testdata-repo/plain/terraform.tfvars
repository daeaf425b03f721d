worker_image = "docker.io/library/python:3.12-slim"
frontend = {
  image = "docker.io/library/caddy:2.7"
}
