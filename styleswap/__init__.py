"""StyleSwap: every classical neural style transfer method, side by side."""

__version__ = "0.1.0"
