"""Turns a failed program's output into a cause and a fix."""

_NETWORK_SIGNS = (
    "no such host",
    "dial tcp",
    "i/o timeout",
    "Connection refused",
    "connection refused",
    "Network is unreachable",
    "Temporary failure in name resolution",
    "Failed to establish a new connection",
    "Could not connect to",
    "Could not resolve",
    "Max retries exceeded",
    "proxyconnect",
    "TLS handshake timeout",
)
_DISK_SIGNS = ("no space left on device", "No space left on device", "disk quota exceeded")
_MEMORY_SIGNS = ("signal: killed", "cannot allocate memory", "out of memory")
_TAIL_LINES = 12


def explain(action: str, output: str) -> str:
    """Return a message for a failed action: the likely cause and its fix, then the end of what the program said."""
    tail = "\n".join(f"  {line}" for line in output.strip().splitlines()[-_TAIL_LINES:])
    return f"{action} failed: {_cause(output)}\n{tail}"


def _cause(output: str) -> str:
    if any(sign in output for sign in _DISK_SIGNS):
        return (
            "the disk is full; free some space, or name a folder on another disk with XDG_CACHE_HOME, and run it again"
        )
    if any(sign in output for sign in _NETWORK_SIGNS):
        return (
            "the network was not reached; check it (proxies and mirrors: HTTPS_PROXY, GOPROXY, PIP_INDEX_URL) and run "
            "it again: finished steps are kept"
        )
    if any(sign in output for sign in _MEMORY_SIGNS):
        return (
            "memory ran out; close other programs or give the machine more, and run it again: finished parts are kept"
        )
    if "No module named pip" in output:
        return "this Python has no pip; install it (on Debian and Ubuntu: apt-get install python3-pip python3-venv)"
    if "SECURITY ERROR" in output or "DO NOT MATCH THE HASHES" in output:
        return "what was downloaded is not what the project pinned; do not use it, and report it to the project"
    if "No matching distribution found" in output:
        return "there is no wheel for this system and Python; use another Python, or install the program yourself"
    return "it said:"
