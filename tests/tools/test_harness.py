"""The engine harness itself: what it does where a tool is missing, and what it takes from the person's environment."""

import pytest

from tests.support.toolchain import clean_environment, require_tool


def test_missing_tool_skips(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the tool a test is skipped with a reason."""
    monkeypatch.delenv("CI", raising=False)
    with pytest.raises(pytest.skip.Exception, match="no-such-tool is neither on PATH nor"):
        require_tool("no-such-tool")


def test_missing_tool_fails_in_ci(monkeypatch: pytest.MonkeyPatch) -> None:
    """CI does not pass by skipping."""
    monkeypatch.setenv("CI", "true")
    with pytest.raises(pytest.fail.Exception, match="no-such-tool is neither on PATH nor"):
        require_tool("no-such-tool")


def test_environment_has_nothing_of_the_persons_own_pulumi(monkeypatch: pytest.MonkeyPatch) -> None:
    """Backend, cluster and interpreter settings of whoever runs the tests do not reach the CLI."""
    for name in ("PULUMI_BACKEND_URL", "KUBECONFIG", "PYTHONPATH", "VIRTUAL_ENV"):
        monkeypatch.setenv(name, "theirs")
    monkeypatch.setenv("HTTPS_PROXY", "kept")
    environment = clean_environment()
    assert "theirs" not in environment.values()
    assert environment["HTTPS_PROXY"] == "kept"
