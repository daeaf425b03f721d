metrics:
  image:
    repository: ghcr.io/acme/metrics
    tag: "0.9.1"
host: ${host}
