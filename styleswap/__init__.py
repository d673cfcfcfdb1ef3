"""StyleSwap: every classical neural style transfer method, side by side."""

import os

__version__ = "0.1.0"

# How often torch's threads look for work before they sleep. libgomp lets them look for 3 ms: on a
# machine that others use as well they hold up the very thread that they wait for, and Gatys takes
# several times as long (benchmarks/busy.py). It is read as
# torch is imported, and all of ours imports this file first. Whoever has chosen keeps their choice.
if not os.environ.keys() & {"GOMP_SPINCOUNT", "OMP_WAIT_POLICY"}:
    os.environ["GOMP_SPINCOUNT"] = "1000"
