from __future__ import annotations

import csv
from pathlib import Path

from styleswap.training.loop import Log


def test_the_log_goes_on_after_a_resumed_checkpoint(tmp_path: Path) -> None:
    log = Log(tmp_path, 0, ("content", "style"))
    for step in range(1, 28):
        log.add(step, {"content": step, "style": 1.0}, {})
    log = Log(tmp_path, 14, ("content", "style"))  # what came after the checkpoint will come again
    for step in range(15, 21):
        log.add(step, {"content": step, "style": 1.0}, {"content": 0.5, "style": 0.25})
    rows = list(csv.DictReader((tmp_path / "losses.csv").open()))
    assert [int(row["step"]) for row in rows] == [10, 15, 16, 17, 18, 19, 20]
    assert float(rows[0]["content"]) == 5.5 and rows[0]["held_out_style"] == ""
    assert float(rows[-1]["content"]) == 20 and rows[-1]["held_out_style"] == "0.25000"
