loki:
  image:
    repository: grafana/loki
    tag: "${image_tag}"
  rewrite: "s/^(.*)$/$${1}/"
%{ if with_ui ~}
ui:
  image: docker.io/library/nginx:1.27.2-alpine-slim
%{ else ~}
ui: null
%{ endif ~}
tenants:
%{ for t in tenants ~}
  - name: ${t}
%{ endfor ~}
