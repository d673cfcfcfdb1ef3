"""``python -m styleswap``: the command line, also for ``accelerate launch -m styleswap``."""

from styleswap.cli import main

if __name__ == "__main__":
    main()
