"""Where operators listen."""

CONTROL_PLANE_PORT = 10250
"""The port of kubelets, for what the API server calls in an operator's own pods: a firewall that stands between a
control plane and its nodes lets this one through, as GKE's own rule does where the control plane has a range of
addresses. https://cloud.google.com/kubernetes-engine/docs/concepts/firewall-rules"""
