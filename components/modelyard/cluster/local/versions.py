"""What local clusters pin beside the library's own versions."""

KIND_NODE_IMAGES: dict[str, str] = {
    "1.35": "kindest/node:v1.35.8@sha256:07b2536e30b803ed61d1677a79df6115f798ce64c80f9e22f6ed45afd09323c0",
}
"""The image of kind's nodes by Kubernetes minor version, for amd64 and arm64. kind supports an image with the release
that lists it. Source: https://github.com/kubernetes-sigs/kind/releases/tag/v0.33.0"""
