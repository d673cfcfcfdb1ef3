"""StyleSwap: every classical neural style transfer method, side by side."""

import os

__version__ = "0.1.0"

# How often torch's threads look for work before they sleep. libgomp lets them look for 3 ms: on a
# machine that others use as well they hold up the very thread that they wait for, and Gatys takes
# three to four times as long. Not to look at all costs the more where nobody else is. It is read as torch is
# imported, and everything of ours imports this file first; who has chosen keeps what they chose.
if not os.environ.keys() & {"GOMP_SPINCOUNT", "OMP_WAIT_POLICY"}:
    os.environ["GOMP_SPINCOUNT"] = "1000"
