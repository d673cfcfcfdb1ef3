from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from hypothesis import example as such_as
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from torch import Tensor

from styleswap import ops
from tests.helpers import example, noise, small

PIXELS = hnp.arrays(
    np.float32,
    st.tuples(st.just(1), st.just(3), st.integers(1, 5), st.integers(1, 5)),
    elements=st.floats(0, 1, width=32),
)


def test_gram_of_two_channels_by_hand() -> None:
    features = torch.tensor([[[[1.0, 2.0]], [[3.0, -4.0]]]])
    # (1 + 4) / 2, (3 - 8) / 2, (9 + 16) / 2
    assert ops.gram(features).tolist() == [[[2.5, -2.5], [-2.5, 12.5]]]


def test_gram_is_of_each_picture_alone() -> None:
    x = noise(3, 4, 5, 6)
    together = ops.gram(x)
    assert together.shape == (3, 4, 4)
    for i in range(3):
        torch.testing.assert_close(together[i], ops.gram(x[i : i + 1])[0])


@given(st.integers(1, 3), st.integers(1, 3))
def test_gram_does_not_depend_on_how_much_of_a_texture_there_is(down: int, across: int) -> None:
    x = noise(1, 3, 4, 5)
    torch.testing.assert_close(ops.gram(x.repeat(1, 1, down, across)), ops.gram(x))


def test_gram_is_float32_under_autocast() -> None:
    x = noise(1, 8, 256, 256)  # in bfloat16 a sum of this many would be off by percents
    exact = ops.gram(x.double())
    with torch.autocast("cpu", torch.bfloat16):
        g = ops.gram(x)
        halves = ops.gram(x.bfloat16())
    assert g.dtype == halves.dtype == torch.float32
    torch.testing.assert_close(g, exact.float(), rtol=1e-5, atol=0)
    torch.testing.assert_close(halves, ops.gram(x.bfloat16().float()), rtol=1e-5, atol=0)


@pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last])
def test_the_gradient_of_gram(layout: torch.memory_format) -> None:
    x = noise(2, 3, 4, 5).contiguous(memory_format=layout).requires_grad_(True)
    weight = noise(2, 3, 3, seed=1)  # not symmetric
    (found,) = torch.autograd.grad((ops.gram(x) * weight).sum(), x)
    f = x.flatten(2)
    (literal,) = torch.autograd.grad((f @ f.mT / 20 * weight).sum(), x)
    torch.testing.assert_close(found, literal)
    assert found.is_contiguous(memory_format=layout)


def test_total_variation_by_hand() -> None:
    x = torch.tensor([[[[0.0, 1.0], [0.5, 0.25]]]])
    down = (0.5**2 + 0.75**2) / 2
    across = (1.0**2 + 0.25**2) / 2
    assert ops.total_variation(x).item() == pytest.approx(down + across)
    assert ops.total_variation(torch.full((2, 3, 4, 5), 0.7)).item() == 0


def test_total_variation_sees_both_directions_alike() -> None:
    x = noise(1, 3, 6, 6)
    torch.testing.assert_close(ops.total_variation(x), ops.total_variation(x.mT))
    stripes = torch.tensor([0.0, 1.0]).repeat(3).expand(1, 3, 6, 6)
    assert ops.total_variation(stripes).item() == ops.total_variation(stripes.mT).item() == 1


def test_grid() -> None:
    x = noise(2, 3, 64, 72)
    tile = noise(1, 3, 8, 8, seed=1)
    repeated = tile.repeat(1, 1, 8, 9)
    assert ops.grid(x) < 0.1 * ops.grid(repeated) < ops.grid(x + repeated)
    assert ops.grid(torch.full((1, 3, 33, 40), 0.3)) < 1e-10
    assert ops.grid(0.01 * torch.arange(64.0).expand(1, 3, 64, 64)) < 1e-5  # a slope is none


def test_luma_is_rec_709() -> None:
    pure = torch.eye(3).view(3, 3, 1, 1)
    assert ops.luma(pure).flatten().tolist() == pytest.approx([0.2126, 0.7152, 0.0722])
    torch.testing.assert_close(ops.luma(torch.ones(1, 3, 2, 2)), torch.ones(1, 1, 2, 2))


@given(PIXELS)
@settings(deadline=None)
def test_with_colours_of_keeps_brightness_and_range(array: np.ndarray) -> None:
    x = torch.from_numpy(array)
    colours = x.flip(1).roll(1, 3)
    y = ops.with_colours_of(x, colours)
    torch.testing.assert_close(ops.luma(y), ops.luma(x), rtol=0, atol=1e-5)
    assert y.min() >= -1e-6 and y.max() <= 1 + 1e-6


@given(PIXELS)
@settings(deadline=None)
@such_as(np.array([[[[0.0]], [[0.0]], [[1e-5]]]], np.float32))  # so dark that colours round away
def test_with_colours_of_itself_changes_nothing(array: np.ndarray) -> None:
    x = torch.from_numpy(array)
    torch.testing.assert_close(ops.with_colours_of(x, x), x, rtol=0, atol=2e-6)


def test_with_colours_of_takes_the_colours() -> None:
    grey = torch.full((1, 3, 1, 1), 0.5)
    colours = torch.tensor([0.6, 0.4, 0.3]).view(1, 3, 1, 1)
    y = ops.with_colours_of(grey, colours)
    # There is room for all of the chroma, so the differences of the channels are the colours'.
    torch.testing.assert_close(y - ops.luma(y), colours - ops.luma(colours))
    # Where there is not, the hue stays: every channel's chroma shrinks by the same share.
    bright = torch.full((1, 3, 1, 1), 0.95)
    y = ops.with_colours_of(bright, colours)
    share = (y - ops.luma(y)) / (colours - ops.luma(colours))
    assert y.max().item() == pytest.approx(1)
    assert 0 < share.min() < 1
    torch.testing.assert_close(share, share.mean().expand_as(share), rtol=1e-3, atol=0)


def test_inputs_are_not_changed() -> None:
    x, y = noise(1, 3, 5, 5), noise(1, 3, 5, 5, seed=1)
    before = x.clone(), y.clone()
    ops.gram(x), ops.total_variation(x), ops.luma(x), ops.with_colours_of(x, y)
    assert torch.equal(x, before[0]) and torch.equal(y, before[1])


@pytest.mark.parametrize("of", [ops.total_variation, ops.luma])
@settings(deadline=None)
@given(seed=st.integers(0, 9))
def test_gradients(of: object, seed: int) -> None:
    x = noise(1, 3, 3, 4, seed=seed).double().requires_grad_(True)
    assert torch.autograd.gradcheck(of, (x,))  # type: ignore[arg-type]


def test_gradient_of_gram() -> None:
    """The computation is in float32, too coarse for finite differences: 2 (A f) / n instead."""
    f = noise(1, 3, 4, 5).requires_grad_(True)
    a = noise(1, 3, 3, seed=1)
    (slope,) = torch.autograd.grad((ops.gram(f) * a).sum(), f)
    by_hand = ((a + a.mT) @ f.detach().flatten(2) / 20).view_as(f)
    torch.testing.assert_close(slope, by_hand)


def test_gradient_of_with_colours_of() -> None:
    x = (0.3 + 0.4 * noise(1, 3, 3, 3)).double().requires_grad_(True)
    colours = (0.3 + 0.4 * noise(1, 3, 3, 3, seed=1)).double().requires_grad_(True)
    assert torch.autograd.gradcheck(ops.with_colours_of, (x, colours))


def test_match_luma_has_the_contents_mean_and_deviation() -> None:
    style, content = 0.4 + 0.2 * noise(1, 3, 40, 40), 0.5 + 0.1 * noise(1, 3, 30, 50, seed=1)
    grey = ops.match_luma(style, content)
    assert grey.shape == style.shape and torch.equal(grey[:, :1], grey[:, 1:2])
    want = ops.luma(content)
    assert grey.mean().item() == pytest.approx(want.mean().item(), abs=1e-4)
    assert grey[:, 0].std().item() == pytest.approx(want.std().item(), rel=1e-2)
    flat = ops.match_luma(torch.full((1, 3, 8, 8), 0.2), content)  # no deviation to divide by
    torch.testing.assert_close(flat, torch.full_like(flat, want.mean().item()), rtol=0, atol=1e-3)


def test_adain_by_hand() -> None:
    content = torch.tensor([[[[1.0, 3.0]], [[5.0, 5.0]]]])  # means 2, 5; deviations 1, 0
    style = torch.tensor([[[[0.0, 20.0]], [[7.0, 9.0]]]])  # means 10, 8; deviations 10, 1
    found = ops.adain(content, style)
    torch.testing.assert_close(
        found, torch.tensor([[[[0.0, 20.0]], [[8.0, 8.0]]]]), rtol=0, atol=1e-3
    )


@given(st.integers(0, 9), st.integers(1, 3))
def test_adain_takes_the_styles_statistics(seed: int, batch: int) -> None:
    x, style = noise(batch, 4, 6, 5, seed=seed), 3 * noise(1, 4, 7, 9, seed=seed + 1) - 1
    for found, wanted in zip(
        ops.statistics(ops.adain(x, style)), ops.statistics(style), strict=True
    ):
        torch.testing.assert_close(found, wanted.expand(batch, -1, -1, -1), rtol=1e-3, atol=1e-3)


def moments(x: Tensor) -> tuple[Tensor, Tensor]:
    flat = x.flatten(2)[0].double()
    return flat.mean(1), torch.cov(flat, correction=0)


@given(st.integers(0, 9), st.integers(1, 6))
@settings(deadline=None)
def test_whitened_and_coloured_it_varies_as_the_style(seed: int, channels: int) -> None:
    mix = noise(channels, channels, seed=seed) - 0.3
    x, style = noise(1, channels, 9, 8, seed=seed), noise(1, channels, 8, 10, seed=seed + 1)
    style = torch.einsum("ij,bjhw->bihw", mix, style) + 2
    for found, wanted in zip(moments(ops.whiten_and_colour(x, style)), moments(style), strict=True):
        torch.testing.assert_close(found, wanted, rtol=2e-3, atol=2e-4)


def test_whitening_of_what_has_the_styles_statistics_changes_nothing() -> None:
    x = noise(1, 5, 12, 12)
    torch.testing.assert_close(ops.whiten_and_colour(x, x), x, rtol=0, atol=1e-4)


@pytest.mark.parametrize("transfer", [ops.adain, ops.whiten_and_colour, ops.style_swap])
def test_flat_features(transfer: Callable[[Tensor, Tensor], Tensor]) -> None:
    """One colour gives flat features, and a dark one features of nothing at all."""
    for value in (0.0, 0.7, 1e4):
        flat = torch.full((1, 6, 8, 9), value)
        for x, style in ((flat, noise(1, 6, 7, 7)), (noise(1, 6, 8, 9), flat), (flat, flat)):
            assert transfer(x, style).isfinite().all()
    # Nothing to whiten: what is left is the style's mean.
    if transfer is not ops.style_swap:
        style = noise(1, 6, 7, 7)
        found = transfer(flat, style)
        mean = style.mean((2, 3), keepdim=True).expand_as(found)
        torch.testing.assert_close(found, mean, rtol=0, atol=0.05)


@given(st.integers(0, 9), st.integers(2, 6))
@settings(deadline=None)
def test_whitened(seed: int, channels: int) -> None:
    mix = noise(channels, channels, seed=seed) + torch.eye(channels)
    x = torch.einsum("ij,bjhw->bihw", mix, noise(1, channels, 12, 9, seed=seed)) + 3
    mean, covariance = moments(ops.whitened(x))
    torch.testing.assert_close(mean, torch.zeros_like(mean), rtol=0, atol=1e-4)
    torch.testing.assert_close(covariance, torch.eye(channels).double(), rtol=0, atol=1e-3)
    # Turned as little as can be: each channel is still most like itself.
    assert (
        torch.linalg.eigvalsh(moments(torch.cat([x, ops.whitened(x)], 1))[1][:channels, channels:])
        > 0
    ).all()
    # With a ridge, variances that are small stay so.
    ridged = moments(ops.whitened(x, 0.1))[1].diagonal()
    assert (ridged < 1 / 1.09).all() and (ridged > 0).all()


def test_whitening_does_not_enlarge_what_hardly_varies() -> None:
    x = noise(1, 3, 20, 20)
    x[:, 2] = 1e-5 * x[:, 2] + 0.5 * x[:, 0]  # as good as a copy
    found = ops.whiten_and_colour(x, noise(1, 3, 20, 20, seed=1))
    assert found.isfinite().all() and found.abs().max() < 3


@given(
    st.tuples(*[st.integers(4, 11)] * 4),
    st.integers(1, 4),
    st.integers(1, 6),
    st.integers(50, 2000),
    st.integers(0, 99),
)
@settings(deadline=None)
def test_patches_are_the_literal_ones(
    sides: tuple[int, int, int, int], patch: int, channels: int, scores: int, seed: int
) -> None:
    """The usual form: patches as kernels, a one-hot of the best, a transposed convolution."""
    height, width, h, w = sides
    content = noise(1, channels, height, width, seed=seed)
    style = noise(1, channels, h, w, seed=seed + 1)
    kernels = F.unfold(style, patch)[0].T.reshape(-1, channels, patch, patch)
    energy = kernels.square().flatten(1).sum(1)
    unit = kernels / (energy + ops.EPSILON * energy.max()).sqrt().view(-1, 1, 1, 1)
    likeness = F.conv2d(content, unit)
    with pytest.MonkeyPatch.context() as set:
        set.setattr(ops, "SCORES", scores)
        places = ops.best_matches(content, style, patch)
        found = ops.put_together(places, style, content.shape[2:], patch)
    places = places // w * (w - patch + 1) + places % w  # among the patches
    # Where several are alike to the last bit, any of them.
    best = likeness.gather(1, places[None, None])
    torch.testing.assert_close(best[:, 0], likeness.amax(1), rtol=1e-5, atol=1e-6)
    chosen = torch.zeros_like(likeness).scatter_(1, places[None, None], 1.0)
    literal = F.conv_transpose2d(chosen, kernels)
    literal /= F.conv_transpose2d(chosen, torch.ones_like(kernels))
    torch.testing.assert_close(found, literal)


@given(st.integers(0, 99))
@settings(deadline=None, max_examples=30)
def test_colours_like_a_styles(seed: int) -> None:
    x, style = 0.3 + 0.2 * noise(1, 3, 20, 20, seed=seed), noise(1, 3, 15, 15, seed=seed + 1)
    mix = torch.eye(3) + 0.2 * noise(3, 3, seed=seed)
    style = 0.3 + 0.1 * torch.einsum("ij,bjhw->bihw", mix, style - 0.5)
    mean, covariance = ops.colour_statistics(style)
    torch.testing.assert_close(mean[:, 0], style.mean((0, 2, 3)))
    torch.testing.assert_close(covariance, torch.cov(style.flatten(2)[0], correction=0))
    found = ops.colour_statistics(ops.colours_like(x, mean, covariance))
    torch.testing.assert_close(found, (mean, covariance), rtol=1e-3, atol=1e-5)
    # Of itself, nothing changes: the map moves colours least.
    torch.testing.assert_close(ops.colours_like(x, *ops.colour_statistics(x)), x)


def test_colours_become_stronger_only_so_much() -> None:
    x = 0.5 + 0.01 * (noise(1, 3, 20, 20) - 0.5)
    style = noise(1, 3, 20, 20, seed=1)
    made = ops.colours_like(x, *ops.colour_statistics(style), most=3.0)
    assert made.std(dim=(2, 3)).max() <= 3.1 * x.std(dim=(2, 3)).max()
    flat = torch.full((1, 3, 9, 9), 0.2)
    made = ops.colours_like(flat, *ops.colour_statistics(style))
    torch.testing.assert_close(made, style.mean((2, 3), keepdim=True).expand_as(made))


def test_style_swap_of_itself() -> None:
    x = noise(1, 5, 9, 10)
    torch.testing.assert_close(ops.style_swap(x, x), x, rtol=0, atol=1e-3)


def test_style_swap_takes_the_styles_statistics() -> None:
    content, style = noise(1, 5, 14, 12), 2 * noise(1, 5, 11, 13, seed=1) - 3
    for found, wanted in zip(moments(ops.style_swap(content, style)), moments(style), strict=True):
        torch.testing.assert_close(found, wanted, rtol=0.01, atol=1e-3)


def test_what_all_features_have_in_common_decides_nothing() -> None:
    content, style = noise(1, 5, 14, 12), noise(1, 5, 11, 13, seed=1)
    found = ops.style_swap(content + 10, style + 10)
    torch.testing.assert_close(found, ops.style_swap(content, style) + 10, rtol=0, atol=1e-3)


def test_patches_of_nothing_are_like_nothing() -> None:
    style = noise(1, 4, 6, 6)
    style[..., 3:] = 0
    content = noise(1, 4, 6, 6, seed=1)
    places = ops.best_matches(content, style, 1)
    assert (places % 6 < 3).all()
    # And every patch counts alike, however bright.
    style = torch.cat([style[..., :3], 100 * style[..., :3]], 3)
    scaled = ops.best_matches(content, style, 1) % 6 % 3
    assert torch.equal(scaled, places % 6)


def test_in_bfloat16_style_swap_finds_the_same_places() -> None:
    """Nearly always, and where it does not, one that is as good."""
    content, style = (
        small().features(example(n, 192), ["relu3_1"])["relu3_1"] for n in ("lake", "waves")
    )
    places, exact = (ops.best_matches(content, style, 3, half) for half in (True, False))
    assert (places == exact).float().mean() > 0.98
    w = style.shape[3]
    patches = [F.unfold(x, 3)[0].T for x in (content, style)]
    likeness = [
        (patches[0] * F.normalize(patches[1])[(p // w * (w - 2) + p % w).flatten()]).sum(1)
        for p in (places, exact)
    ]
    assert (likeness[0] > 0.995 * likeness[1]).all()


def test_dark_patches_are_not_preferred_in_bfloat16() -> None:
    style = noise(1, 16, 12, 12)
    style[..., 6:] *= 1e-3
    content = noise(1, 16, 12, 12, seed=1)
    places = [ops.best_matches(content, style, 3, half) % 12 < 6 for half in (True, False)]
    assert (places[0] == places[1]).float().mean() > 0.95


def test_patches_that_do_not_fit() -> None:
    with pytest.raises(ValueError, match="patches of 5 do not fit into 4 x 9 and 9 x 9"):
        ops.style_swap(noise(1, 2, 4, 9), noise(1, 2, 9, 9), 5)


@given(st.tuples(st.integers(2, 9), st.integers(2, 9)), st.integers(0, 99))
@settings(deadline=None)
def test_pair_downsample_is_the_two_kernels(sides: tuple[int, int], seed: int) -> None:
    x = noise(2, 3, *sides, seed=seed)
    one, other = ops.pair_downsample(x)
    for found, kernel in ((one, [[0, 0.5], [0.5, 0]]), (other, [[0.5, 0], [0, 0.5]])):
        literal = F.conv2d(x, torch.tensor(kernel).expand(3, 1, 2, 2), stride=2, groups=3)
        torch.testing.assert_close(found, literal)
    height, width = (side // 2 * 2 for side in sides)
    torch.testing.assert_close((one + other) / 2, F.avg_pool2d(x[..., :height, :width], 2))


@pytest.mark.parametrize("sigma", [0.01, 0.05, 0.1, 0.2])
def test_the_level_of_noise(sigma: float) -> None:
    generator = torch.Generator().manual_seed(0)
    for x in (torch.full((1, 3, 96, 128), 0.5), example("lake", 192)):
        found = ops.noise_level(ops.with_gaussian_noise(x, sigma, generator))
        assert found == pytest.approx(sigma, rel=0.15, abs=0.004)
    assert ops.noise_level(torch.full((1, 3, 4, 9), 0.3)) == 0


def test_noise_that_is_added() -> None:
    x = torch.full((1, 3, 200, 200), 0.5)
    gaussian = ops.with_gaussian_noise(x, 0.1, torch.Generator().manual_seed(0))
    poisson = ops.with_poisson_noise(x, 50, torch.Generator().manual_seed(0))
    for y, deviation in ((gaussian, 0.1), (poisson, (0.5 / 50) ** 0.5)):
        assert y.mean().item() == pytest.approx(0.5, abs=0.002)
        assert y.std().item() == pytest.approx(deviation, rel=0.02)
    assert ((poisson * 50) % 1).abs().max() < 1e-4  # whole photons
    again = ops.with_poisson_noise(x, 50, torch.Generator().manual_seed(0))
    assert torch.equal(again, poisson)


def test_colour_map_turns_one_covariance_into_another() -> None:
    one, other = (noise(3, 3, seed=seed) + torch.eye(3) for seed in (0, 1))
    one, other = one @ one.mT, other @ other.mT
    change = ops.colour_map(one, other, most=100.0)
    torch.testing.assert_close(change @ one @ change.mT, other, rtol=1e-4, atol=1e-4)
    torch.testing.assert_close(change, change.mT)  # without turning, which would move them more
    assert torch.linalg.eigvalsh(ops.colour_map(one, other, most=0.5)).max() <= 0.5 + 1e-5


@pytest.mark.parametrize(("pad", "mode"), [(1, "reflect"), (4, "reflect"), (1, "replicate")])
def test_with_border_is_torchs_padding_and_so_are_its_gradients(pad: int, mode: str) -> None:
    x = noise(2, 3, 9, 11).double().requires_grad_(True)
    weights = noise(2, 3, 9 + 2 * pad, 11 + 2 * pad, seed=1).double()
    found = {}
    for name, y in (("ours", ops.with_border(x, pad, mode)), ("torch", F.pad(x, (pad,) * 4, mode))):
        (slope,) = torch.autograd.grad((y * weights).sum(), x)
        found[name] = (y.detach(), slope)
    assert torch.equal(found["ours"][0], found["torch"][0])
    torch.testing.assert_close(found["ours"][1], found["torch"][1])
    assert torch.autograd.gradcheck(lambda z: ops.with_border(z, pad, mode), x)
    several = torch.func.vmap(lambda z: ops.with_border(z, pad, mode))(x.detach()[:, None])
    assert torch.equal(several[:, 0], found["torch"][0])
    turned = x.detach().float().contiguous(memory_format=torch.channels_last)
    assert ops.with_border(turned, pad, mode).is_contiguous(memory_format=torch.channels_last)
