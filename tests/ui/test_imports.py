"""specs, media and ui/ start without torch in sight: only the engine may reach it."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import styleswap

PACKAGE = Path(styleswap.__file__).parent
FILES = [
    PACKAGE / "specs.py",
    PACKAGE / "media.py",
    PACKAGE / "mend.py",
    PACKAGE / "errors.py",
    PACKAGE / "request.py",
    *sorted((PACKAGE / "ui").glob("*.py")),
]


def imported(source: str) -> set[str]:
    """The modules that a file imports anywhere, functions included."""
    names = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            names |= {node.module or ""} | {f"{node.module}.{a.name}" for a in node.names}
    return names


@pytest.mark.parametrize("file", FILES, ids=lambda f: f.name)
def test_no_torch(file: Path) -> None:
    roots = {name.partition(".")[0] for name in imported(file.read_text("utf-8"))}
    assert not roots & {"torch", "torchvision"}


def test_the_page_is_built_without_what_takes_long_to_import() -> None:
    """Whoever starts it would wait for that as well."""
    program = """
import sys
from styleswap.late import late
from styleswap.live import Room
from styleswap.ui import page

def make():
    raise AssertionError("the engine is made before it is needed")

page.build(Room(late(make)))
slow = {"torch", "torchvision", "openvino", "skimage", "scipy", "accelerate", "matplotlib"}
print(*sorted(slow & sys.modules.keys()))
"""
    ran = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, cwd=PACKAGE.parent
    )
    assert (ran.stdout.strip(), ran.returncode) == ("", 0), ran.stderr


@pytest.mark.parametrize("name", ["specs.py", "media.py", "mend.py", "errors.py"])
def test_the_ground_floor_imports_nothing_above_it(name: str) -> None:
    ours = {n for n in imported((PACKAGE / name).read_text("utf-8")) if n.startswith("styleswap.")}
    assert {n.split(".")[1] for n in ours} <= {"errors", "specs", "mend"}


def test_the_reader_of_imports_sees_them() -> None:
    found = imported("def f():\n    import torch.nn as nn\n    from torchvision import models\n")
    assert {"torch.nn", "torchvision", "torchvision.models"} <= found
