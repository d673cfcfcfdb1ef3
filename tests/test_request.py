"""What the engine is asked for."""

from __future__ import annotations

import pytest
from PIL import Image

from styleswap.errors import StyleSwapError
from styleswap.request import sized
from styleswap.specs import METHODS


@pytest.mark.parametrize(
    ("shape", "method", "size", "advice"),
    [
        ((3000, 60), "johnson", 512, "; choose a size of at least 1600 or crop it."),
        ((3000, 30), "johnson", 512, "; choose a size of at least 3200 or crop it."),
        ((3000, 30), "swap", 512, "on its shorter side; crop it."),
        ((3000, 30), "swap", 1024, "on its shorter side; crop it."),
        ((3000, 20), "johnson", 4096, "on its shorter side; crop it."),
    ],
)
def test_a_larger_size_is_advised_where_it_helps(
    shape: tuple[int, int], method: str, size: int, advice: str
) -> None:
    params = METHODS[method].params
    with pytest.raises(StyleSwapError) as error:
        sized(Image.new("RGB", shape), params(size=size))  # type: ignore[call-arg]
    assert str(error.value).endswith(advice)
    if "at least" in advice:
        least = int(advice.split()[7])
        fitted = sized(Image.new("RGB", shape), params(size=least))  # type: ignore[call-arg]
        assert min(fitted.size) == 32
