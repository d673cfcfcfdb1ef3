from __future__ import annotations

import hashlib
import re
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file

from styleswap import weights
from styleswap.errors import StyleSwapError
from styleswap.training import publish
from tests.helpers import ROOT, noise

FIELDS: dict[str, Any] = {
    **{"kind": "perceptual", "title": "a test", "command": "styleswap train", "commit": "1" * 40},
    **{"data": ["photos", "paintings"], "steps": 12, "losses": {"relu1_1": 0.01}, "seed": 3},
    "licence": "Apache-2.0",
}


def test_a_card_for_every_style(tmp_path: Path) -> None:
    models = tmp_path / "MODELS.md"
    about = {"kind": "style", "title": "The Sea", "artist": "A. Painter", "picture": "sea.jpg"}
    about |= {"losses": {"style": 0.0214, "content": 0.251}}
    publish.publish("sea", {"w": noise(2)}, about, tmp_path)  # no file: nothing to do
    models.write_text("# Weights\n\nno marks\n")
    publish.publish("sea", {"w": noise(2)}, about, tmp_path)
    assert models.read_text() == "# Weights\n\nno marks\n"
    models.write_text(f"above\n\n{publish.BEGIN}\nold\n{publish.END}\n\nbelow\n")
    for _ in range(2):
        publish.publish("sky", {"w": noise(3)}, about | {"title": "Sky"}, tmp_path)
        lines = models.read_text().splitlines()
        assert lines[0] == "above" and lines[-1] == "below" and "old" not in lines
        assert [line for line in lines if "**" in line] == [
            f'| <img src="sea.jpg" width="200" alt="{title}"> | **{title}**<br>`{name}`'
            " | A. Painter | 0.021 | 0.25 |"
            for title, name in (("The Sea", "sea"), ("Sky", "sky"))
        ]


def test_names_are_checked_before_the_work(tmp_path: Path) -> None:
    for name in ("", "a b", "../x", "ü", "a.b"):
        with pytest.raises(StyleSwapError, match="letters, digits"):
            publish.check_name(name, "style", tmp_path)
    publish.check_name("small", "style", tmp_path)  # no manifest there yet
    publish.publish("small", {"w": noise(2)}, {"kind": "perceptual", "title": "S"}, tmp_path)
    with pytest.raises(StyleSwapError, match="'small' is the name of other weights"):
        publish.check_name("small", "style", tmp_path)
    publish.check_name("small", "perceptual", tmp_path)


def test_publish(tmp_path: Path) -> None:
    tensors = {"conv1_1.weight": noise(4, 3, 3, 3), "conv1_1.bias": noise(4, seed=1)}
    file = publish.publish("mine", tensors, FIELDS, tmp_path / "out")
    assert file == tmp_path / "out" / "mine.safetensors"
    for name, tensor in load_file(file).items():
        assert tensor.dtype == torch.float16
        assert torch.equal(tensor, tensors[name].half())
    entry = tomllib.loads((tmp_path / "out" / "MANIFEST.toml").read_text())["mine"]
    digest = hashlib.sha256(file.read_bytes()).hexdigest()
    assert entry == {"file": "mine.safetensors", **FIELDS, "sha256": digest}
    loaded = weights.load("mine", tmp_path / "out")
    assert loaded["conv1_1.bias"].dtype == torch.float32
    torch.testing.assert_close(loaded["conv1_1.bias"], tensors["conv1_1.bias"], rtol=1e-3, atol=0)


def test_publishing_again_replaces_the_entry_and_keeps_others(tmp_path: Path) -> None:
    for name, seed in (("one", 0), ("two", 1), ("one", 2)):
        publish.publish(name, {"a": noise(5, seed=seed)}, FIELDS | {"seed": seed}, tmp_path)
    entries = weights.manifest(tmp_path)
    assert {n: e.about["seed"] for n, e in entries.items()} == {"one": 2, "two": 1}
    assert torch.equal(weights.load("one", tmp_path)["a"], noise(5, seed=2).half().float())


def test_a_run_that_starts_from_others_tells_of_them(tmp_path: Path) -> None:
    one = publish.publish("one", {"a": noise(5)}, FIELDS | {"seed": 1}, tmp_path)
    run = {k: FIELDS[k] for k in ("command", "commit", "steps")}
    first = {**run, "seed": 1, "sha256": weights.sha256_of(one)}
    assert publish.history(one) == [first]
    two = publish.publish(
        "two", {"a": noise(6)}, FIELDS | {"seed": 2, "earlier": publish.history(one)}, tmp_path
    )
    publish.publish("three", {"a": noise(7)}, FIELDS, tmp_path)  # the file can still be read
    second = {**run, "seed": 2, "sha256": weights.sha256_of(two)}
    assert publish.history(two) == [first, second]
    assert weights.manifest(tmp_path)["two"].about["earlier"] == [first]
    (tmp_path / "MANIFEST.toml").unlink()
    assert publish.history(two) == [{"sha256": second["sha256"]}]


def test_the_command_can_be_typed_again(monkeypatch: pytest.MonkeyPatch) -> None:
    argv = ["/usr/bin/styleswap", "train", "perceptual", "--pictures", "my photos", "--seed", "1"]
    monkeypatch.setattr(sys, "argv", argv)
    assert publish.command() == "styleswap train perceptual --pictures 'my photos' --seed 1"


def test_the_commit_of_the_working_tree(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def commit_at(place: Path) -> str:
        monkeypatch.setattr(publish, "__file__", str(place / "publish.py"))
        return publish.commit()

    assert commit_at(tmp_path) == "unknown"
    person = ["-c", "user.name=a", "-c", "user.email=a@example.org", "-c", "commit.gpgsign=false"]

    def git(*arguments: str) -> str:
        command = ["git", *person, *arguments]
        done = subprocess.run(command, cwd=tmp_path, check=True, capture_output=True, text=True)
        return done.stdout.strip()

    git("init", "-q")
    (tmp_path / "a").write_text("1")
    git("add", "a")
    git("commit", "-q", "-m", "a")
    git("tag", "-a", "v1", "-m", "v1")
    head = git("rev-parse", "HEAD")
    assert commit_at(tmp_path) == head
    (tmp_path / "a").write_text("2")
    assert commit_at(tmp_path) == f"{head}-dirty"
    monkeypatch.setenv("PATH", "")
    assert commit_at(tmp_path) == "unknown"


# --- what is shipped ----------------------------------------------------------------------------


def shipped() -> dict[str, Any]:
    return tomllib.loads((ROOT / "pretrained" / "MANIFEST.toml").read_text("utf-8"))


def test_every_file_is_listed_and_every_listed_file_is_whole() -> None:
    listed = {}
    for name, table in shipped().items():
        if "repo" not in table:
            listed[table["file"]] = table["sha256"]
            weights.load(name)
    found = {
        p.name: hashlib.sha256(p.read_bytes()).hexdigest()
        for p in (ROOT / "pretrained").rglob("*.safetensors")
    }
    assert found == listed and "small.safetensors" in found


@pytest.mark.parametrize("name", shipped())
def test_an_entry_says_where_its_weights_come_from(name: str) -> None:
    entry = shipped()[name]
    assert entry["command"].startswith("styleswap train ")
    assert re.fullmatch(r"[0-9a-f]{40}(-dirty)?", entry["commit"])
    assert entry["data"] and all(isinstance(d, str) and d for d in entry["data"])
    assert entry["steps"] > 0 and isinstance(entry["seed"], int)
    assert entry["losses"] and all(0 <= v < 1 for v in entry["losses"].values())
    assert entry["licence"] and entry["title"] != "provisional"
