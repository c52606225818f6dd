"""How the language host starts: quickly, and with words where it cannot."""

import subprocess
import sys

from tests.support.paths import ROOT

HOST = ROOT / "tools" / "offline" / "host"


def test_host_without_the_sdk_says_so() -> None:
    """A Python without the SDK is named, with what to do, and no traceback."""
    # -S: without the environment's packages.
    started = subprocess.run(
        [sys.executable, "-S", str(HOST / "__main__.py"), "127.0.0.1:1"], capture_output=True, text=True, check=False
    )
    assert started.returncode == 1
    assert f"pulumi-language-python: {sys.executable} has no package pulumi" in started.stderr
    assert "run `make up`" in started.stderr
    assert "Traceback" not in started.stderr


def test_host_loads_no_more_of_the_sdk_than_its_protocol() -> None:
    """The host's modules are imported without resources, outputs or the Automation API."""
    program = (
        "import sys\nfrom tools.offline.common.protocol import use_protocol_only\n"
        "use_protocol_only('a-plugin')\nimport tools.offline.host.runtime\n"
        "print(*(name for name in sys.modules if name.startswith('pulumi')))\n"
    )
    loaded = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout.split()
    assert "pulumi.runtime.proto.language_pb2" in loaded
    outside = [name for name in loaded if not f"{name}.".startswith("pulumi.runtime.proto.")]
    assert sorted(outside) == ["pulumi", "pulumi.runtime"]
