"""The SDK's generated protocol modules without the SDK."""

import importlib.util
import sys
import types


def use_protocol_only(plugin: str) -> None:
    """Makes `pulumi.runtime.proto` importable without running the packages above it.

    Only the generated modules are needed by a plugin; importing the SDK itself would cost every run of the engine a
    second of start-up. A process that has the SDK already keeps it.

    Args:
        plugin: the program's name, for the message where the SDK is not installed.
    """
    if "pulumi" in sys.modules:
        return
    for package in ("pulumi", "pulumi.runtime"):
        spec = importlib.util.find_spec(package)
        if spec is None or spec.submodule_search_locations is None:
            sys.exit(f"{plugin}: the Python package {package} is not installed in {sys.prefix}")
        module = types.ModuleType(package)
        module.__spec__ = spec
        module.__path__ = list(spec.submodule_search_locations)
        sys.modules[package] = module
