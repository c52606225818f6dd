"""HTTPS to an API server: connection pool, TLS, credentials, rate limit."""

import base64
import json
import os
import re
import ssl
import subprocess
import tempfile
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import urllib3

from tools.offline.common.values import Json, as_list, as_map, as_text
from tools.offline.kubernetes.errors import ApiError, UnreachableError
from tools.offline.kubernetes.kubeconfig import Connection, KubeconfigError

_CONNECT_TIMEOUT_SECONDS = 10.0
_READ_TIMEOUT_SECONDS = 60.0
_EXEC_TIMEOUT_SECONDS = 60.0
_EXPIRY_MARGIN_SECONDS = 60.0
_CONNECTION_REPR = re.compile(r"^(<[^>]*>|\w+\(host=[^)]*\)): ")
# A request that was not sent, or that the server put off (429), may be repeated; one that broke off only if it reads.
_RETRY_ANY = urllib3.Retry(
    total=8, connect=2, read=0, status=6, other=0, backoff_factor=0.2, status_forcelist=(429,), allowed_methods=None
)
_RETRY_READS = urllib3.Retry(
    total=8, connect=2, read=2, status=6, other=0, backoff_factor=0.2, status_forcelist=(429,), allowed_methods=None
)


@dataclass(frozen=True, kw_only=True)
class Reply:
    """A successful answer: the body and the warnings that the API server added."""

    body: Json
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class _Credential:
    token: str | None
    cert_pem: str | None
    key_pem: str | None
    expires_at: float


class RateLimit:
    """At most `burst` requests at once and `per_second` from then on."""

    def __init__(self, *, per_second: float, burst: int) -> None:
        self._per_second = per_second
        self._burst = float(burst)
        self._tokens = float(burst)
        self._at = time.monotonic()
        self._lock = threading.Lock()

    def wait(self) -> None:
        """Blocks until the next request may be sent."""
        with self._lock:
            at = time.monotonic()
            self._tokens = min(self._burst, self._tokens + (at - self._at) * self._per_second)
            self._at = at
            self._tokens -= 1
            delay = -self._tokens / self._per_second
        if delay > 0:
            time.sleep(delay)


class Transport:
    """Sends requests to one API server, from any number of threads."""

    def __init__(self, connection: Connection, *, limit: RateLimit, timeout_seconds: float | None = None) -> None:
        self._connection = connection
        self._limit = limit
        self._read_timeout_seconds = timeout_seconds or _READ_TIMEOUT_SECONDS
        self._lock = threading.Lock()
        self._credential: _Credential | None = None
        self._pool: urllib3.PoolManager | None = None

    def request(
        self,
        method: str,
        path: str,
        *,
        query: Mapping[str, Any] | None = None,
        body: Any = None,
        content_type: str = "application/json",
    ) -> Reply:
        """Sends one request and returns the JSON it is answered with.

        Raises:
            ApiError: the server refused it.
            UnreachableError: no answer came.
        """
        self._limit.wait()
        url = self._connection.server + path + (f"?{urlencode(query, doseq=True)}" if query else "")
        try:
            pool, headers = self._authenticated()
            response = pool.request(
                method,
                url,
                body=None if body is None else json.dumps(body).encode(),
                headers={"Content-Type": content_type, **headers},
                timeout=urllib3.Timeout(connect=_CONNECT_TIMEOUT_SECONDS, read=self._read_timeout_seconds),
                retries=_RETRY_READS if method == "GET" else _RETRY_ANY,
                redirect=False,
            )
        except urllib3.exceptions.HTTPError as error:
            raise UnreachableError(f"{self._connection.server}: {_plain_reason(error)}") from None
        payload = _decode(response.data)
        if response.status >= 400:
            raise ApiError(response.status, payload)
        return Reply(body=payload, warnings=tuple(_warning_texts(response.headers.getlist("Warning"))))

    def _authenticated(self) -> tuple[urllib3.PoolManager, dict[str, str]]:
        connection = self._connection
        headers = {"Accept": "application/json", "User-Agent": "modelyard-kubernetes-stand-in"}
        with self._lock:
            credential = self._exec_credential()
            if self._pool is None:
                self._pool = _make_pool(
                    connection,
                    (credential and credential.cert_pem) or connection.client_cert_pem,
                    (credential and credential.key_pem) or connection.client_key_pem,
                )
            pool = self._pool
        token = (credential and credential.token) or connection.token
        if connection.token_file is not None:
            token = connection.token_file.read_text().strip()
        if token:
            headers["Authorization"] = f"Bearer {token}"
        elif connection.basic_auth:
            headers |= urllib3.make_headers(basic_auth=":".join(connection.basic_auth))
        return pool, headers

    def _exec_credential(self) -> _Credential | None:
        """The exec plugin's credential, asked for again shortly before it expires."""
        if self._connection.exec_plugin is None:
            return None
        if self._credential is None or time.time() > self._credential.expires_at - _EXPIRY_MARGIN_SECONDS:
            self._credential = _run_exec_plugin(self._connection)
            self._pool = None
        return self._credential


def _make_pool(connection: Connection, cert_pem: str | None, key_pem: str | None) -> urllib3.PoolManager:
    options: dict[str, Any] = {"num_pools": 4, "maxsize": 64}
    if connection.server.startswith("https:"):
        options["ssl_context"] = _tls_context(connection, cert_pem, key_pem)
        if connection.tls_server_name:
            options["server_hostname"] = options["assert_hostname"] = connection.tls_server_name
        if connection.skip_tls_verify:
            options["cert_reqs"] = "CERT_NONE"
    if connection.proxy_url:
        return urllib3.ProxyManager(connection.proxy_url, **options)
    return urllib3.PoolManager(**options)


def _tls_context(connection: Connection, cert_pem: str | None, key_pem: str | None) -> ssl.SSLContext:
    try:
        context = ssl.create_default_context(cadata=connection.ca_pem)
        if connection.skip_tls_verify:
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
        if cert_pem and key_pem:
            # OpenSSL reads a key from a file only; nobody else may, and it is gone at once.
            with tempfile.TemporaryDirectory(prefix="modelyard-") as folder:
                file = Path(folder, "client.pem")
                file.touch(mode=0o600)
                file.write_text(f"{cert_pem}\n{key_pem}\n")
                context.load_cert_chain(file)
    except (ssl.SSLError, ValueError) as error:
        raise KubeconfigError(f"its certificates cannot be used: {type(error).__name__}") from None
    return context


def _run_exec_plugin(connection: Connection) -> _Credential:
    """Runs a credential plugin: https://kubernetes.io/docs/reference/config-api/client-authentication.v1/."""
    plugin = as_map(connection.exec_plugin)
    command = [as_text(plugin.get("command")), *map(str, as_list(plugin.get("args")))]
    extra = {
        as_text(as_map(item).get("name")): as_text(as_map(item).get("value")) for item in as_list(plugin.get("env"))
    }
    spec: Json = {"interactive": False}
    if plugin.get("provideClusterInfo"):
        spec["cluster"] = _cluster_info(connection)
    info = {"apiVersion": plugin.get("apiVersion"), "kind": "ExecCredential", "spec": spec}
    try:
        done = subprocess.run(
            command,
            env={**os.environ, **extra, "KUBERNETES_EXEC_INFO": json.dumps(info)},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            check=True,
            timeout=_EXEC_TIMEOUT_SECONDS,
        )
        status = as_map(_decode(done.stdout).get("status"))
    except subprocess.CalledProcessError as error:
        # A plugin's stderr says why ("SSO session expired"); its stdout is the credential.
        why = error.stderr.decode(errors="replace").strip()[-500:]
        raise UnreachableError(f"the kubeconfig's exec plugin {command[0]} failed: {why}") from None
    except (OSError, subprocess.TimeoutExpired) as error:
        raise UnreachableError(
            f"the kubeconfig's exec plugin {command[0]} did not run: {type(error).__name__}"
        ) from None
    return _Credential(
        token=as_text(status.get("token")) or None,
        cert_pem=as_text(status.get("clientCertificateData")) or None,
        key_pem=as_text(status.get("clientKeyData")) or None,
        expires_at=_timestamp(as_text(status.get("expirationTimestamp"))),
    )


def _cluster_info(connection: Connection) -> Json:
    info = {
        "server": connection.server,
        "certificate-authority-data": base64.b64encode((connection.ca_pem or "").encode()).decode(),
        "tls-server-name": connection.tls_server_name,
        "insecure-skip-tls-verify": connection.skip_tls_verify,
        "proxy-url": connection.proxy_url,
    }
    return {key: value for key, value in info.items() if value}


def _timestamp(text: str) -> float:
    if not text:
        return float("inf")
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        return 0.0
    return (at if at.tzinfo else at.replace(tzinfo=UTC)).timestamp()


def _decode(data: bytes) -> Json:
    try:
        return as_map(json.loads(data))
    except ValueError:
        return {}


def _plain_reason(error: urllib3.exceptions.HTTPError) -> str:
    """The innermost cause, without the object addresses that urllib3 puts into its messages."""
    reason: Any = getattr(error, "reason", None) or error
    cause: Any = reason.__cause__ or reason
    return _CONNECTION_REPR.sub("", str(cause)) or type(cause).__name__


def _warning_texts(headers: list[str]) -> list[str]:
    """The texts in RFC 7234 Warning headers: `299 - "text"`."""
    return [header.partition('"')[2].rpartition('"')[0].replace('\\"', '"') for header in headers]
