"""Entry of the plugin: the engine runs `pulumi-resource-kubernetes <engine address>` and reads the port from stdout."""

import importlib.util
import sys
import types


def _register_without_running(package: str) -> None:
    """Makes submodules of `package` importable without running its `__init__`.

    Only the SDK's generated protocol modules are needed here; importing the SDK itself would cost every run of
    the engine a second of start-up.
    """
    spec = importlib.util.find_spec(package)
    if spec is None or spec.submodule_search_locations is None:
        sys.exit(f"pulumi-resource-kubernetes: the Python package {package} is not installed in {sys.prefix}")
    module = types.ModuleType(package)
    module.__spec__ = spec
    module.__path__ = list(spec.submodule_search_locations)
    sys.modules[package] = module


_register_without_running("pulumi")
_register_without_running("pulumi.runtime")

from tools.offline.kubernetes.server import serve  # noqa: E402  (the lines above must come first)

if __name__ == "__main__":
    serve(sys.argv[1:])
