"""A stand-in for a Kubernetes API server: HTTPS on loopback, answering as a recorded kube-apiserver does."""
