"""What can be wrong with pods of one service that run beside each other: of several versions, or prefill pods beside
those that answer. Imports no Pulumi package."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from modelyard.errors import Problem
from modelyard.serving.automatic_rules import automatic_problems_on
from modelyard.serving.groups import namespace_problems, verify_problems
from modelyard.serving.prefill import prefill_problems_on
from modelyard.serving.release_rules import beside_problems, verify_problems_on
from modelyard.serving.route_service_rules import route_secret_problems
from modelyard.serving.variants import nodes_problems, only_in
from modelyard.workspace.place import Place

if TYPE_CHECKING:
    from modelyard.serving.spec import ModelServiceSpec


def service_problems_on(service: "ModelServiceSpec", place: Place) -> Iterator[Problem]:
    """Why a valid service cannot work there: each of its parts, and then all together."""
    own, *others = service.parts
    known = list(own.spec.version_problems_on(place))
    found = [problem for other in others for problem in only_in(other, other.spec.version_problems_on(place), known)]
    yield from (*known, *found)
    yield from route_secret_problems(service, place.secrets)
    if known or found:
        return
    yield from prefill_problems_on(service, place.pools)
    yield from namespace_problems([own, *others], place.pools)
    yield from nodes_problems([own, *others], place.pools)
    yield from beside_problems(service, place)
    yield from verify_problems_on(service, place)
    yield from automatic_problems_on(service, place)
    yield from verify_problems(service, place.pools)
