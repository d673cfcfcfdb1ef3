"""How torch's threads wait, on a machine that others use as well."""

from __future__ import annotations

import os
import re
import subprocess
import sys

import pytest

from tests.helpers import ROOT

OURS, CHOSEN = "GOMP_SPINCOUNT", "OMP_WAIT_POLICY"
# What each way into the package imports first; the page and the command line do without torch.
WAYS = {"page": "import app", "commands": "import styleswap.cli", "package": "import styleswap"}


def told(way: str, **chosen: str) -> dict[str, str]:
    """What libgomp says it was told, where the package is imported in a way and then torch."""
    kept = {name: value for name, value in os.environ.items() if name not in (OURS, CHOSEN)}
    ran = subprocess.run(
        [sys.executable, "-c", f"{WAYS[way]}\nimport torch"],
        env=kept | {"OMP_DISPLAY_ENV": "verbose", **chosen},
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    return dict(re.findall(r"(\w+) = '(.*)'", ran.stderr))


libgomp = pytest.mark.skipif(
    sys.platform != "linux", reason="torch's threads are libgomp's on Linux alone"
)


@libgomp
@pytest.mark.parametrize("way", WAYS)
def test_threads_soon_sleep_where_nobody_chose_how_they_wait(way: str) -> None:
    assert told(way)[OURS] == "1000"


@libgomp
def test_what_was_chosen_is_kept() -> None:
    assert told("package", GOMP_SPINCOUNT="77")[OURS] == "77"
    assert told("package", OMP_WAIT_POLICY="passive")[OURS] == "0"
    assert told("package", OMP_WAIT_POLICY="active")[CHOSEN] == "ACTIVE"
