"""How `make test` gives files to its processes."""

import os
import re
import subprocess
import sys
from pathlib import Path

from tests.support.paths import ROOT

_HOOKS = "from tests.conftest import pytest_collection_modifyitems, pytest_xdist_make_scheduler\n"
_TESTS = """
import pytest


@pytest.mark.parametrize("number", range(4))
def test_it(number):
    pass
"""
_PASSED = re.compile(r"^\[(?P<process>gw\d)\].* PASSED tests/engine/(?P<file>\w+)\.py::", re.MULTILINE)


def test_a_file_stays_whole_and_those_of_the_real_node_come_first_and_together(tmp_path: Path) -> None:
    (tmp_path / "conftest.py").write_text(_HOOKS, encoding="utf-8")
    folder = tmp_path / "tests" / "engine"
    folder.mkdir(parents=True)
    files = ("test_a", "test_host_cluster", "test_c", "test_local_images", "test_z")
    for name in files:
        (folder / f"{name}.py").write_text(_TESTS, encoding="utf-8")
    done = subprocess.run(
        [
            *(sys.executable, "-m", "pytest", "-v", "-p", "no:cacheprovider", "--rootdir=.", "--config-file=/dev/null"),
            *("--numprocesses=2", "--dist=loadfile"),
        ],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout
    ran = [(match["file"], match["process"]) for match in _PASSED.finditer(done.stdout)]
    assert len(ran) == 4 * len(files)
    assert len(set(ran)) == len(files), "each file in one process"
    [busy] = {process for file, process in ran if file in {"test_host_cluster", "test_local_images"}}
    in_order = list(dict.fromkeys(file for file, process in ran if process == busy))
    assert in_order[:2] == ["test_host_cluster", "test_local_images"]
