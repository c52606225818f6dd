from dataclasses import replace
from typing import Any

import pytest

from modelyard.cluster.gke.provisioned import is_provisioned
from modelyard.cluster.gke.provisioning import compute_class, resource_limits
from modelyard.cluster.spec import PoolSpec, TaintSpec
from modelyard.gpu.spec import ReservationSpec
from tests.unit.cluster.gke.foundations import (
    A100_FLEX,
    A100_QUEUED,
    ARM,
    CPU_FROM_ZERO,
    H100_RESERVED,
    KEY,
    L4,
    L4_SPOT,
    NODES,
    PROJECT,
    SYSTEM,
    TPU,
    TPU_SLICE,
    ZONES,
    disks,
    pool_of,
)
from tests.unit.cluster.gke.schemas import compute_class_problems

PROVISIONER = "node_auto_provisioning"
SEVERAL = replace(L4_SPOT, machine_types=["g2-standard-12", "g2-standard-16"])
CLASS_TAINT = TaintSpec(key="cloud.google.com/compute-class", value="pool")
GPU_TAINT = TaintSpec(key="nvidia.com/gpu", value="present")
BLOCK = ReservationSpec(reservation="projects/other/reservations/h100/reservationBlocks/one")


def made(
    spec: PoolSpec, *, disk_key: str | None = None, boot_disks: Any = (), image_streaming: bool = True
) -> dict[str, Any]:
    return compute_class(
        pool_of(spec, provisioner=PROVISIONER),
        zones=ZONES,
        project=PROJECT,
        service_account=NODES,
        disk_key=disk_key,
        image_streaming=image_streaming,
        boot_disks=boot_disks,
    )


def only_priority(spec: PoolSpec, **settings: Any) -> dict[str, Any]:
    (found,) = made(spec, **settings)["priorities"]
    return found


@pytest.mark.parametrize(
    "spec",
    [
        CPU_FROM_ZERO,
        ARM,
        L4,
        L4_SPOT,
        SEVERAL,
        A100_FLEX,
        H100_RESERVED,
        replace(H100_RESERVED, capacity=BLOCK),
        TPU,
        TPU_SLICE,
        replace(L4, taints=[TaintSpec(key="team", value="a"), TaintSpec(key="b", effect="NoExecute")]),
    ],
)
def test_google_knows_every_field(spec: PoolSpec) -> None:
    found = made(spec, disk_key=KEY, boot_disks=disks("container_images", "data"))
    assert compute_class_problems(found) == []


def test_the_schema_refuses_what_google_does() -> None:
    spec = made(L4)
    assert compute_class_problems({**spec, "nodes": 3})
    assert compute_class_problems({key: value for key, value in spec.items() if key != "whenUnsatisfiable"})


@pytest.mark.parametrize(
    ("spec", "provisioner", "expected"),
    [
        (L4, PROVISIONER, True),
        (SYSTEM, PROVISIONER, False),
        (replace(L4, min_nodes=1), PROVISIONER, False),
        (L4, "cluster_autoscaler", False),
    ],
)
def test_what_always_has_nodes_is_a_node_pool(spec: PoolSpec, provisioner: str, *, expected: bool) -> None:
    assert is_provisioned(spec, provisioner) is expected


def test_pods_choose_the_class_and_tolerate_what_google_adds() -> None:
    pool = pool_of(L4_SPOT, provisioner=PROVISIONER)
    assert pool.node_selector == {"cloud.google.com/compute-class": "pool"}
    assert pool.taints == (GPU_TAINT, CLASS_TAINT, TaintSpec(key="cloud.google.com/gke-spot", value="true"))
    arm = pool_of(ARM, provisioner=PROVISIONER)
    assert arm.taints == (CLASS_TAINT, TaintSpec(key="kubernetes.io/arch", value="arm64"))


def test_others_choose_the_pool() -> None:
    for provisioner in (PROVISIONER, "cluster_autoscaler"):
        pool = pool_of(replace(L4_SPOT, min_nodes=1), provisioner=provisioner)
        assert pool.node_selector == {"modelyard.dev/pool": "pool"}
        assert pool.taints == (GPU_TAINT,)


def test_queued_nodes_have_a_taint_of_their_own() -> None:
    assert pool_of(A100_QUEUED).taints == (GPU_TAINT, TaintSpec(key="cloud.google.com/gke-queued", value="true"))


def test_taints_of_googles_own_are_not_set_twice() -> None:
    assert "taints" not in made(L4_SPOT)["nodePoolConfig"]
    tainted = replace(L4_SPOT, taints=[TaintSpec(key="team", value="a"), TaintSpec(key="b", effect="NoExecute")])
    assert made(tainted)["nodePoolConfig"]["taints"] == [
        {"key": "team", "effect": "NoSchedule", "value": "a"},
        {"key": "b", "effect": "NoExecute"},
    ]


def test_machine_types_are_tried_in_their_order() -> None:
    priorities = made(SEVERAL)["priorities"]
    assert [each["machineType"] for each in priorities] == ["g2-standard-8", "g2-standard-12", "g2-standard-16"]
    assert all(each["spot"] for each in priorities)


def test_pods_wait_rather_than_run_on_other_machines() -> None:
    assert made(L4)["whenUnsatisfiable"] == "DoNotScaleUp"
    assert made(L4)["nodePoolAutoCreation"] == {"enabled": True}


def test_nodes_are_like_those_of_node_pools() -> None:
    assert made(replace(L4, node_labels={"team": "ml"}))["nodePoolConfig"] == {
        "imageType": "cos_containerd",
        "ipType": "private",
        "serviceAccount": NODES,
        "autoUpgrade": True,
        "autoRepair": True,
        "imageStreaming": {"enabled": True},
        "nodeLabels": {"team": "ml", "modelyard.dev/pool": "pool", "modelyard.dev/accelerator": "l4"},
    }
    assert made(L4, image_streaming=False)["nodePoolConfig"]["imageStreaming"] == {"enabled": False}


@pytest.mark.parametrize(
    ("spec", "expected"),
    [
        (CPU_FROM_ZERO, {"location": {"zones": list(ZONES)}}),
        (L4_SPOT, {"spot": True, "location": {"zones": list(ZONES)}}),
        (A100_FLEX, {"flexStart": {"enabled": True}, "location": {"zones": list(ZONES)}}),
        (
            H100_RESERVED,
            {"reservations": {"affinity": "Specific", "specific": [{"name": "h100", "zones": [ZONES[1]]}]}},
        ),
        (
            replace(H100_RESERVED, capacity=BLOCK),
            {
                "reservations": {
                    "affinity": "Specific",
                    "specific": [
                        {
                            "name": "h100",
                            "project": "other",
                            "zones": [ZONES[1]],
                            "reservationBlock": {"name": "one"},
                        }
                    ],
                }
            },
        ),
    ],
)
def test_capacity(spec: PoolSpec, expected: dict[str, Any]) -> None:
    found = only_priority(spec)
    about = {"spot", "flexStart", "reservations", "location"}
    assert {key: value for key, value in found.items() if key in about} == expected


@pytest.mark.parametrize(("spec", "repaired"), [(L4, True), (A100_FLEX, False)])
def test_flex_start_forbids_repair(spec: PoolSpec, *, repaired: bool) -> None:
    assert made(spec)["nodePoolConfig"]["autoRepair"] is repaired


@pytest.mark.parametrize(
    ("spec", "expected"),
    [
        (CPU_FROM_ZERO, {}),
        (L4, {"gpu": {"type": "nvidia-l4", "count": 1, "driverVersion": "default"}}),
        (H100_RESERVED, {"gpu": {"type": "nvidia-h100-80gb", "count": 8, "driverVersion": "default"}}),
        (TPU, {"tpu": {"type": "tpu-v5-lite-podslice", "count": 4, "topology": "2x2"}}),
        (TPU_SLICE, {"tpu": {"type": "tpu-v5-lite-podslice", "count": 4, "topology": "4x4"}}),
    ],
)
def test_accelerators(spec: PoolSpec, expected: dict[str, Any]) -> None:
    found = only_priority(spec)
    assert {key: value for key, value in found.items() if key in {"gpu", "tpu"}} == expected


def test_disks() -> None:
    assert only_priority(L4)["storage"] == {"bootDiskType": "pd-balanced", "bootDiskSize": 200}
    assert only_priority(H100_RESERVED, disk_key=KEY)["storage"] == {
        "bootDiskType": "pd-balanced",
        "bootDiskSize": 100,
        "bootDiskKMSKey": KEY,
        "localSSDCount": 16,
    }
    assert only_priority(L4, boot_disks=disks("container_images", "data"))["storage"]["secondaryBootDisks"] == [
        {"diskImageName": "container-images", "project": PROJECT, "mode": "CONTAINER_IMAGE_CACHE"},
        {"diskImageName": "data", "project": PROJECT},
    ]


def test_limits_are_what_all_pools_may_have_together() -> None:
    specs = {"system": SYSTEM, "l4": SEVERAL, "more": replace(L4, max_nodes=2), "h100": H100_RESERVED, "tpu": TPU}
    pools = {name: pool_of(spec, name, PROVISIONER) for name, spec in specs.items()}
    assert resource_limits(pools) == {
        "cpu": 6 * 4 + 8 * 16 + 2 * 8 + 2 * 208 + 3 * 112,
        "memory": 6 * 16 + 8 * 64 + 2 * 32 + 2 * 1872 + 3 * 192,
        "nvidia-l4": 8 + 2,
        "nvidia-h100-80gb": 2 * 8,
        "tpu-v5-lite-podslice": 3 * 4,
    }
