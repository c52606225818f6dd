"""KServe on a cluster, which makes the pods of services whose `backend` it is."""

from collections.abc import Sequence

import pulumi

from modelyard.cluster.base import Cluster
from modelyard.kube.labels import labels
from modelyard.operators.kinds import register_kind, registrable
from modelyard.platform.kserve_kind import INFERENCE_SERVICE

_NAME = "kserve"


class KServe(pulumi.ComponentResource):
    """The KServe that a cluster has, once for a cluster.

    It installs nothing: what installs KServe, with its configuration and cert-manager, is the cluster's own. Where the
    cluster installs no charts, which is a cluster of this machine, there is no KServe, and the kind is registered:
    InferenceServices are accepted, and nothing makes their pods.
    """

    ready: Sequence[pulumi.Resource]
    """What InferenceServices depend on."""
    is_acted_on: bool
    """Whether KServe runs, so that pods of InferenceServices come to be."""

    def __init__(self, name: str, cluster: Cluster, *, opts: pulumi.ResourceOptions | None = None) -> None:
        """Take the cluster's KServe as it is.

        Args:
            name: the Pulumi name.
            cluster: where.
            opts: Pulumi's options of the component.

        Raises:
            ConfigError: where no charts are installed, the folder of kinds that the cluster names cannot be used.
        """
        self.is_acted_on = cluster.traits.charts_installed
        crds = [] if self.is_acted_on else registrable(name, [INFERENCE_SERVICE], cluster.traits.crds)
        super().__init__("modelyard:platform:KServe", name, {}, opts)
        self.ready = [
            register_kind(
                name,
                crd,
                labels=labels(_NAME, instance=_NAME, component="operator"),
                parent=self,
                provider=cluster.kubernetes_provider,
                ends_with=cluster.control_plane,
            )
            for crd in crds
        ]
        self.register_outputs({})
