from __future__ import annotations

from pathlib import Path

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from styleswap import metrics, weights
from styleswap.errors import StyleSwapError
from styleswap.nets import meta
from styleswap.nets.meta import MetaNetwork, Writer, moments, new_writer
from styleswap.nets.transformer import TransformerNetwork
from tests.helpers import example, noise, small


def writer(seed: int = 0, width: int = 8) -> Writer:
    return new_writer(torch.Generator().manual_seed(seed), small(), width)


NET = MetaNetwork(small(), writer()).eval().requires_grad_(False)


def test_it_writes_a_state_dict() -> None:
    written = NET.write(noise(1, 3, 40, 56))
    wanted = TransformerNetwork(8).state_dict()
    assert {k: w.shape for k, w in written.items()} == {k: w.shape for k, w in wanted.items()}
    assert all(w.dtype == torch.float32 for w in written.values())
    TransformerNetwork.from_weights(written)


def test_a_convolution_is_the_mean_and_a_combination_of_kernels() -> None:
    seen = moments(small(), noise(1, 3, 48, 48))
    name, key = "up.conv.weight", "up_conv_weight"
    found = NET.writer(seen)[name][0]
    mean, kernels = NET.writer.mean[key], NET.writer.kernels[key]
    apart = (found - mean).flatten()
    # What is left after the best combination, by least squares, is rounding.
    basis = kernels.T
    a = torch.linalg.lstsq(basis, apart[:, None]).solution
    assert torch.dist(basis @ a, apart[:, None]) < 1e-4 * apart.norm()
    assert a.abs().max() <= meta.MOST_COEFFICIENT and a.norm() > 0.01


def test_moments_by_hand() -> None:
    x = noise(2, 3, 32, 48)
    f = small().features(x, ["relu3_1"])["relu3_1"]
    mean, gram = moments(small(), x)["relu3_1"]
    flat = f.flatten(2)
    torch.testing.assert_close(mean, flat.mean(2))
    torch.testing.assert_close(gram, flat @ flat.mT / flat.shape[2], rtol=1e-4, atol=1e-5)


def test_pictures_of_equal_means_and_deviations_are_told_apart() -> None:
    """What only moves means and deviations carries colours over but not strokes."""
    seen = moments(small(), example("waves", 96))
    other = {}
    for layer, (mean, gram) in seen.items():
        # The same diagonal; what channels have in common is gone.
        alone = torch.diag_embed(gram.diagonal(dim1=1, dim2=2) - mean.square())
        other[layer] = (mean, alone + mean[:, :, None] * mean[:, None, :])
    a, b = (NET.writer(s)["blocks.0.first.conv.weight"] for s in (seen, other))
    assert (a - b).norm() > 0.05 * (a - NET.writer.mean["blocks_0_first_conv_weight"]).norm()


@given(st.integers(0, 2**31 - 1), st.floats(0, 1), st.floats(0, 1), st.booleans())
@settings(max_examples=15, deadline=None)
def test_no_picture_gives_weights_out_of_measure(
    seed: int, level: float, spread: float, colour: bool
) -> None:
    """Of one colour, black, white, noise: finite, bounded weights that paint finite pictures."""
    x = (level + spread * (noise(1, 3 if colour else 1, 32, 37, seed=seed) - 0.5)).clamp(0, 1)
    written = NET.write(x.expand(1, 3, -1, -1))
    most = meta.MOST_COEFFICIENT * meta.KERNELS
    for name, w in written.items():
        assert w.isfinite().all(), name
        if w.ndim == 1:
            assert w.abs().max() <= meta.MOST_AFFINE
        else:
            key = name.replace(".", "_")
            bound = NET.writer.mean[key].abs() + most * NET.writer.kernels[key].abs().amax(0).view(
                w.shape
            )
            assert (w.abs() <= bound + 1e-6).all()
    y = TransformerNetwork.from_weights(written)(x.expand(1, 3, -1, -1))
    assert y.isfinite().all() and y.min() >= 0 and y.max() <= 1


def test_calibration_centres_the_code() -> None:
    other = writer(seed=1)
    seen = moments(small(), torch.cat([noise(1, 3, 48, 48, seed=i) ** (1 + i) for i in range(6)]))
    other.calibrate(seen)
    code = (other.code(seen) - other.centre) / other.spread
    assert code.mean(0).abs().max() < 1e-3 and code.std(0).max() < 1.01
    assert code.std(0).median() > 0.5


def test_gradients_reach_every_weight() -> None:
    own = writer(seed=2)
    found = own(
        moments(small(), torch.cat([noise(1, 3, 40, 40), example("ink", 40)[..., :40, :40]]))
    )
    sum((w * noise(*w.shape, seed=3)).sum() for w in found.values()).backward()
    for name, p in own.named_parameters():
        assert p.grad is not None and p.grad.isfinite().all() and p.grad.abs().max() > 0, name


def test_from_weights() -> None:
    again = MetaNetwork.from_weights(small(), NET.writer.state_dict()).eval()
    assert again.writer.width == 8
    x = noise(1, 3, 33, 45)
    assert all(torch.equal(w, again.write(x)[k]) for k, w in NET.write(x).items())


def test_no_weights(tmp_path: Path) -> None:
    (tmp_path / weights.MANIFEST).write_text("")
    with pytest.raises(StyleSwapError, match="no weights called 'meta'"):
        meta.load(tmp_path)


def test_the_shipped_network_takes_the_style_and_keeps_the_photograph() -> None:
    """Of pictures that nothing was trained on; shares of the untouched photograph's distance."""
    net, x = meta.load(), example("lake", 256)
    for name in ("waves", "autumn"):
        style = example(name, 256)
        y = TransformerNetwork.from_weights(net.write(style)).eval()(x)
        near, far = (sum(metrics.style_distance(small(), z, style).values()) for z in (y, x))
        assert near < 0.35 * far, name
        assert metrics.content_distance(small(), y, x) < 0.6, name
        assert (y.mean() - style.mean()).abs() < 0.1, name
