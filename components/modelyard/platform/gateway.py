"""The gateway of a cluster: one entrance for clients from outside."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import pulumi
import pulumi_kubernetes as k8s

from modelyard.cluster.base import Cluster
from modelyard.component import checked
from modelyard.kube.labels import GATEWAY as GATEWAY_LABEL
from modelyard.kube.labels import labels
from modelyard.kube.names import stack_label_value
from modelyard.kube.pod_security import pod_security_labels
from modelyard.operators.definition import Kind, OperatorDefinition
from modelyard.operators.namespaces import GATEWAY as NAMESPACE
from modelyard.operators.operator import Operator
from modelyard.operators.spec import ChartsSpec
from modelyard.platform import gateway_kinds as kinds
from modelyard.platform import gateway_values as values
from modelyard.platform.gateway_features import GatewayFeatures
from modelyard.platform.gateway_object import GatewayObject, address_in
from modelyard.platform.gateway_pickers import install_envoy_ai_gateway, let_pools_be_read
from modelyard.platform.gateway_spec import ENVOY, GatewaySpec, GatewayTlsSpec, class_problems

_READY_SECONDS = 900
"""A node for Envoy, its image, and a load balancer of the cloud come before the address."""
_PROGRAMMED = {"pulumi.com/waitFor": "condition=Programmed"}
"""Has an update wait until the gateway has its address and forwards."""
_TEMPORARY = {"cert-manager.io/issue-temporary-certificate": "true"}
"""The gateway has to answer before it has a certificate, as that is how it gets one.
https://cert-manager.io/docs/usage/certificate/#temporary-certificates-while-issuing"""


class Gateway(pulumi.ComponentResource):
    """One entrance for clients from outside, behind one load balancer; services have routes to it.

    Creates the namespace `gateway` with a Gateway in it; for class `envoy` the operator Envoy Gateway, which runs Envoy
    in that namespace, its GatewayClass and an EnvoyProxy that says how; with TLS a route that sends HTTP on to HTTPS,
    and unless a Secret is named a Certificate; for Let's Encrypt cert-manager and an Issuer; where Envoy asks pickers
    the operator Envoy AI Gateway, a ClientTrafficPolicy that takes off headers only pickers may set, and
    InferencePool's kind unless the cluster has it, with a role by which Envoy Gateway reads it. An update waits until
    the load balancer has an address.

    Where the cluster installs no charts, the kinds are registered. Then either who the trait `gateway_in_place` names
    acts on them, in the same namespace, or Gateway and routes are accepted and nothing acts on them: there is no
    address, and nothing is waited for.

    On destroy routes go first, then the Gateway, then its namespace, which ends only once the load balancer of Envoy's
    Service is gone, and the operators last. A load balancer of GKE holds the Gateway itself.

    It makes no record in DNS, no route to any service, and lets nobody in by network policy: workspaces do.
    """

    namespace_name: str
    """The namespace of the Gateway."""
    spec: GatewaySpec
    """What it was made from. `pickers` is true or false."""
    address: pulumi.Output[str]
    """Where the load balancer listens: an IP address or a name in DNS; empty where nothing gives it one."""
    ready: Sequence[pulumi.Resource]
    """What routes depend on."""
    kubernetes_provider: k8s.Provider
    """The cluster's, for routes."""

    def __init__(
        self,
        name: str,
        cluster: Cluster,
        spec: GatewaySpec,
        *,
        charts: ChartsSpec | None = None,
        inference_pools_present: bool = False,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        """Make the gateway; once for a cluster.

        Args:
            name: the Pulumi name.
            cluster: where.
            spec: what. `pickers` is false where it is left out.
            charts: where charts come from.
            inference_pools_present: whether the cluster has InferencePool's kind already, beside where its traits say
                so.
            opts: Pulumi's options of the component.

        Raises:
            ConfigError: the spec has problems, or the cluster cannot have such a gateway.
        """
        spec = checked(spec, name, lambda valid: class_problems(valid, cluster.traits.gateway_classes))
        self.spec = spec = replace(spec, pickers=bool(spec.pickers))
        super().__init__("modelyard:platform:Gateway", name, {}, opts)
        self._name, self._cluster, self._charts = name, cluster, charts
        self._has_inference_pools = inference_pools_present or cluster.traits.inference_pools_present
        self.namespace_name = NAMESPACE
        self.kubernetes_provider = cluster.kubernetes_provider
        controller = self._make_controller()
        issuing = self._make_cert_manager(controller)
        namespace = self._make_namespace([*controller, *issuing])
        in_place = self._run_in_place([*controller, namespace])
        before = [namespace, *in_place, *self._make_class([*controller, *in_place, namespace])]
        if spec.tls and spec.tls.has_certificate:
            before += self._make_certificate(spec.tls, [namespace, *issuing])
        gateway = self._make_gateway(before)
        self.ready = [gateway]
        self.address = gateway.status.apply(address_in)
        if spec.tls:
            self._custom("redirect", kinds.HTTP_ROUTE, values.redirect_spec(), [gateway], named=None)
        self.register_outputs({"address": self.address})

    @property
    def features(self) -> GatewayFeatures:
        """What acts on it can do with routes."""
        return self.spec.features_on(self._cluster.traits)

    @property
    def has_policies(self) -> bool:
        """Whether it takes the policies of Envoy Gateway, whose kinds only the chart brings."""
        return self._has_proxy

    @property
    def fails_without_pickers(self) -> bool:
        """Whether requests fail while no picker answers: Envoy AI Gateway does not read an InferencePool's failureMode.
        https://github.com/envoyproxy/ai-gateway/blob/v1.1.0/internal/extensionserver/inferencepool.go"""
        return self.spec.class_ == ENVOY

    def _make_controller(self) -> Sequence[pulumi.Resource]:
        """What brings the kinds, and for class envoy acts on them. A class of the cluster's own is there already."""
        if self._cluster.traits.charts_installed and self.spec.class_ != ENVOY:
            return ()
        asks_pickers = self._has_proxy and bool(self.spec.pickers)
        pools = (
            let_pools_be_read(self._name, self._cluster, are_present=self._has_inference_pools, parent=self)
            if asks_pickers
            else ()
        )
        operator = Operator(
            f"{self._name}-controller",
            self._cluster,
            self._operator,
            values=values.envoy_gateway_values(asks_pickers=asks_pickers),
            charts=self._charts,
            # On destroy the controller of load balancers is there until this one has let go of them.
            after=[*self._cluster.load_balancers_ready, *pools],
            opts=pulumi.ResourceOptions(parent=self),
        )
        made = [*operator.kinds_ready, *pools]
        if not asks_pickers:
            return made
        return [*made, *install_envoy_ai_gateway(self._name, self._cluster, self._charts, after=made, parent=self)]

    @property
    def _operator(self) -> OperatorDefinition:
        if self._is_in_place:
            return kinds.GATEWAY_IN_PLACE_KINDS
        return kinds.WITH_INFERENCE_POOLS if self.features.can("kv_cache") else kinds.ENVOY_GATEWAY_OPERATOR

    def _make_cert_manager(self, controller: Sequence[pulumi.Resource]) -> Sequence[pulumi.Resource]:
        tls = self.spec.tls
        if not tls or not tls.has_certificate:
            return ()
        if tls.cluster_issuer and self._cluster.traits.charts_installed:
            return ()
        operator = Operator(
            f"{self._name}-certificates",
            self._cluster,
            kinds.CERT_MANAGER_OPERATOR if tls.issuer else kinds.CERT_MANAGER_WITHOUT_ISSUERS,
            values=values.cert_manager_values(),
            charts=self._charts,
            # It looks for Gateway API's kinds when it starts.
            after=controller,
            opts=pulumi.ResourceOptions(parent=self),
        )
        return operator.kinds_ready

    def _make_namespace(self, before: Sequence[pulumi.Resource]) -> k8s.core.v1.Namespace:
        own = {GATEWAY_LABEL: "true", **pod_security_labels("restricted")}
        return k8s.core.v1.Namespace(
            self._name,
            metadata=k8s.meta.v1.ObjectMetaArgs(name=NAMESPACE, labels={**self._labels(), **own}),
            # Its end waits for a load balancer's, and so goes before all that takes part in that.
            opts=self._options([*before, *self._cluster.ready, *self._cluster.load_balancers_ready]),
        )

    @property
    def _is_in_place(self) -> bool:
        return self.spec.class_ == ENVOY and self._cluster.traits.gateway_in_place is not None

    def _run_in_place(self, before: Sequence[pulumi.Resource]) -> Sequence[pulumi.Resource]:
        """Who acts on the Gateway in Envoy Gateway's place."""
        if not self._is_in_place:
            return ()
        return self._cluster.run_gateway(f"{self._name}-controller", namespace=NAMESPACE, opts=self._options(before))

    def _make_class(self, before: Sequence[pulumi.Resource]) -> list[pulumi.Resource]:
        if self.spec.class_ != ENVOY:
            return []
        its_class = self._custom(
            "class",
            kinds.GATEWAY_CLASS,
            {"controllerName": values.controller_name(self._cluster.traits)},
            before,
            named=ENVOY,
        )
        if not self._has_proxy:
            return [its_class]
        proxy = values.envoy_proxy_spec(self.spec, self._cluster.traits)
        made: list[pulumi.Resource] = [
            its_class,
            self._custom("proxy", kinds.ENVOY_PROXY, proxy, before, named=values.GATEWAY_NAME),
        ]
        if self.spec.pickers:
            made.append(self._custom("headers", kinds.CLIENT_TRAFFIC_POLICY, values.picker_headers_spec(), before))
        return made

    @property
    def _has_proxy(self) -> bool:
        return self.spec.class_ == ENVOY and self._cluster.traits.charts_installed

    def _make_certificate(self, tls: GatewayTlsSpec, before: Sequence[pulumi.Resource]) -> list[pulumi.Resource]:
        issuer = (
            [self._custom("issuer", kinds.ISSUER, values.issuer_spec(tls), before, named=values.ISSUER_NAME)]
            if tls.issuer
            else []
        )
        wanted = values.certificate_spec(self.spec, tls)
        made = self._custom("certificate", kinds.CERTIFICATE, wanted, [*before, *issuer], annotations=_TEMPORARY)
        return [made]

    def _make_gateway(self, before: Sequence[pulumi.Resource]) -> GatewayObject:
        traits = self._cluster.traits
        stack = stack_label_value(pulumi.get_project(), pulumi.get_stack())
        options = self._options(before)
        options.custom_timeouts = pulumi.CustomTimeouts(
            create=f"{_READY_SECONDS}s", update=f"{_READY_SECONDS}s", delete=f"{_READY_SECONDS}s"
        )
        # Clouds do not turn a load balancer inside out: another class or exposure is another one.
        options.replacement_trigger = f"{self.spec.class_} {self.spec.exposure}"
        options.delete_before_replace = True
        return GatewayObject(
            f"{self._name}-gateway",
            metadata={
                "name": values.GATEWAY_NAME,
                "namespace": NAMESPACE,
                "labels": self._labels(),
                **({"annotations": _PROGRAMMED} if self._is_waited_for else {}),
            },
            spec=values.gateway_spec(self.spec, values.class_name(self.spec, traits), stack, has_proxy=self._has_proxy),
            opts=options,
        )

    @property
    def _is_waited_for(self) -> bool:
        """Whether the Gateway gets an address by itself. Who is in Envoy Gateway's place calls none with TLS ready
        before its certificate is there."""
        return self._cluster.traits.charts_installed or (self._is_in_place and not self.spec.tls)

    def _custom(
        self,
        role: str,
        kind: Kind,
        spec: Mapping[str, Any],
        before: Sequence[pulumi.Resource],
        *,
        named: str | None = None,
        annotations: Mapping[str, str] | None = None,
    ) -> k8s.apiextensions.CustomResource:
        return k8s.apiextensions.CustomResource(
            f"{self._name}-{role}",
            api_version=kind.api_version,
            kind=kind.kind,
            metadata=k8s.meta.v1.ObjectMetaArgs(
                name=named,
                namespace=NAMESPACE if kind.namespaced else None,
                labels=self._labels(),
                annotations=annotations,
            ),
            spec=spec,
            opts=self._options(before),
        )

    def _labels(self) -> dict[str, str]:
        return labels(NAMESPACE, instance=NAMESPACE, component="gateway")

    def _options(self, before: Sequence[pulumi.Resource]) -> pulumi.ResourceOptions:
        return pulumi.ResourceOptions(parent=self, provider=self._cluster.kubernetes_provider, depends_on=list(before))
