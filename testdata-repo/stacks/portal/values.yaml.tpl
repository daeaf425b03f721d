web:
  image:
    repository: ghcr.io/gethomepage/homepage
    tag: "${image_tag}"
