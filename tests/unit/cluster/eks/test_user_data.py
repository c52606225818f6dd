import email
import tomllib
from email.message import Message

import pytest
import yaml

from modelyard.cluster.eks.user_data import al2023, bottlerocket
from modelyard.gpu.fabric import HUGE_PAGES_2MIB


def parts(text: str | None) -> dict[str, str]:
    assert text
    message = email.message_from_string(text)
    assert message.is_multipart()
    found: list[Message] = message.get_payload()  # pyright: ignore[reportAssignmentType]
    return {part.get_content_type(): str(part.get_payload()) for part in found}


def test_nothing_is_written_where_nothing_is_to_be_set() -> None:
    assert al2023(local_storage=False, huge_pages=False) is None
    assert bottlerocket({}, local_storage=False, huge_pages=False) is None


def test_amazon_linux_makes_one_array_of_nvme_disks() -> None:
    (config,) = parts(al2023(local_storage=True, huge_pages=False)).items()
    assert config[0] == "application/node.eks.aws"
    assert yaml.safe_load(config[1]) == {
        "apiVersion": "node.eks.aws/v1alpha1",
        "kind": "NodeConfig",
        "spec": {"instance": {"localStorage": {"strategy": "RAID0"}}},
    }


def test_amazon_linux_reserves_huge_pages_now_and_after_a_restart() -> None:
    found = parts(al2023(local_storage=True, huge_pages=True))
    assert set(found) == {"application/node.eks.aws", "text/x-shellscript"}
    script = found["text/x-shellscript"]
    assert script.startswith("#!/bin/bash\n")
    assert f"sysctl -w vm.nr_hugepages={HUGE_PAGES_2MIB}\n" in script
    assert "/etc/sysctl.d/" in script


def test_bottlerocket_gets_settings_as_toml() -> None:
    settings = {
        "kubelet-device-plugins": {
            "nvidia": {"device-sharing-strategy": "time-slicing", "time-slicing": {"replicas": 4, "on": True}}
        }
    }
    text = bottlerocket(settings, local_storage=False, huge_pages=False)
    assert text
    assert tomllib.loads(text) == {"settings": settings}


def test_bottlerocket_keys_with_dots_stay_one_key() -> None:
    text = bottlerocket({"mig": {"profile": {"h100.80gb": '1g."x"'}}}, local_storage=False, huge_pages=False)
    assert text
    assert tomllib.loads(text)["settings"]["mig"]["profile"] == {"h100.80gb": '1g."x"'}


@pytest.mark.parametrize("settings", [{}, {"kernel": {"lockdown": "integrity", "sysctl": {"net.core.somaxconn": "9"}}}])
def test_bottlerocket_keeps_given_settings_beside_its_own(settings: dict[str, dict[str, object]]) -> None:
    text = bottlerocket(settings, local_storage=True, huge_pages=True)
    assert text
    found = tomllib.loads(text)["settings"]
    command = found["bootstrap-commands"]["000-local-storage"]
    assert command["commands"][0] == ["apiclient", "ephemeral-storage", "init"]
    assert command["mode"] == "always"
    assert found["kernel"]["sysctl"]["vm.nr_hugepages"] == str(HUGE_PAGES_2MIB)
    if settings:
        assert found["kernel"]["lockdown"] == "integrity"
        assert found["kernel"]["sysctl"]["net.core.somaxconn"] == "9"
