"""Clusters that no cloud is behind: what they cannot do."""

from collections.abc import Sequence
from typing import NoReturn

import pulumi

from modelyard.cluster.object_store_rules import WITHOUT_CLOUD, WITHOUT_CLOUD_FIX
from modelyard.cluster.object_store_spec import ObjectStoreSpec
from modelyard.cluster.object_stores import StoreAccess
from modelyard.cluster.without_gateway import WithoutGateway
from modelyard.component import ProgramConfigError
from modelyard.errors import Problem


class WithoutCloud(WithoutGateway):
    """The part of the protocol that only a cloud's clusters can keep."""

    load_balancers_ready: Sequence[pulumi.Resource] = ()
    """Empty: what makes load balancers, if anything does, is not the stack's."""

    def object_store(self, name: str, spec: ObjectStoreSpec, opts: pulumi.ResourceOptions | None = None) -> NoReturn:
        """Refused.

        Raises:
            ConfigError: always.
        """
        del name, spec, opts
        _refuse("object_store")

    def workload_identity(
        self,
        name: str,
        *,
        namespace: str,
        service_account: str,
        permissions: Sequence[StoreAccess],
        opts: pulumi.ResourceOptions | None = None,
    ) -> NoReturn:
        """Refused.

        Raises:
            ConfigError: always.
        """
        del name, namespace, service_account, permissions, opts
        _refuse("workload_identity")


def _refuse(what: str) -> NoReturn:
    raise ProgramConfigError(Problem(path=what, why=WITHOUT_CLOUD[what], fix=WITHOUT_CLOUD_FIX))
