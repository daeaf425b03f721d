locals {
  worker = {
    repository = "docker.io/library/python"
    tag        = get_env("WORKER_TAG", "3.13-slim")
  }
}
