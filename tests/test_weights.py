from __future__ import annotations

import hashlib
import itertools
import json
import os
import struct
import subprocess
import sys
import threading
import time
import tomllib
from pathlib import Path
from typing import Any

import pytest
import safetensors.torch
import torch
from huggingface_hub import HfApi, HfFileSystem, constants
from hypothesis import given, settings
from hypothesis import strategies as st

from styleswap import weights
from styleswap.errors import StyleSwapError
from tests import hub_server
from tests.hub_server import Hub

hub = hub_server.hub

NEEDED = 4 * sum(torch.Size(shape).numel() for shape in weights.VGG19_SHAPES.values())


@pytest.fixture(scope="session")
def vgg19_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """VGG-19 as timm lays it out, random; of the classifier one layer is left out and one thin."""
    shapes = dict(weights.VGG19_SHAPES)
    for number in (30, 32, 34):
        shapes[f"features.{number}.weight"] = (512, 512, 3, 3)
        shapes[f"features.{number}.bias"] = (512,)
    shapes |= {"head.fc.weight": (1000, 4096), "head.fc.bias": (1000,)}
    shapes |= {"pre_logits.fc1.weight": (4096, 512, 1, 1), "pre_logits.fc1.bias": (4096,)}
    draw = torch.Generator().manual_seed(0)
    path = tmp_path_factory.mktemp("hub") / "model.safetensors"
    safetensors.torch.save_file(
        {name: torch.rand(shape, generator=draw) for name, shape in shapes.items()}, path
    )
    return path


@pytest.fixture
def vgg19_hub(hub: Hub, vgg19_file: Path, monkeypatch: pytest.MonkeyPatch) -> Hub:
    monkeypatch.setattr(weights, "PAUSE", 0.0)
    hub.add(weights.VGG19_REPO, weights.VGG19_REVISION, weights.VGG19_FILE, vgg19_file)
    return hub


def assert_right(tensors: dict[str, torch.Tensor], file: Path) -> None:
    wanted = safetensors.torch.load_file(file)
    assert set(tensors) == set(weights.VGG19_SHAPES)
    for name, tensor in tensors.items():
        assert tensor.dtype == torch.float32
        assert torch.equal(tensor, wanted[name]), name


def one_sentence(error: pytest.ExceptionInfo[StyleSwapError]) -> str:
    text = str(error.value)
    assert text.endswith(".") and "\n" not in text and ". " not in text
    return text


# The server itself: a fault in it would hide one in us.


def test_the_server_speaks_the_hubs_protocol(hub: Hub, tmp_path: Path) -> None:
    data = bytes(range(256)) * 40
    (tmp_path / "file.bin").write_bytes(data)
    hub.add("a/b", "1" * 40, "file.bin", tmp_path / "file.bin")
    api = HfApi()
    assert api.model_info("a/b", revision="1" * 40).sha == "1" * 40
    assert [entry.path for entry in api.list_repo_tree("a/b", revision="1" * 40)] == ["file.bin"]
    (info,) = api.get_paths_info("a/b", ["file.bin"], revision="1" * 40)
    assert info.lfs.sha256 == hashlib.sha256(data).hexdigest()
    with HfFileSystem(skip_instance_cache=True).open(
        "a/b/file.bin", revision="1" * 40, cache_type="none"
    ) as file:
        file.seek(300)
        assert file.read(20) == data[300:320]
    assert hub.served == [hub_server.Served("file.bin", 300, 320)]


# VGG-19 from the Hub.


def test_only_the_needed_bytes_are_fetched_and_then_never_again(
    vgg19_hub: Hub, vgg19_file: Path
) -> None:
    assert not weights.has_vgg19()
    seen: list[tuple[int, int]] = []
    tensors = weights.vgg19_features(lambda done, total: seen.append((done, total)))
    assert_right(tensors, vgg19_file)
    assert NEEDED <= vgg19_hub.sent <= 1.05 * NEEDED
    # A server that may compress sends the whole file.
    assert {answer.accepted for answer in vgg19_hub.served} == {"identity"}
    assert seen == sorted(seen) and seen[0] == (0, NEEDED) and seen[-1] == (NEEDED, NEEDED)
    assert weights.has_vgg19()

    # Beside it lies what `sha256sum --check` reads, and nothing is left of the download.
    path = weights.cache_dir() / "vgg19-features.safetensors"
    digest, name = Path(f"{path}.sha256").read_text().split()
    assert (digest, name) == (weights.sha256_of(path), path.name)
    assert not list(weights.cache_dir().glob("*.part"))

    vgg19_hub.close()
    before = list(vgg19_hub.requests)
    assert_right(weights.vgg19_features(), vgg19_file)
    assert vgg19_hub.requests == before


def test_a_connection_that_breaks_is_taken_up_again(vgg19_hub: Hub, vgg19_file: Path) -> None:
    # The first two answers are the header's.
    vgg19_hub.cuts.extend([8, 100_000, 20_000_001, 0, 3, 0, 0, 7_000_000])
    assert_right(weights.vgg19_features(lambda done, total: None), vgg19_file)
    assert not vgg19_hub.cuts
    assert vgg19_hub.sent <= 1.05 * NEEDED


def test_a_download_that_was_given_up_goes_on_where_it_stopped(
    vgg19_hub: Hub, vgg19_file: Path
) -> None:
    vgg19_hub.cuts.extend([8, 100_000, 30_000_000] + [0] * 20)
    with pytest.raises(StyleSwapError, match="30 of 52 MB") as error:
        weights.vgg19_features(lambda done, total: None)
    one_sentence(error)
    assert not weights.has_vgg19()

    vgg19_hub.cuts.clear()
    vgg19_hub.served.clear()
    seen: list[int] = []
    tensors = weights.vgg19_features(lambda done, total: seen.append(done))
    assert_right(tensors, vgg19_file)
    assert seen[0] == 30_000_000 and seen[-1] == NEEDED
    assert vgg19_hub.sent <= 1.05 * (NEEDED - 30_000_000)


def test_a_person_who_stops_the_download_loses_nothing(vgg19_hub: Hub, vgg19_file: Path) -> None:
    class Stop(Exception):
        pass

    def stop(done: int, total: int) -> None:
        if done > 10_000_000:
            raise Stop

    with pytest.raises(Stop):
        weights.vgg19_features(stop)
    seen: list[int] = []
    assert_right(weights.vgg19_features(lambda done, total: seen.append(done)), vgg19_file)
    assert seen[0] > 10_000_000


def test_a_part_that_is_too_long_is_begun_again(vgg19_hub: Hub, vgg19_file: Path) -> None:
    vgg19_hub.cuts.extend([8, 100_000] + [0] * weights.TRIES)
    with pytest.raises(StyleSwapError, match="0 of 52 MB"):
        weights.vgg19_features(lambda done, total: None)
    (part,) = weights.cache_dir().glob("*.part")
    os.truncate(part, NEEDED + 1)
    assert_right(weights.vgg19_features(lambda done, total: None), vgg19_file)


def test_a_damaged_cache_is_fetched_again(vgg19_hub: Hub, vgg19_file: Path) -> None:
    weights.vgg19_features(lambda done, total: None)
    path = weights.cache_dir() / "vgg19-features.safetensors"
    sidecar = Path(f"{path}.sha256")

    def refetched() -> None:
        vgg19_hub.served.clear()
        assert_right(weights.vgg19_features(lambda done, total: None), vgg19_file)
        assert NEEDED <= vgg19_hub.sent <= 1.05 * NEEDED

    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)
    refetched()
    os.truncate(path, path.stat().st_size - 1000)
    refetched()
    sidecar.write_bytes(b"\xff")
    refetched()
    # Whole, but from a version of ours that took other layers.
    path.write_bytes(safetensors.torch.save({"features.0.bias": torch.zeros(64)}))
    sidecar.write_text(weights.sha256_of(path))
    refetched()
    os.truncate(path, 1000)
    vgg19_hub.close()
    with pytest.raises(StyleSwapError, match="not on this machine"):
        weights.vgg19_features()
    assert not weights.has_vgg19() and not path.exists()


def test_another_process_creates_nothing_on_import_and_then_waits_for_this_ones_download(
    vgg19_hub: Hub, vgg19_file: Path, tmp_path: Path
) -> None:
    # It reads HF_ENDPOINT as it is read in life: by the client, on import.
    home = tmp_path / "home"
    environ = {"HF_ENDPOINT": vgg19_hub.url, "HF_HOME": str(home), "HF_HUB_OFFLINE": "0"}
    code = """if True:
        from styleswap import weights
        print("imported", flush=True)
        input()
        print(weights.has_vgg19(), flush=True)
        print(len(weights.vgg19_features()), weights.has_vgg19(), flush=True)
    """
    other: list[subprocess.Popen[str]] = []

    def meanwhile(done: int, total: int) -> None:
        """When a part of the download is here, let the other process want it too."""
        if other or done < 1_000_000:
            return
        process = subprocess.Popen(
            [sys.executable, "-c", code],
            env=os.environ | environ | {"OMP_NUM_THREADS": "1"},
            cwd=Path(__file__).parent.parent,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        other.append(process)
        assert process.stdin and process.stdout
        before = list(vgg19_hub.requests)
        assert process.stdout.readline() == "imported\n"
        assert vgg19_hub.requests == before and not home.exists()
        print(file=process.stdin, flush=True)
        assert process.stdout.readline() == "False\n"
        time.sleep(0.2)

    try:
        assert_right(weights.vgg19_features(meanwhile), vgg19_file)
        (process,) = other
        assert process.communicate(timeout=60)[0] == f"{len(weights.VGG19_SHAPES)} True\n"
    finally:
        for process in other:
            process.kill()
            process.wait()
    assert vgg19_hub.sent <= 1.05 * NEEDED


def test_offline_by_choice_by_refusal_and_by_silence(
    vgg19_hub: Hub, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused() -> str:
        with pytest.raises(StyleSwapError, match=r"Hub cannot be reached.*'small'") as error:
            weights.vgg19_features(lambda done, total: None)
        assert not weights.has_vgg19()
        return one_sentence(error)

    with monkeypatch.context() as patch:
        patch.setattr(constants, "HF_HUB_OFFLINE", True)
        refused()
        assert not vgg19_hub.requests
    with monkeypatch.context() as patch:
        template = "http://nowhere.invalid/{repo_id}/{revision}/{filename}"
        patch.setattr(constants, "HUGGINGFACE_CO_URL_TEMPLATE", template)
        refused()
    with monkeypatch.context() as patch:
        patch.setattr(weights, "TIMEOUT", 0.2)
        gate = threading.Event()
        patch.setattr(hub_server._HubHandler, "resolve", lambda self, **_: gate.wait(30))
        begun = time.monotonic()
        refused()
        assert time.monotonic() - begun < 10
        gate.set()
    vgg19_hub.close()
    refused()


def test_a_hub_that_refuses_is_named(vgg19_hub: Hub) -> None:
    for status in (404, 401, 429, 503):
        vgg19_hub.status = status
        vgg19_hub.requests.clear()
        with pytest.raises(StyleSwapError, match=f"error {status}") as error:
            weights.vgg19_features(lambda done, total: None)
        one_sentence(error)
        assert len(vgg19_hub.requests) == 1  # no waiting before the answer


def test_a_server_without_ranges_does_not_get_to_send_everything(vgg19_hub: Hub) -> None:
    vgg19_hub.ranges = False
    with pytest.raises(StyleSwapError, match="part") as error:
        weights.vgg19_features(lambda done, total: None)
    one_sentence(error)
    assert vgg19_hub.sent < NEEDED


def small_header(**changes: Any) -> bytes:
    """The header of a right file, but for `changes`; None leaves a tensor out."""
    header: dict[str, Any] = {}
    offset = 0
    for name, shape in weights.VGG19_SHAPES.items():
        size = 4 * torch.Size(shape).numel()
        header[name] = {"dtype": "F32", "shape": shape, "data_offsets": (offset, offset + size)}
        offset += size
    header |= {name.replace("__", "."): change for name, change in changes.items()}
    text = json.dumps({k: v for k, v in header.items() if v is not None}).encode()
    return struct.pack("<Q", len(text)) + text


@pytest.mark.parametrize(
    "content",
    [
        small_header(features__28__bias=None),
        small_header(features__0__weight={"dtype": "F16", "shape": [64, 3, 3, 3]}),
        small_header(
            features__0__weight={"dtype": "F16", "shape": [64, 3, 3, 3], "data_offsets": [0, 6912]}
        ),
        small_header(
            features__0__weight={"dtype": "F32", "shape": [3, 64, 3, 3], "data_offsets": [0, 6912]}
        ),
        small_header(
            features__0__weight={"dtype": "F32", "shape": [64, 3, 3, 3], "data_offsets": [0, 6908]}
        ),
        small_header(
            features__0__weight={"dtype": "F32", "shape": [64, 3, 3, 3], "data_offsets": [-8, 6904]}
        ),
        small_header(features__0__weight="?"),
        b"<!DOCTYPE html><title>Please log in to the hotel's network</title>",
        struct.pack("<Q", 4) + b"null",
        struct.pack("<Q", 2) + b"\xff\xfe",
    ],
)
def test_a_file_with_another_layout_is_refused_before_the_download(
    content: bytes, vgg19_hub: Hub, tmp_path: Path
) -> None:
    (tmp_path / "other").write_bytes(content)
    vgg19_hub.add(
        weights.VGG19_REPO, weights.VGG19_REVISION, weights.VGG19_FILE, tmp_path / "other"
    )
    with pytest.raises(StyleSwapError, match="does not hold VGG-19's layers") as error:
        weights.vgg19_features(lambda done, total: None)
    one_sentence(error)
    assert vgg19_hub.sent <= len(content)


def test_a_cache_that_cannot_be_written_is_named(
    vgg19_hub: Hub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "taken").write_text("a file where the folder should be")
    monkeypatch.setenv("STYLESWAP_CACHE", str(tmp_path / "taken" / "cache"))
    with pytest.raises(StyleSwapError, match="STYLESWAP_CACHE") as error:
        weights.vgg19_features(lambda done, total: None)
    one_sentence(error)


def test_the_cache_lies_in_the_hub_clients_home(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("STYLESWAP_CACHE", raising=False)
    monkeypatch.setattr(constants, "HF_HOME", str(tmp_path))
    assert weights.cache_dir() == tmp_path / "styleswap"
    assert not weights.cache_dir().exists()


@settings(deadline=None)
@given(
    lengths=st.lists(st.tuples(st.integers(1, 9), st.integers(0, 2)), max_size=8),
    skip=st.integers(0, 80),
)
def test_runs_cover_what_is_missing_and_nothing_else(
    lengths: list[tuple[int, int]], skip: int
) -> None:
    pieces, at = [], 0
    for length, gap in lengths:
        pieces.append(("tensor", at + gap, at + gap + length))
        at += gap + length
    wanted = [byte for _, start, end in pieces for byte in range(start, end)]
    runs = weights._runs(pieces, skip)
    assert [byte for start, end in runs for byte in range(start, end)] == wanted[skip:]
    assert all(left[1] < right[0] for left, right in itertools.pairwise(runs))


# The manifest and our own weights.


def entry_fields(**more: Any) -> dict[str, Any]:
    return {"file": "a.safetensors", "kind": "style", "title": "A", "sha256": "0" * 64} | more


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A manifest with one entry, `a`, whose tensors are a half, a double and a whole number."""
    tensors = {
        "half": torch.tensor([0.1, 65504.0], dtype=torch.float16),
        "single": torch.tensor([0.1]),
        "count": torch.tensor([3]),
    }
    safetensors.torch.save_file(tensors, tmp_path / "a.safetensors")
    fields = entry_fields(steps=7, losses={"content": 1.5})
    del fields["sha256"]
    weights.write_entry("a", fields, tmp_path)
    return tmp_path


def test_what_was_listed_loads_with_halves_widened(folder: Path) -> None:
    entry = weights.manifest(folder)["a"]
    assert (entry.name, entry.file, entry.kind, entry.title) == ("a", "a.safetensors", "style", "A")
    assert entry.sha256 == weights.sha256_of(folder / "a.safetensors")
    assert entry.about == {"steps": 7, "losses": {"content": 1.5}}
    tensors = weights.load("a", folder)
    assert tensors["half"].dtype == torch.float32
    assert tensors["half"].tolist() == torch.tensor([0.1, 65504.0]).half().tolist()
    assert tensors["single"].dtype == torch.float32 and tensors["count"].dtype == torch.int64


def test_faults_of_the_folder_are_one_sentence_each(folder: Path, tmp_path: Path) -> None:
    def refused(match: str, name: str = "a", where: Path = folder) -> None:
        with pytest.raises(StyleSwapError, match=match) as error:
            weights.load(name, where)
        one_sentence(error)

    refused("no weights called 'b'.* a", name="b")
    refused("is missing", where=tmp_path / "elsewhere")
    path = folder / "a.safetensors"
    data = path.read_bytes()
    path.write_bytes(data[:-1] + bytes([data[-1] ^ 1]))
    refused("SHA-256 differs")
    path.unlink()
    refused("missing")
    path.write_bytes(b"PK\x03\x04 a pickle")
    weights.write_entry("a", entry_fields(sha256=weights.sha256_of(path)), folder)
    refused("not a safetensors file")
    (folder / "MANIFEST.toml").write_text("[a\n")
    refused("cannot be read")


@pytest.mark.parametrize(
    ("name", "fields", "match"),
    [
        ("a b", entry_fields(), "letters"),
        ("a", {"file": "a.safetensors", "sha256": "0" * 64}, "kind, title"),
        ("a", entry_fields(title=3), "kind, title"),
        ("a", entry_fields(file="../a.safetensors"), "file name"),
        ("a", entry_fields(file="a.pth"), "safetensors"),
        ("a", entry_fields(sha256="0" * 63), "64"),
        ("a", entry_fields(repo="o/r"), "revision"),
        ("a", entry_fields(repo="o/r", revision="main"), "revision"),
        ("a", entry_fields(revision="0" * 40), "repo"),
    ],
)
def test_an_entry_that_would_not_load_is_not_written(
    name: str, fields: dict[str, Any], match: str, tmp_path: Path
) -> None:
    with pytest.raises(StyleSwapError, match=match) as error:
        weights.write_entry(name, fields, tmp_path)
    one_sentence(error)
    assert not list(tmp_path.iterdir())


def test_an_entry_without_its_file_is_not_written(tmp_path: Path) -> None:
    fields = entry_fields()
    del fields["sha256"]
    with pytest.raises(StyleSwapError, match="save them") as error:
        weights.write_entry("a", fields, tmp_path)
    one_sentence(error)
    assert not list(tmp_path.iterdir())


HAND_WRITTEN = """\
# What is here, and how it was made.

[first] # the first
file = "first.safetensors" # beside this file
kind = "perceptual"
title = "First"
sha256 = "{zeros}"

[first.losses]
content = 1.0

# The second took longer.
[second]
file = "second.safetensors"
kind = "style"
title = "Second"
sha256 = "{zeros}"
# nothing more
""".format(zeros="0" * 64)


@pytest.mark.parametrize("name", ["first", "second", "third"])
def test_the_rest_of_the_manifest_stays_as_it_was(name: str, tmp_path: Path) -> None:
    path = tmp_path / "MANIFEST.toml"
    path.write_text(HAND_WRITTEN)
    others = {key: entry for key, entry in weights.manifest(tmp_path).items() if key != name}
    for steps in (1, 2):
        entry = weights.write_entry(name, entry_fields(steps=steps, losses={"a": 1.0}), tmp_path)
        assert weights.manifest(tmp_path) == others | {name: entry}
        lines = path.read_text().splitlines()
        for other in others:
            table = (
                HAND_WRITTEN[HAND_WRITTEN.index(f"[{other}]") :]
                .split("\n\n#", 1)[0]
                .removesuffix("# nothing more\n")
            )
            assert table.strip() in path.read_text()
        assert lines[0] == "# What is here, and how it was made."
        assert lines[lines.index("[second]") - 1] == "# The second took longer."
        assert "# nothing more" in lines
    assert [file.name for file in tmp_path.iterdir()] == ["MANIFEST.toml"]


def test_a_manifest_that_could_not_be_written_is_the_old_one(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(path: Path, data: bytes) -> int:
        with path.open("wb") as file:
            file.write(data[:10])
        raise OSError("no space left on device")

    path = folder / "MANIFEST.toml"
    number = path.stat().st_ino
    weights.write_entry("a", entry_fields(), folder)
    assert path.stat().st_ino != number  # another file took its place; nobody wrote into it

    before = {path: path.read_bytes() for path in folder.iterdir()}
    monkeypatch.setattr(Path, "write_bytes", full)
    with pytest.raises(StyleSwapError, match="no space left") as error:
        weights.write_entry("b", entry_fields(), folder)
    one_sentence(error)
    assert {path: path.read_bytes() for path in folder.iterdir()} == before


VALUES = st.one_of(
    st.text(max_size=20),
    st.integers(-(2**63), 2**63 - 1),
    st.floats(allow_nan=False),
    st.booleans(),
    st.lists(st.integers(0, 9), max_size=3),
    st.dictionaries(st.from_regex(r"[a-z_]{1,8}", fullmatch=True), st.floats(0, 9), max_size=3),
)
NAMES = st.from_regex(r"[A-Za-z0-9_-]{1,8}", fullmatch=True)
KEYS = st.from_regex(r"[a-z]{1,8}", fullmatch=True).filter(
    lambda key: key not in {*entry_fields(), "repo", "revision"}
)


@settings(max_examples=25, deadline=None)
@given(written=st.lists(st.tuples(NAMES, st.dictionaries(KEYS, VALUES, max_size=4)), max_size=5))
def test_what_is_written_is_what_is_read(
    written: list[tuple[str, dict[str, Any]]], tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("manifest")
    wanted: dict[str, dict[str, Any]] = {}
    for name, more in written:
        fields = entry_fields(**more)
        weights.write_entry(name, fields, folder)
        wanted[name] = fields
        text = (folder / "MANIFEST.toml").read_text("utf-8")
        assert tomllib.loads(text) == wanted
        assert list(weights.manifest(folder)) == list(wanted)


# Our own weights that lie on the Hub only.


@pytest.fixture
def hub_only(hub: Hub, folder: Path) -> Hub:
    """The Hub holds `a`; the folder knows where and what, but does not have it."""
    (folder / "there").mkdir()
    path = (folder / "a.safetensors").rename(folder / "there" / "a.safetensors")
    hub.add("o/r", "2" * 40, "a.safetensors", path)
    fields = entry_fields(sha256=weights.sha256_of(path), repo="o/r", revision="2" * 40)
    weights.write_entry("a", fields, folder)
    return hub


def test_weights_of_the_hub_are_fetched_once_and_checked(hub_only: Hub, folder: Path) -> None:
    assert weights.load("a", folder)["count"].item() == 3
    before = list(hub_only.requests)
    assert weights.load("a", folder)["count"].item() == 3
    assert hub_only.requests == before

    (cached,) = Path(constants.HF_HUB_CACHE).rglob("snapshots/*/a.safetensors")
    cached.resolve().write_bytes(b"damaged")
    assert weights.load("a", folder)["count"].item() == 3
    assert hub_only.requests != before


def test_weights_of_the_hub_that_are_others_are_refused(hub_only: Hub, folder: Path) -> None:
    (folder / "there" / "a.safetensors").write_bytes(b"something else")
    with pytest.raises(StyleSwapError, match="SHA-256 differs") as error:
        weights.load("a", folder)
    one_sentence(error)


def test_weights_of_the_hub_without_the_hub_are_one_sentence(hub_only: Hub, folder: Path) -> None:
    hub_only.status = 503
    with pytest.raises(StyleSwapError, match="error 503") as error:
        weights.load("a", folder)
    one_sentence(error)
    hub_only.close()
    with pytest.raises(StyleSwapError, match="cannot be reached") as error:
        weights.load("a", folder)
    one_sentence(error)
