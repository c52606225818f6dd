"""Reading a kubeconfig: the active context as a `Connection`.

Covers what clusters and clouds hand out: certificates, tokens, basic authentication and exec plugins. The legacy
`auth-provider` block is refused. https://kubernetes.io/docs/concepts/configuration/organize-cluster-access-kubeconfig/
"""

import base64
import binascii
import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from tools.offline.common.values import Json, as_list, as_map, as_text

_LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class KubeconfigError(ValueError):
    """The kubeconfig cannot be used; the message never repeats its contents."""


@dataclass(frozen=True, kw_only=True)
class Connection:
    """How to reach an API server. Its representation hides every credential."""

    server: str
    namespace: str = "default"
    ca_pem: str | None = None
    skip_tls_verify: bool = False
    tls_server_name: str | None = None
    proxy_url: str | None = None
    client_cert_pem: str | None = field(default=None, repr=False)
    client_key_pem: str | None = field(default=None, repr=False)
    token: str | None = field(default=None, repr=False)
    token_file: Path | None = None
    basic_auth: tuple[str, str] | None = field(default=None, repr=False)
    exec_plugin: Json | None = field(default=None, repr=False)


def parse(path_or_contents: Any) -> tuple[Json, Path]:
    """The kubeconfig as JSON, and the folder that its relative paths start from.

    Args:
        path_or_contents: contents (YAML or JSON), a path (`~` is the home folder), or a mapping.

    Raises:
        KubeconfigError: neither an existing file nor a kubeconfig.
    """
    if isinstance(path_or_contents, dict):
        return as_map(path_or_contents), Path.cwd()
    text = as_text(path_or_contents)
    folder = Path.cwd()
    path = _as_existing_file(text)
    if path is not None:
        folder = path.parent
        text = path.read_text()
    try:
        config = yaml.load(text, Loader=_LOADER)  # noqa: S506  (a safe loader, written in C where there is one)
    except yaml.YAMLError as error:
        line = getattr(getattr(error, "problem_mark", None), "line", None)
        where = f" at line {line + 1}" if isinstance(line, int) else ""
        raise KubeconfigError(f"it is neither an existing file nor YAML{where}") from None
    if not isinstance(config, dict):
        raise KubeconfigError("it is neither an existing file nor the contents of a kubeconfig")
    return as_map(config), folder


def _as_existing_file(text: str) -> Path | None:
    if not text or "\n" in text:
        return None
    try:
        path = Path(text).expanduser() if text.startswith("~") else Path(text)
        return path if path.is_file() else None
    except (OSError, RuntimeError, ValueError):
        return None


def ambient() -> tuple[Json, Path]:
    """The kubeconfig that kubectl would use: the files of KUBECONFIG merged, or `~/.kube/config`.

    Raises:
        KubeconfigError: there is no such file, or one cannot be read.
    """
    names = [name for name in os.environ.get("KUBECONFIG", "").split(os.pathsep) if name]
    paths = [Path(name) for name in names] or [Path.home() / ".kube" / "config"]
    merged: Json = {}
    folder = Path.cwd()
    for path in (path for path in paths if path.is_file()):
        config, folder = parse(str(path))
        for key, value in config.items():
            if isinstance(value, list):
                merged[key] = [*as_list(merged.get(key)), *_with_absolute_paths(as_list(value), folder)]
            else:
                merged.setdefault(key, value)
    if not merged:
        raise KubeconfigError(f"no kubeconfig was given, and there is none at {os.pathsep.join(map(str, paths))}")
    return merged, folder


def _with_absolute_paths(entries: list[Any], folder: Path) -> list[Json]:
    keys = ("certificate-authority", "client-certificate", "client-key", "tokenFile")
    result: list[Json] = []
    for entry in (as_map(entry) for entry in entries):
        body = {
            name: {k: str(folder / v) if k in keys and v else v for k, v in as_map(value).items()}
            if isinstance(value, dict)
            else value
            for name, value in entry.items()
        }
        result.append(body)
    return result


def active_cluster(config: Json, *, context: str | None, cluster: str | None) -> Json | None:
    """The cluster entry that would be used, or None if the kubeconfig does not say."""
    chosen = _named(config, "contexts", context or as_text(config.get("current-context")), "context")
    if chosen is None:
        return None
    return _named(config, "clusters", cluster or as_text(chosen.get("cluster")), "cluster")


def connection(config: Json, folder: Path, *, context: str | None, cluster: str | None) -> Connection:
    """What the active context says, with files read.

    Raises:
        KubeconfigError: a part is missing or cannot be used.
    """
    context_name = context or as_text(config.get("current-context"))
    if not context_name:
        raise KubeconfigError("it has no current-context, and the provider names no context")
    chosen = _named(config, "contexts", context_name, "context")
    if chosen is None:
        known = ", ".join(sorted(as_text(as_map(item).get("name")) for item in as_list(config.get("contexts"))))
        raise KubeconfigError(f"it has no context {context_name!r}; its contexts: {known or 'none'}")
    cluster_name = cluster or as_text(chosen.get("cluster"))
    target = _named(config, "clusters", cluster_name, "cluster")
    if target is None or not target.get("server"):
        raise KubeconfigError(f"it has no cluster {cluster_name!r} with a server address")
    user = _named(config, "users", as_text(chosen.get("user")), "user") or {}
    if "auth-provider" in user:
        raise KubeconfigError("its user has an auth-provider, which Kubernetes removed; use an exec plugin instead")
    return Connection(
        server=as_text(target.get("server")).rstrip("/"),
        namespace=as_text(chosen.get("namespace")) or "default",
        ca_pem=_pem(target, "certificate-authority", folder),
        skip_tls_verify=bool(target.get("insecure-skip-tls-verify")),
        tls_server_name=as_text(target.get("tls-server-name")) or None,
        proxy_url=as_text(target.get("proxy-url")) or None,
        client_cert_pem=_pem(user, "client-certificate", folder),
        client_key_pem=_pem(user, "client-key", folder),
        token=as_text(user.get("token")) or None,
        token_file=folder / as_text(user.get("tokenFile")) if user.get("tokenFile") else None,
        basic_auth=(as_text(user.get("username")), as_text(user.get("password"))) if user.get("username") else None,
        exec_plugin=as_map(user.get("exec")) or None,
    )


def _named(config: Json, section: str, name: str, key: str) -> Json | None:
    for item in (as_map(item) for item in as_list(config.get(section))):
        if item.get("name") == name:
            return as_map(item.get(key))
    return None


def _pem(entry: Json, key: str, folder: Path) -> str | None:
    data = as_text(entry.get(f"{key}-data"))
    if data:
        try:
            return base64.b64decode(data, validate=True).decode()
        except (binascii.Error, UnicodeDecodeError):
            raise KubeconfigError(f"its {key}-data is not base64 of a PEM file") from None
    path = as_text(entry.get(key))
    if not path:
        return None
    try:
        return (folder / path).read_text()
    except (OSError, UnicodeDecodeError) as error:
        raise KubeconfigError(f"its {key} {path} cannot be read: {type(error).__name__}") from None
