"""
The SDK's protocol stubs without the SDK.

`import pulumi` takes 0.30 s and 45 MB, for resources and outputs that a language host never touches. So the packages on
the way to `pulumi.runtime.proto` are put in place as empty ones and only the generated modules are loaded: 0.12 s and
33 MB (Python 3.11, compiled, two cores). The program's own process imports the SDK as usual.
"""

import sys
from importlib.machinery import PathFinder
from types import ModuleType

_PACKAGES = ("pulumi", "pulumi.runtime", "pulumi.runtime.proto")


class SdkMissingError(ImportError):
    """This Python has no Pulumi SDK."""


def prepare() -> None:
    """Make `from pulumi.runtime.proto import …_pb2` cheap; call it before anything imports pulumi."""
    path: list[str] | None = None
    for name in _PACKAGES:
        spec = PathFinder.find_spec(name, path)
        if spec is None or spec.submodule_search_locations is None:
            raise SdkMissingError(f"{sys.executable} has no package {name}")
        path = list(spec.submodule_search_locations)
        package = ModuleType(name)
        package.__path__ = path
        sys.modules[name] = package
