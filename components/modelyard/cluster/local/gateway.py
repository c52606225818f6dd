"""Traefik, which acts on the gateway where nothing can install Envoy Gateway, as objects on the cluster.

https://doc.traefik.io/traefik/v3.5/providers/kubernetes-gateway/
"""

from collections.abc import Sequence

import pulumi
import pulumi_kubernetes as k8s

from modelyard.kube.labels import labels, selector
from modelyard.kube.pod_security import container_security, pod_security

TRAEFIK = "traefik"
"""The program, and every object of it."""
_PORTS = {"web": 80, "websecure": 443}
"""Its entry points. It finds that of a Gateway's listener by the port, so that they are the same."""
_PING_PORT = 8080
_USER_ID = 65532
_ACCEPT_SECONDS = 5
"""How long it goes on after it was told to end: so long others may still send it requests."""
_GRACE_SECONDS = 60
_GROUP = "gateway.networking.k8s.io"
_READ = ("get", "list", "watch")


def run_traefik(
    name: str,
    *,
    image: pulumi.Resource,
    reference: str,
    namespace: pulumi.Input[str],
    opts: pulumi.ResourceOptions | None,
) -> Sequence[pulumi.Resource]:
    """Run Traefik in a namespace, with rights to read what routes lead to and to write what became of them.

    It reads the Secrets of all namespaces: it watches no smaller choice of them, and waits for all that it watches. One
    pod answers at the address of one Service, which it gives to every Gateway of its class.

    Args:
        name: the Pulumi name of what is made begins with it.
        image: what brings the image.
        reference: of the image.
        namespace: the Gateway's.
        opts: options of each, with the provider.

    Returns:
        What a Gateway depends on.
    """
    made = _Traefik(name, namespace, opts)
    rights = made.rights()
    service = made.service()
    return [made.deployment(reference, service, [image, *rights]), service, *rights]


class _Traefik:
    def __init__(self, name: str, namespace: pulumi.Input[str], opts: pulumi.ResourceOptions | None) -> None:
        self._name, self._namespace, self._opts = name, namespace, opts
        self._metadata = k8s.meta.v1.ObjectMetaArgs(name=TRAEFIK, namespace=namespace, labels=_labels())

    def rights(self) -> list[pulumi.Resource]:
        """Its account, and what it may do."""
        account = k8s.core.v1.ServiceAccount(self._name, metadata=self._metadata, opts=self._opts)
        cluster_wide = k8s.meta.v1.ObjectMetaArgs(labels=_labels())
        role = k8s.rbac.v1.ClusterRole(self._name, metadata=cluster_wide, rules=_rules(), opts=self._opts)
        binding = k8s.rbac.v1.ClusterRoleBinding(
            self._name,
            metadata=cluster_wide,
            role_ref=k8s.rbac.v1.RoleRefArgs(
                api_group="rbac.authorization.k8s.io", kind="ClusterRole", name=role.metadata.name
            ),
            subjects=[k8s.rbac.v1.SubjectArgs(kind="ServiceAccount", name=TRAEFIK, namespace=self._namespace)],
            opts=self._opts,
        )
        return [account, binding]

    def service(self) -> k8s.core.v1.Service:
        """What the Gateway's address is."""
        ports = [
            k8s.core.v1.ServicePortArgs(name=name, port=port, target_port=name, protocol="TCP")
            for name, port in _PORTS.items()
        ]
        return k8s.core.v1.Service(
            self._name,
            # It is made before the pods, and nothing waits for them but the Gateway.
            metadata=k8s.meta.v1.ObjectMetaArgs(
                name=TRAEFIK,
                namespace=self._namespace,
                labels=_labels(),
                annotations={"pulumi.com/skipAwait": "true"},
            ),
            spec=k8s.core.v1.ServiceSpecArgs(type="ClusterIP", selector=_selector(), ports=ports),
            opts=self._opts,
        )

    def deployment(
        self, reference: str, service: k8s.core.v1.Service, before: Sequence[pulumi.Resource]
    ) -> k8s.apps.v1.Deployment:
        """The pod, of which there is one: shares of requests are exact then, as each counts for itself."""
        address = service.spec.apply(lambda spec: spec.cluster_ip or "")
        pod = k8s.core.v1.PodSpecArgs(
            service_account_name=TRAEFIK,
            enable_service_links=False,
            termination_grace_period_seconds=_GRACE_SECONDS,
            security_context=_pod_security(),
            containers=[_container(reference, address)],
        )
        opts = pulumi.ResourceOptions.merge(self._opts, pulumi.ResourceOptions(depends_on=list(before)))
        return k8s.apps.v1.Deployment(
            self._name,
            metadata=self._metadata,
            spec=k8s.apps.v1.DeploymentSpecArgs(
                replicas=1,
                selector=k8s.meta.v1.LabelSelectorArgs(match_labels=_selector()),
                strategy=k8s.apps.v1.DeploymentStrategyArgs(
                    type="RollingUpdate",
                    rolling_update=k8s.apps.v1.RollingUpdateDeploymentArgs(max_surge=1, max_unavailable=0),
                ),
                template=k8s.core.v1.PodTemplateSpecArgs(
                    metadata=k8s.meta.v1.ObjectMetaArgs(labels=_labels()), spec=pod
                ),
            ),
            opts=opts,
        )


def _labels() -> dict[str, str]:
    return labels(TRAEFIK, instance=TRAEFIK, component="gateway")


def _selector() -> dict[str, str]:
    return selector(TRAEFIK, instance=TRAEFIK, component="gateway")


def _pod_security() -> k8s.core.v1.PodSecurityContextArgs:
    security = pod_security(_USER_ID)
    # Its ports are those of the Gateway, which are privileged elsewhere than in a pod of its own network.
    security.sysctls = [k8s.core.v1.SysctlArgs(name="net.ipv4.ip_unprivileged_port_start", value="0")]
    return security


def _container(reference: str, address: pulumi.Output[str]) -> k8s.core.v1.ContainerArgs:
    ping = k8s.core.v1.HTTPGetActionArgs(path="/ping", port=_PING_PORT)
    return k8s.core.v1.ContainerArgs(
        name=TRAEFIK,
        image=reference,
        image_pull_policy="Never",
        args=[*_arguments(), address.apply(lambda ip: f"--providers.kubernetesgateway.statusaddress.ip={ip}")],
        ports=[
            k8s.core.v1.ContainerPortArgs(name=name, container_port=port, protocol="TCP")
            for name, port in _PORTS.items()
        ],
        resources=k8s.core.v1.ResourceRequirementsArgs(
            requests={"cpu": "100m", "memory": "128Mi"}, limits={"memory": "512Mi"}
        ),
        security_context=container_security(_USER_ID, ()),
        readiness_probe=k8s.core.v1.ProbeArgs(http_get=ping, period_seconds=2),
        liveness_probe=k8s.core.v1.ProbeArgs(http_get=ping, period_seconds=10, timeout_seconds=5),
    )


def _arguments() -> list[str]:
    """https://doc.traefik.io/traefik/v3.5/reference/install-configuration/configuration-options/"""
    entry_points = [
        argument
        for name, port in _PORTS.items()
        for argument in (
            f"--entrypoints.{name}.address=:{port}",
            # The longest time of a request is the route's affair: uploads of a minute are no fault.
            f"--entrypoints.{name}.transport.respondingtimeouts.readtimeout=0s",
            f"--entrypoints.{name}.transport.lifecycle.requestacceptgracetimeout={_ACCEPT_SECONDS}s",
            f"--entrypoints.{name}.transport.lifecycle.gracetimeout={_GRACE_SECONDS - 2 * _ACCEPT_SECONDS}s",
        )
    ]
    return [
        *entry_points,
        "--ping",
        "--global.checknewversion=false",
        "--global.sendanonymoususage=false",
        "--log.level=WARN",
        "--providers.kubernetesgateway",
        # Two seconds by default, in which requests go to replicas that have ended.
        "--providers.providersthrottleduration=100ms",
        # Before model servers close theirs, the quickest of them after two seconds: a request that meets a connection
        # that is being closed is lost.
        "--serverstransport.forwardingtimeouts.idleconntimeout=1s",
    ]


def _rules() -> list[k8s.rbac.v1.PolicyRuleArgs]:
    kinds = ("gatewayclasses", "gateways", "httproutes", "grpcroutes")
    return [
        _rule("", ("namespaces", "services", "secrets"), _READ),
        _rule("discovery.k8s.io", ("endpointslices",), _READ),
        _rule(_GROUP, (*kinds, "referencegrants"), _READ),
        _rule(_GROUP, tuple(f"{kind}/status" for kind in kinds), ("update",)),
    ]


def _rule(group: str, resources: Sequence[str], verbs: Sequence[str]) -> k8s.rbac.v1.PolicyRuleArgs:
    return k8s.rbac.v1.PolicyRuleArgs(api_groups=[group], resources=list(resources), verbs=list(verbs))
