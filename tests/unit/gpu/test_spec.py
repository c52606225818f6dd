"""What a user writes of accelerators, and what is said of a mistake in it."""

import json
from typing import Any

import pytest

from modelyard.cluster.spec import PoolSpec
from modelyard.errors import ConfigError
from modelyard.gpu.spec import CapacityBlockSpec, ReplicasSpec, ReservationSpec, SharingSpec
from modelyard.spec import json_schema, load_json, validate

L4 = {"accelerator": "l4"}
H100 = {"accelerator": "h100"}


def said(written: dict[str, Any]) -> str:
    with pytest.raises(ConfigError) as caught:
        load_json(PoolSpec, json.dumps(written))
    return str(caught.value)


@pytest.mark.parametrize(
    ("written", "line"),
    [
        ({"capacity": "spott"},
         ("capacity: 'spott' is no kind of capacity; "
          "use on_demand, spot, flex_start, queued, {reservation: ID} or {capacity_block: ID}")),
        ({"capacity": {"reservation": "cr-1", "capacity_block": "cr-2"}},
         "capacity.reservation: is not a key here; keys here are capacity_block"),
        ({"capacity": {"reservation": ""}}, "capacity.reservation: '' is empty; write a value, or leave the key out"),
        ({"capacity": {"block": "cr-1"}},
         ("capacity.reservation: is missing; it is required\n"
          "capacity.block: is not a key here; keys here are reservation")),
        ({"sharing": "half"},
         "sharing: 'half' is no way to share; use whole, {mig: PROFILE}, {time_slicing: …} or {mps: …}"),
        ({"sharing": {"migg": "x"}}, "sharing.migg: is not a key here; did you mean mig?"),
        ({"sharing": {}}, "sharing: nothing is chosen; give exactly one of mig, time_slicing, mps"),
        ({"sharing": {"mig": "1g.5gb", "mps": {"replicas": 2}}},
         "sharing: mig and mps exclude each other; give exactly one of mig, time_slicing, mps"),
        ({"sharing": {"mig": "half"}}, "sharing.mig: 'half' is not a MIG profile; write one as NVIDIA does: 1g.10gb"),
        ({"sharing": {"mig": {}}}, "sharing.mig: names no profile; write one: 1g.10gb, or {1g.10gb: 7}"),
        ({"sharing": {"mig": {"half": 2}}},
         "sharing.mig.half: 'half' is not a MIG profile; write one as NVIDIA does: 1g.10gb"),
        ({"sharing": {"mig": {"1g.5gb": "2"}}},
         "sharing.mig.1g.5gb: '2' is not a whole number; write 2 without quotes"),
        ({"sharing": {"mig": 2}}, 'sharing.mig: 2 is not text; put it in quotes: "2"'),
        ({"sharing": {"time_slicing": {"replicas": 1}}},
         "sharing.time_slicing.replicas: 1 is below 2; use 2 or more"),
        ({"sharing": {"mps": {"replicas": 49}}}, "sharing.mps.replicas: 49 is above 48; use 48 or less"),
        ({"sharing": {"time_slicing": 4}},
         "sharing.time_slicing: 4 is not a mapping of keys to values; write {replicas: 4}"),
        ({"sharing": {"mps": True}},
         "sharing.mps: True is not a mapping of keys to values; write a mapping of keys to values"),
        ({"sharing": {"mps": {}}}, "sharing.mps.replicas: is missing; it is required"),
        ({"fabric": "efa"}, "fabric: 'efa' is not a choice here; use 'none', 'rdma', 'tcpx' or 'tcpxo'"),
    ],
)  # fmt: skip
def test_a_mistake_is_refused_with_its_place(written: dict[str, Any], line: str) -> None:
    assert said({**L4, **written}) == line


@pytest.mark.parametrize(
    "written",
    [
        {**L4, "capacity": "spot"},
        {**L4, "capacity": {"reservation": "cr-1"}},
        {**H100, "capacity": {"capacity_block": "cr-1"}, "zones": ["a"]},
        {**L4, "sharing": "whole"},
        {**H100, "sharing": {"mig": "1g.10gb"}},
        {**H100, "sharing": {"mig": {"1g.10gb+me": 1}}},
        {**L4, "sharing": {"time_slicing": {"replicas": 2}}},
        {**L4, "sharing": {"mps": {"replicas": 48}}},
    ],
)
def test_what_is_near_is_read(written: dict[str, Any]) -> None:
    assert load_json(PoolSpec, json.dumps(written)).accelerator


def test_python_is_as_strict() -> None:
    spec = PoolSpec(
        accelerator="h100",
        sharing=SharingSpec(mig={"1g.10gb": 2}),
        capacity=ReservationSpec(reservation="cr-1"),
    )
    assert validate(spec) == spec
    with pytest.raises(ConfigError, match=r"^sharing\.mig\.1g\.10gb: 0 is below 1; use 1 or more$"):
        validate(PoolSpec(accelerator="h100", sharing=SharingSpec(mig={"1g.10gb": 0})))
    with pytest.raises(ConfigError, match=r"^capacity\.capacity_block: '' is empty"):
        validate(PoolSpec(accelerator="h100", capacity=CapacityBlockSpec(capacity_block="")))
    with pytest.raises(ConfigError, match=r"^sharing\.mps\.replicas: 1 is below 2; use 2 or more$"):
        validate(PoolSpec(accelerator="h100", sharing=SharingSpec(mps=ReplicasSpec(replicas=1))))


def test_the_schema_names_the_choices() -> None:
    schema = json_schema(PoolSpec)
    words, *blocks = schema["properties"]["capacity"]["oneOf"]
    assert words["enum"] == ["on_demand", "spot", "flex_start", "queued"]
    assert [each["$ref"] for each in blocks] == ["#/$defs/ReservationSpec", "#/$defs/CapacityBlockSpec"]
    assert schema["properties"]["sharing"]["oneOf"][0]["enum"] == ["whole"]
    assert schema["$defs"]["ReplicasSpec"]["properties"]["replicas"]["maximum"] == 48
