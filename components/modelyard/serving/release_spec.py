"""What a user writes of how a service gets from one version to the next."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import field, fields
from typing import Annotated, Literal

import annotated_types

from modelyard.errors import Problem
from modelyard.gpu.spec import Gpus
from modelyard.kube.images import Image
from modelyard.serving.automatic_spec import AutomaticSpec
from modelyard.serving.model_spec import ModelChangeSpec
from modelyard.serving.request_match import RequestMatchSpec
from modelyard.serving.route_spec import RoutePath
from modelyard.serving.runtimes.spec import RuntimeSpec
from modelyard.serving.verify_spec import VerifySpec
from modelyard.spec import Amount, Count, Name, Percent, Text, spec
from modelyard.workspace.words import EnvName

WeightPercent = Annotated[int, annotated_types.Interval(ge=0, le=100)]
"""A share of requests, from none to all."""
StickySeconds = Annotated[int, annotated_types.Interval(ge=1, le=31_536_000)]
"""From a second to a year."""
MAIN = "main"
"""The variant that is the service as it is written."""
_MOST_VARIANTS = 8
"""An HTTPRoute has at most 16 rules, and a sticky variant needs two.
https://gateway-api.sigs.k8s.io/reference/spec/#httproutespec"""


@spec
class VariantSpec:
    """Another version of the service: what differs from it. What is left out is the service's own."""

    model: ModelChangeSpec | None = None
    """Its model, or what is different of it: `{revision: b1c2d3e}`."""
    image: Image | None = None
    """The server's image."""
    runtime: RuntimeSpec | None = None
    """The whole server, where more differs than its image."""
    env: Mapping[EnvName, Text] = field(default_factory=dict[str, Text])
    """Environment variables in clear text, added to the service's or in their place."""
    pool: Name | None = None
    """The pool that its pods run on."""
    gpus: Gpus | None = None
    """GPUs of each replica."""
    cpus: Amount | None = None
    """vCPUs each pod asks for."""
    memory_gib: Amount | None = None
    """Memory each pod asks for, GiB."""

    def problems(self) -> Iterable[Problem]:
        """One way to name the image."""
        if self.image and self.runtime:
            yield Problem(path="image", why="is given beside runtime, which has one", fix="move it into the runtime")


@spec
class PartVariantSpec(VariantSpec):
    """Another version of the service for a part of its requests."""

    replicas: Count | None = None
    """How many of its pods serve; with autoscaling, the fewest. Left out: its share of the service's, rounded up."""


@spec
class CanarySpec(PartVariantSpec, RequestMatchSpec):
    """The next version beside the present one, for a share of the requests.

    Raise `weight_percent` step by step. `promote: true` makes the service this version; then move its fields into the
    service and remove the block, which changes nothing any more. To abort, remove the block.
    """

    weight_percent: WeightPercent = 0
    """Its share of requests at the gateway, percent of those that no header or cookie decides. 0: none, so that it can
    start and be asked by header or inside of the cluster first."""
    promote: bool = False
    """Whether the service becomes this version: its pods are rolled to it, all requests stay with them, and the
    canary's pods end last."""


@spec
class PreviewSpec(RequestMatchSpec):
    """How requests at the gateway reach the colour that is not live: by `path`, or by `header` and `cookie`."""

    path: RoutePath | None = None
    """A path of its own, beside the route's."""

    def problems(self) -> Iterable[Problem]:
        """One way, and one at all."""
        if self.path and self.has_rule:
            yield Problem(path="path", why="is given beside header or cookie", fix="remove one of them")
        if not self.path and not self.has_rule:
            yield Problem(why="says of no request that it is meant", fix="give path, header or cookie")


@spec
class BlueGreenSpec:
    """Two versions at full size, one of them live. Blue is the service as it is written, green what differs from it."""

    live: Literal["blue", "green"] = "blue"
    """Which of them requests reach, at the gateway and inside of the cluster. The switch and the way back."""
    green: VariantSpec
    """What differs in green. Change blue, the service itself, while green is live, and green while blue is."""
    preview: PreviewSpec | None = None
    """How the other one is reached at the gateway. Left out: inside of the cluster only, as SERVICE-blue and
    SERVICE-green."""


@spec
class AbVariantSpec(PartVariantSpec, RequestMatchSpec):
    """One of several versions that are compared."""

    weight_percent: WeightPercent = 0
    """Its share of the requests that no header or cookie decides, percent."""

    def problems(self) -> Iterable[Problem]:
        """Requests that reach it."""
        yield from super().problems()
        if not self.weight_percent and not self.has_rule:
            yield Problem(why="no request would reach it", fix="give weight_percent, header or cookie")


@spec
class AbTestSpec:
    """Several versions at once, which metrics tell apart by the label `variant`.

    The service as it is written is the variant `main`, and has the share that the others leave.
    """

    variants: Annotated[Mapping[Name, AbVariantSpec], annotated_types.Len(1, _MOST_VARIANTS)]
    """The others, by name."""
    sticky_seconds: StickySeconds | None = None
    """How long a client stays with the variant that its first request came to, by a cookie that the gateway sets. Left
    out: every request is decided anew."""

    def problems(self) -> Iterable[Problem]:
        """Shares of a whole, and requests that are one variant's."""
        total = sum(variant.weight_percent for variant in self.variants.values())
        if total > 100:
            why = f"the shares of {', '.join(self.variants)} make {total} percent"
            yield Problem(path="variants", why=why, fix="lower them to 100 together; what is left is the service's")
        yield from self._name_problems()
        rules: dict[object, str] = {}
        for name, variant in self.variants.items():
            twin = rules.setdefault(variant.rule, name) if variant.has_rule else name
            if twin != name:
                fix = "give one of them another header or cookie"
                yield Problem(path=f"variants.{name}", why=f"has the rule of {twin}: one gets all of them", fix=fix)

    def _name_problems(self) -> Iterator[Problem]:
        if MAIN in self.variants:
            why = f"{MAIN} is the service as it is written"
            yield Problem(path=f"variants.{MAIN}", why=why, fix="choose another name, or change the service")


@spec
class ShadowSpec(PartVariantSpec):
    """The next version with copies of requests; its answers are dropped."""

    percent: Percent = 100
    """How many of the requests at the gateway are copied, percent. All, as a share of them hides rare failures."""


@spec
class ReleaseSpec:
    """How a service gets from one version to the next: at most one of the kinds.

    Without any, pods are replaced one after the other (a rolling update), as `surge` says.
    """

    canary: CanarySpec | None = None
    """A next version for a share of the requests."""
    blue_green: BlueGreenSpec | None = None
    """Two versions at full size and a switch."""
    ab_test: AbTestSpec | None = None
    """Several versions that are compared."""
    shadow: ShadowSpec | None = None
    """A next version that gets copies of requests."""
    automatic: AutomaticSpec | None = None
    """Steps that every change of the service takes by itself, and back by itself."""
    verify: VerifySpec | None = None
    """Requests that a new version must answer as expected before any user's request comes to it; if it does not, the
    update fails and requests stay where they are. Left out: a version is taken once it is ready."""

    def problems(self) -> Iterable[Problem]:
        """One kind."""
        given = self.kinds
        for name in given[1:]:
            why = f"is given beside {given[0]}"
            yield Problem(path=name, why=why, fix="remove one of them: a service has one release at a time")

    @property
    def kinds(self) -> Sequence[str]:
        """The kinds that are given: one of a valid release, or none."""
        return [
            each.name
            for each in fields(self)
            if each.name in {"canary", "blue_green", "ab_test", "shadow", "automatic"} and getattr(self, each.name)
        ]

    @property
    def needs_route(self) -> bool:
        """Whether a gateway has to share requests out."""
        return bool(self.canary or self.ab_test or self.shadow)
