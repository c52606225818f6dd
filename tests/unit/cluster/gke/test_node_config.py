from dataclasses import replace
from typing import Any

import pytest

from modelyard.cluster.gke.spec import GkeSpec
from modelyard.cluster.spec import PoolSpec, TaintSpec
from modelyard.gpu.spec import ReservationSpec
from tests.unit.cluster.gke.foundations import (
    A100_FLEX,
    A100_QUEUED,
    ALL,
    ARM,
    H100_RESERVED,
    H200_RDMA,
    KEY,
    L4,
    L4_SPOT,
    MIG,
    MPS,
    NODES,
    OPERATOR,
    PROJECT,
    SYSTEM,
    TIME_SLICED,
    TPU,
    TPU_SLICE,
    UBUNTU,
    disks,
    gke_spec,
    node_pool,
)

GPU_TAINT = {"key": "nvidia.com/gpu", "value": "present", "effect": "NO_SCHEDULE"}
TPU_TAINT = {"key": "google.com/tpu", "value": "present", "effect": "NO_SCHEDULE"}
RESERVATION_KEY = "compute.googleapis.com/reservation-name"


def config(spec: PoolSpec, cluster: GkeSpec | None = None, *, disk_key: str | None = None) -> dict[str, Any]:
    return dict(node_pool(spec, cluster, disk_key=disk_key).inputs["nodeConfig"])


@pytest.mark.parametrize(
    ("spec", "accelerator"),
    [
        (L4, {"type": "nvidia-l4", "count": 1}),
        (H100_RESERVED, {"type": "nvidia-h100-80gb", "count": 8}),
        (replace(H100_RESERVED, machine_type="a3-megagpu-8g"), {"type": "nvidia-h100-mega-80gb", "count": 8}),
        (H200_RDMA, {"type": "nvidia-h200-141gb", "count": 8}),
        (MIG, {"type": "nvidia-a100-80gb", "count": 1, "gpuPartitionSize": "1g.10gb"}),
        (
            TIME_SLICED,
            {
                "type": "nvidia-l4",
                "count": 1,
                "gpuSharingConfig": {"gpuSharingStrategy": "TIME_SHARING", "maxSharedClientsPerGpu": 4},
            },
        ),
        (
            MPS,
            {
                "type": "nvidia-l4",
                "count": 1,
                "gpuSharingConfig": {"gpuSharingStrategy": "MPS", "maxSharedClientsPerGpu": 8},
            },
        ),
    ],
)
def test_gpus_and_how_they_are_shared(spec: PoolSpec, accelerator: dict[str, Any]) -> None:
    (found,) = config(spec)["guestAccelerators"]
    assert found == {**accelerator, "gpuDriverInstallationConfig": {"gpuDriverVersion": "DEFAULT"}}


@pytest.mark.parametrize(
    ("spec", "version"),
    [
        (L4, "DEFAULT"),
        (UBUNTU, "DEFAULT"),
        (OPERATOR, "INSTALLATION_DISABLED"),
        (PoolSpec(accelerator="rtx-pro-6000"), "LATEST"),
    ],
)
def test_who_brings_the_driver(spec: PoolSpec, version: str) -> None:
    (found,) = config(spec)["guestAccelerators"]
    assert found["gpuDriverInstallationConfig"] == {"gpuDriverVersion": version}


@pytest.mark.parametrize("spec", [SYSTEM, TPU, TPU_SLICE])
def test_only_gpus_are_attached(spec: PoolSpec) -> None:
    assert "guestAccelerators" not in config(spec)


@pytest.mark.parametrize(
    ("spec", "taints"),
    [
        (SYSTEM, []),
        (L4, [GPU_TAINT]),
        (L4_SPOT, [GPU_TAINT]),
        (A100_QUEUED, [GPU_TAINT]),
        (TPU, [TPU_TAINT]),
        (ARM, []),
        (
            replace(L4, taints=[TaintSpec(key="a", value="1"), TaintSpec(key="b", effect="NoExecute")]),
            [
                GPU_TAINT,
                {"key": "a", "value": "1", "effect": "NO_SCHEDULE"},
                {"key": "b", "value": "", "effect": "NO_EXECUTE"},
            ],
        ),
        (
            replace(SYSTEM, taints=[TaintSpec(key="c", effect="PreferNoSchedule")]),
            [{"key": "c", "value": "", "effect": "PREFER_NO_SCHEDULE"}],
        ),
    ],
)
def test_taints_but_those_that_google_sets_for_itself(spec: PoolSpec, taints: list[dict[str, str]]) -> None:
    assert config(spec)["taints"] == taints


@pytest.mark.parametrize(("spec", "behavior"), [(ARM, {"architectureTaintBehavior": "NONE"}), (SYSTEM, None)])
def test_arm_is_chosen_by_the_pool_and_not_kept_off_by_a_taint(spec: PoolSpec, behavior: object) -> None:
    assert config(spec).get("taintConfig") == behavior


@pytest.mark.parametrize(
    ("spec", "spot", "flex_start", "reservation"),
    [
        (L4, None, None, None),
        (L4_SPOT, True, None, {"consumeReservationType": "NO_RESERVATION"}),
        (A100_FLEX, None, True, {"consumeReservationType": "NO_RESERVATION"}),
        (A100_QUEUED, None, True, {"consumeReservationType": "NO_RESERVATION"}),
        (
            H100_RESERVED,
            None,
            None,
            {"consumeReservationType": "SPECIFIC_RESERVATION", "key": RESERVATION_KEY, "values": ["h100"]},
        ),
        (
            replace(H100_RESERVED, capacity=ReservationSpec(reservation="h100/reservationBlocks/one")),
            None,
            None,
            {
                "consumeReservationType": "SPECIFIC_RESERVATION",
                "key": RESERVATION_KEY,
                "values": [f"projects/{PROJECT}/reservations/h100/reservationBlocks/one"],
            },
        ),
    ],
)
def test_capacity(spec: PoolSpec, spot: object, flex_start: object, reservation: object) -> None:
    found = config(spec)
    assert found.get("spot") is spot
    assert found.get("flexStart") is flex_start
    assert found.get("reservationAffinity") == reservation


@pytest.mark.parametrize(
    ("spec", "image", "secure_boot", "streaming"),
    [
        (SYSTEM, "COS_CONTAINERD", True, True),
        (L4, "COS_CONTAINERD", True, True),
        (TPU, "COS_CONTAINERD", True, True),
        (UBUNTU, "UBUNTU_CONTAINERD", False, False),
        (OPERATOR, "UBUNTU_CONTAINERD", False, False),
        (replace(SYSTEM, node_image="ubuntu"), "UBUNTU_CONTAINERD", True, False),
    ],
)
def test_images(spec: PoolSpec, image: str, *, secure_boot: bool, streaming: bool) -> None:
    found = config(spec)
    assert found["imageType"] == image
    assert found["shieldedInstanceConfig"] == {"enableSecureBoot": secure_boot, "enableIntegrityMonitoring": True}
    assert found["gcfsConfig"] == {"enabled": streaming}


def test_image_streaming_can_be_off() -> None:
    assert config(L4, gke_spec(image_streaming=False))["gcfsConfig"] == {"enabled": False}


@pytest.mark.parametrize("spec", ALL.values(), ids=ALL)
def test_pods_do_not_get_the_nodes_service_account(spec: PoolSpec) -> None:
    found = config(spec)
    assert found["serviceAccount"] == NODES
    assert found["workloadMetadataConfig"] == {"mode": "GKE_METADATA"}
    assert found["oauthScopes"] == ["https://www.googleapis.com/auth/cloud-platform"]
    assert found["resourceLabels"] == {"team": "ml"}
    assert found["gvnic"] == {"enabled": True}


@pytest.mark.parametrize(
    ("spec", "kind", "gib", "local"),
    [
        (SYSTEM, "pd-balanced", 100, None),
        (L4, "pd-balanced", 200, None),
        (H100_RESERVED, "pd-balanced", 100, {"localSsdCount": 16}),
        (H200_RDMA, "hyperdisk-balanced", 100, {"localSsdCount": 32}),
    ],
)
def test_disks(spec: PoolSpec, kind: str, gib: int, local: object) -> None:
    found = config(spec)
    assert (found["diskType"], found["diskSizeGb"]) == (kind, gib)
    assert found.get("ephemeralStorageLocalSsdConfig") == local
    assert "bootDiskKmsKey" not in found


def test_disks_have_the_key_that_is_given() -> None:
    assert config(SYSTEM, disk_key=KEY)["bootDiskKmsKey"] == KEY


def test_further_disks_start_with_what_they_hold() -> None:
    spec = gke_spec(secondary_boot_disks={"pool": disks("container_images", "data")})
    assert config(L4, spec)["secondaryBootDisks"] == [
        {"diskImage": f"projects/{PROJECT}/global/images/container-images", "mode": "CONTAINER_IMAGE_CACHE"},
        {"diskImage": f"projects/{PROJECT}/global/images/data"},
    ]
    other = gke_spec(secondary_boot_disks={"another": disks("data")})
    assert "secondaryBootDisks" not in config(L4, other)
