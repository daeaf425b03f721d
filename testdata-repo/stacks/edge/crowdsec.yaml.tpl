apiVersion: apps/v1
kind: DaemonSet
metadata:
  name: crowdsec
  namespace: edge
spec:
  selector:
    matchLabels: {app: crowdsec}
  template:
    metadata:
      labels: {app: crowdsec}
    spec:
      containers:
        - name: agent
          image: ${image}
