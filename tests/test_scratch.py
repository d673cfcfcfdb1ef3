"""The folder of a server: whose it is, what is left of it, and how much it may hold."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pytest

from styleswap import scratch
from tests.helpers import ROOT

HOLD = """
import sys, tempfile
from styleswap import scratch
with scratch.claimed() as folder:
    tempfile.mkdtemp()
    print(folder, flush=True)
    sys.stdin.read()
"""


@pytest.fixture(autouse=True)
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where the folders are made; what claiming one changes is put back afterwards."""
    monkeypatch.setenv("GRADIO_TEMP_DIR", str(tmp_path / "gradio"))
    monkeypatch.setenv("TMPDIR", os.environ.get("TMPDIR", tempfile.gettempdir()))
    monkeypatch.setattr(tempfile, "tempdir", tempfile.gettempdir())
    return tmp_path / "gradio"


def other() -> tuple[subprocess.Popen[str], Path]:
    """Another process, and its folder."""
    process = subprocess.Popen(
        [sys.executable, "-c", HOLD],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout
    return process, Path(process.stdout.readline().strip())


def test_all_temporary_files_lie_in_it_and_nothing_is_left() -> None:
    with scratch.claimed() as folder:
        assert Path(os.environ["GRADIO_TEMP_DIR"]).parent == folder
        assert Path(tempfile.mkdtemp()).parent.parent == folder
        assert (folder / "files").stat().st_mode & 0o077 == 0
    assert not folder.exists()


def test_what_a_killed_process_left_is_deleted_and_what_a_live_one_has_is_not(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    killed, left = other()
    killed.kill()
    killed.wait()
    alive, used = other()
    try:
        assert left.exists() is False  # the second has cleaned up after the first
        assert used.exists()
        with scratch.claimed():
            assert used.exists()
    finally:
        alive.communicate("")
    assert not used.exists() and list(place.iterdir()) == []


def test_without_a_place_of_its_own_it_is_in_the_system_s(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("GRADIO_TEMP_DIR")
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    with scratch.claimed() as folder:
        assert folder.parent.parent == tmp_path
        assert folder.parent.stat().st_mode & 0o077 == 0
    # Somebody else's folder of that name is not used.
    folder.parent.rmdir()
    folder.parent.symlink_to(tmp_path / "elsewhere")
    monkeypatch.delenv("GRADIO_TEMP_DIR")
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    with scratch.claimed() as folder:
        assert folder.parent.name.startswith("styleswap-") and not folder.parent.is_symlink()


def put(path: Path, size: int, age: float) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"0" * size)
    os.utime(path, (time.time() - age,) * 2)
    return path


def test_the_oldest_are_deleted_first(tmp_path: Path) -> None:
    files = [put(tmp_path / f"{k}" / "a.png", 100_000, 1000 - k) for k in range(10)]
    kept = put(tmp_path / "page" / "lake.jpg", 100_000, 9999)
    left = scratch.tidy(tmp_path, 500_000, {str(kept)})
    assert left <= 500_000 and kept.exists()
    there = [file.exists() for file in files]
    assert there == sorted(there) and 3 <= sum(there) <= 4
    assert not files[0].parent.exists()


def test_what_is_new_stays_unless_there_is_far_too_much(tmp_path: Path) -> None:
    files = [put(tmp_path / f"{k}" / "a.png", 100_000, 10 - k) for k in range(10)]
    scratch.tidy(tmp_path, 600_000)
    assert all(file.exists() for file in files)
    scratch.tidy(tmp_path, 200_000)
    assert 3 <= sum(file.exists() for file in files) <= 4


def test_what_is_left_of_a_broken_upload_goes(tmp_path: Path) -> None:
    old, new = put(tmp_path / "tmpabc", 10, 500), put(tmp_path / "tmpdef", 10, 5)
    inside = put(tmp_path / "x" / "a.png", 10, 500)
    scratch.tidy(tmp_path, 10**9)
    assert not old.exists() and new.exists() and inside.exists()


def test_room_on_the_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert not scratch.is_full(tmp_path) and scratch.is_full(tmp_path / "nowhere")
    monkeypatch.setattr(scratch, "RESERVE", 2**62)
    assert scratch.is_full(tmp_path)
