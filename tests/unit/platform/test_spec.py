import pytest

from modelyard.errors import ConfigError
from modelyard.operators.spec import ChartsSpec
from modelyard.platform.spec import PlatformSpec
from modelyard.spec import load_json, validate


@pytest.mark.parametrize(
    "mirror", ["oci://registry.example.org/charts", "https://charts.example.org", "oci://r:5000/a/"]
)
def test_a_mirror_is_an_oci_path_or_an_https_repository(mirror: str) -> None:
    assert validate(PlatformSpec(charts=ChartsSpec(mirror=mirror))).charts.mirror == mirror


@pytest.mark.parametrize("mirror", ["registry.example.org/charts", "http://charts.example.org", "oci://", "oci://a b"])
def test_another_mirror_is_refused(mirror: str) -> None:
    with pytest.raises(ConfigError, match="is no chart repository; write oci://HOST/PATH or https://HOST/PATH"):
        validate(ChartsSpec(mirror=mirror))


def test_a_password_in_a_mirror_is_refused_and_not_shown() -> None:
    with pytest.raises(ConfigError) as caught:
        load_json(PlatformSpec, '{"charts": {"mirror": "https://bot:hunter2@charts.example.org"}}')
    assert str(caught.value).startswith("charts.mirror: holds a user name or password")
    assert "hunter2" not in str(caught.value)
