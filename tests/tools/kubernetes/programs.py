"""Pulumi programs for the engine's tests."""

from pathlib import Path

HEAD = """
import json
import pulumi
import pulumi_kubernetes as k8s

provider = k8s.Provider("kube", kubeconfig={kubeconfig!r}, namespace={namespace!r}, cluster_identifier={identifier!r})
options = pulumi.ResourceOptions(provider=provider)
labels = {{"app": "web"}}

def containers(image="example.test/web:1"):
    return [{{"name": "web", "image": image}}]

def deployment(name, image="example.test/web:1", selector=labels, annotations=None, replicas=1, pod=None, opts=options):
    template = {{"metadata": {{"labels": selector}}, "spec": {{"containers": containers(image), **(pod or {{}})}}}}
    spec = {{"replicas": replicas, "selector": {{"matchLabels": selector}}, "template": template}}
    return k8s.apps.v1.Deployment(name, metadata={{"annotations": annotations}} if annotations else None, spec=spec,
                                  opts=opts)
"""


def program(kubeconfig: Path | str, namespace: str, body: str, *, identifier: str = "tests") -> str:
    """A program with a provider for `namespace`, and `body` after it."""
    return HEAD.format(kubeconfig=str(kubeconfig), namespace=namespace, identifier=identifier) + body
