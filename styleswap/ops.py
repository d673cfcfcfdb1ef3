"""The formulas of the field as pure functions of tensors, with no state and no weights."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, cast

import torch
import torch.nn.functional as F
from torch import Tensor

# Rec. 709 luma of an RGB picture, and YIQ's two axes of colour (Gatys et al. 2016, Preserving
# Color in Neural Artistic Style Transfer, arXiv 1606.05897, section 3.1, transfers the luma).
LUMA = (0.2126, 0.7152, 0.0722)

EPSILON = 1e-5  # of a variance or an energy, so that one may divide by it
RIDGE = 0.01  # of `whitened`, where patches are compared
SCORES = 2**24  # that style swap holds at once: 64 MB for each of its buffers


class _Gram(torch.autograd.Function):
    """``f f^T / n`` whose gradient is one product, ``(D + D^T) f / n``, in the type of f.

    Left to itself, autograd takes two products and adds them in different memory layouts, which
    costs more than the convolution that made the features.
    """

    @staticmethod
    def forward(flat: Tensor) -> Tensor:
        full = flat.float()
        return torch.bmm(full, full.mT).div(flat.shape[2])

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Tensor], output: Tensor) -> None:
        ctx.save_for_backward(*inputs)

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> Tensor:
        flat: Tensor = ctx.saved_tensors[0]
        slope = ((grads[0] + grads[0].mT) / flat.shape[2]).to(flat.dtype)
        # In the layout of the features, so that the layers before need not turn it.
        return torch.bmm(flat.mT, slope).mT if flat.stride(1) == 1 else torch.bmm(slope, flat)


def gram(features: Tensor) -> Tensor:
    """Gram matrix of feature maps (Gatys et al. 2016, eq. 3), per position.

    Args:
        features: (B, C, H, W), any floating type.

    Returns:
        (B, C, C) float32, ``sum_hw f_i f_j / (H W)``: independent of the picture's size, summed in
        float32 also under autocast, because a sum over 10^5 positions does not fit bfloat16.
    """
    with torch.autocast(features.device.type, enabled=False):
        return cast(Tensor, _Gram.apply(features.flatten(2)))


class _Extend(torch.autograd.Function):
    """A border along one axis, whose gradient is a sum of slices: torch's own adds up pixel by
    pixel on a GPU, which costs more than the convolutions, and turns the memory's layout."""

    generate_vmap_rule = True

    @staticmethod
    def forward(x: Tensor, pad: int, reflect: bool, axis: int) -> Tensor:
        first, last = _ends(x, pad, reflect, axis)
        return torch.cat([first.flip(axis), x, last.flip(axis)], axis)

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Tensor, int, bool, int], output: Tensor) -> None:
        ctx.how = inputs[1:]

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor, None, None, None]:
        pad, reflect, axis = ctx.how
        whole = grads[0]
        size = whole.shape[axis] - 2 * pad
        found = whole.narrow(axis, pad, size).clone()
        first, last = _ends(found, pad, reflect, axis)
        first += whole.narrow(axis, 0, pad).flip(axis)
        last += whole.narrow(axis, pad + size, pad).flip(axis)
        return found, None, None, None


def _ends(x: Tensor, pad: int, reflect: bool, axis: int) -> tuple[Tensor, Tensor]:
    """What is seen again beyond both ends of an axis."""
    size = x.shape[axis]
    skipped = int(reflect)
    return x.narrow(axis, skipped, pad), x.narrow(axis, size - skipped - pad, pad)


def with_border(x: Tensor, pad: int, mode: str) -> Tensor:
    """`torch.nn.functional.pad` on all four sides, quick to differentiate, layout kept.

    Args:
        x: (B, C, H, W).
        pad: pixels; with ``reflect`` fewer than either side.
        mode: ``reflect``, or ``replicate`` for a `pad` of 1.

    Returns:
        (B, C, H + 2 pad, W + 2 pad).
    """
    for axis in (2, 3):
        x = cast(Tensor, _Extend.apply(x, pad, mode == "reflect", axis))
    return x


def total_variation(x: Tensor) -> Tensor:
    """Mean squared difference of neighbouring pixels, both ways (Mahendran & Vedaldi 2015, beta 2).

    Args:
        x: (B, C, H, W) in [0, 1].

    Returns:
        A scalar; 0 for a flat picture.
    """
    down = x[..., 1:, :] - x[..., :-1, :]
    across = x[..., :, 1:] - x[..., :, :-1]
    return down.square().mean() + across.square().mean()


def luma(x: Tensor) -> Tensor:
    """(B, 3, H, W) RGB -> (B, 1, H, W) brightness, Rec. 709 weights, same range."""
    weights = torch.tensor(LUMA, dtype=x.dtype, device=x.device).view(1, 3, 1, 1)
    return (x * weights).sum(1, keepdim=True)


def with_colours_of(x: Tensor, colours: Tensor) -> Tensor:
    """`x`'s brightness with the colours of `colours` (arXiv 1606.05897, luminance-only transfer).

    Args:
        x, colours: (B, 3, H, W) RGB in [0, 1], of one size.

    Returns:
        (B, 3, H, W): ``colours`` with its luma replaced by x's. Where the sum leaves [0, 1] the
        colour is drawn towards grey rather than clipped, so brightness stays exact.
    """
    y = luma(x)
    chroma = colours - luma(colours)
    # The largest share of the chroma, at most 1, that keeps y + share * chroma inside [0, 1].
    room = torch.where(chroma > 0, 1 - y, y) / chroma.abs().clamp_min(1e-12)
    return y + chroma * room.amin(1, keepdim=True).clamp(0, 1)


def match_luma(style: Tensor, content: Tensor) -> Tensor:
    """The style's brightness as a grey picture with the content's mean and deviation.

    arXiv 1606.05897, eq. 10: without it a dark style would darken a picture that keeps its colours.
    """
    s, c = luma(style), luma(content)
    matched = (s - s.mean()) * (c.std() / (s.std() + 1e-6)) + c.mean()
    return matched.clamp(0, 1).expand(-1, 3, -1, -1)


def adain(content: Tensor, style: Tensor) -> Tensor:
    """Adaptive instance normalisation (Huang & Belongie 2017, eq. 8).

    Args:
        content: features (B, C, H, W).
        style: features (B or 1, C, h, w).

    Returns:
        (B, C, H, W): the content's features with the mean and the deviation that each channel has
        in the style. A channel that is flat in the content becomes the style's mean.
    """
    mean, deviation = statistics(style)
    own_mean, own_deviation = statistics(content)
    return (content - own_mean) / own_deviation * deviation + mean


def statistics(features: Tensor) -> tuple[Tensor, Tensor]:
    """Mean and deviation of each channel of (B, C, H, W), both (B, C, 1, 1).

    The variance has an epsilon, so that one may divide by the deviation.
    """
    variance, mean = torch.var_mean(features, (2, 3), correction=0, keepdim=True)
    return mean, (variance + EPSILON).sqrt()


def whiten_and_colour(content: Tensor, style: Tensor) -> Tensor:
    """Whitening and colouring transform (Li et al. 2017, eq. 1 and 2).

    Args:
        content: features (1, C, H, W).
        style: features (1, C, h, w).

    Returns:
        (1, C, H, W): the content's features with the mean and the covariance that the style's have.
        Directions in which the content does not vary are left flat: whitening would only enlarge
        rounding errors.
    """
    mean, covariance = _moments(style)
    white = whitened(content).flatten(2)[0]
    found: Tensor = _power(covariance, 0.5).float() @ white + mean
    return found.view_as(content)


def whitened(features: Tensor, ridge: float = 0.0) -> Tensor:
    """Features (1, C, H, W) without mean, of the same variance in all directions, float32
    (zero-phase whitening: Bell & Sejnowski 1997).

    Args:
        ridge: share of the largest variance that is added to every direction's: what hardly varies
            is mostly noise, and stays small.
    """
    mean, covariance = _moments(features)
    apart = features.flatten(2)[0].float() - mean
    found: Tensor = _power(covariance, -0.5, ridge).float() @ apart
    return found.view_as(features)


def _moments(features: Tensor) -> tuple[Tensor, Tensor]:
    """Mean (C, 1) and covariance (C, C) of (1, C, H, W), in float32."""
    flat = features.flatten(2)[0].float()
    mean = flat.mean(1, keepdim=True)
    apart = flat - mean
    return mean, apart @ apart.mT / flat.shape[1]


def _power(covariance: Tensor, power: float, ridge: float = 0.0) -> Tensor:
    """A symmetric matrix to a power, float64; of directions that hardly vary, nothing."""
    # On the processor: a GPU takes many times longer for a matrix of some hundred rows.
    values, vectors = torch.linalg.eigh(covariance.double().cpu())
    kept = values > EPSILON * values[-1].clamp_min(EPSILON)
    scales = torch.where(kept, (values + ridge * values[-1]).clamp_min(EPSILON**2) ** power, 0.0)
    found: Tensor = (vectors * scales) @ vectors.mT
    return found.to(covariance.device)


def colours_like(x: Tensor, mean: Tensor, covariance: Tensor, most: float = 3.0) -> Tensor:
    """A picture with the colours that a style has as a whole: their mean and their covariance.

    Args:
        x: (1, 3, H, W) in [0, 1].
        mean, covariance: of the style's colours, (3, 1) and (3, 3), see `colour_statistics`.
        most: see `colour_map`.

    Returns:
        (1, 3, H, W) in [0, 1].
    """
    own_mean, own = colour_statistics(x)
    found = colour_map(own, covariance, most) @ (x.flatten(2)[0] - own_mean) + mean
    return found.view_as(x).clamp(0, 1)


def colour_map(own: Tensor, covariance: Tensor, most: float = 3.0) -> Tensor:
    """The linear map of colours from one covariance to another that moves them least.

    Pitie & Kokaram 2007, The Linear Monge-Kantorovitch Linear Colour Mapping for Example-Based
    Colour Transfer, eq. 14.

    Args:
        own, covariance: from and to, (3, 3).
        most: how much stronger colours may become: what hardly differs is mostly noise.

    Returns:
        (3, 3) float32, for colours less their mean.
    """
    root, back = (_power(own, power) for power in (0.5, -0.5))
    change = back @ _power(root @ covariance.double() @ root, 0.5) @ back
    values, vectors = torch.linalg.eigh(change)
    found: Tensor = ((vectors * values.clamp(max=most)) @ vectors.mT).float()
    return found


def colour_statistics(x: Tensor) -> tuple[Tensor, Tensor]:
    """Mean (3, 1) and covariance (3, 3) of the colours of (1, 3, H, W), in float32."""
    return _moments(x)


def style_swap(content: Tensor, style: Tensor, patch: int = 3, half: bool = False) -> Tensor:
    """Style swap (Chen & Schmidt 2016, section 3.1) of whitened features, coloured again (the style
    decorator of Sheng et al. 2018, section 3.2).

    Each patch of the content's features is replaced by the style's patch that is most like it when
    both are whitened. Untouched, a channel that is strong in both decides alone, and what is flat
    finds the style's emptiest patch. Overlapping patches are averaged, which takes contrast away:
    the result is whitened and coloured as the style.

    Args:
        content: features (1, C, H, W).
        style: features (1, C, h, w).
        patch: side p of a patch, in positions; at most the shortest side.
        half: see `best_matches`.

    Returns:
        (1, C, H, W), with the mean and the covariance of the style's features.
    """
    places = best_matches(whitened(content, RIDGE), whitened(style, RIDGE), patch, half)
    return whiten_and_colour(put_together(places, style, content.shape[2:], patch), style)


def put_together(places: Tensor, style: Tensor, shape: Sequence[int], patch: int) -> Tensor:
    """Overlapping patches of the style, averaged.

    Args:
        places: where each begins, as `best_matches` gives them.
        style: features (1, C, h, w).
        shape: (H, W) of the result.
        patch: side of a patch, in positions.

    Returns:
        (1, C, H, W).
    """
    rows, columns = places.shape
    flat = style.flatten(2)[0]
    total = style.new_zeros((style.shape[1], *shape))
    count = style.new_zeros((1, *shape))
    for down in range(patch):
        for across in range(patch):
            area = (slice(None), slice(down, down + rows), slice(across, across + columns))
            found = flat.index_select(1, (places + down * style.shape[3] + across).flatten())
            total[area] += found.view(-1, rows, columns)
            count[area] += 1
    return (total / count)[None]


def best_matches(content: Tensor, style: Tensor, patch: int, half: bool = False) -> Tensor:
    """Where in the style the patch most like each patch of the content begins.

    Most like it is what has the largest normalised cross-correlation (Chen & Schmidt 2016, eq. 2).
    It takes nine times less work than correlating patches: a correlation of patches is the sum,
    over the positions in a patch, of products of single positions, and neighbouring patches share
    those.

    Args:
        content, style, patch: as `style_swap` takes them.
        half: multiply in bfloat16: of photographs 99 of 100 patches find the same place as in
            float32 (benchmarks/swap.py), which is exact.

    Returns:
        (H - p + 1, W - p + 1) of ``row * w + column`` in the style.
    """
    height, width = content.shape[2:]
    h, w = style.shape[2:]
    if patch > min(height, width, h, w):
        raise ValueError(f"patches of {patch} do not fit into {height} x {width} and {h} x {w}")

    def over_patches(x: Tensor) -> Tensor:
        """(1, H, W) summed over the patches, (H - p + 1, W - p + 1)."""
        return F.avg_pool2d(x[None], patch, 1)[0, 0] * patch**2

    with torch.autocast(content.device.type, enabled=False):
        rows, columns = height - patch + 1, width - patch + 1
        theirs, ours = style[0].float(), content[0].float()
        energy = over_patches(theirs.square().sum(0, keepdim=True))
        # Patches of nothing are like nothing.
        scale = torch.rsqrt(energy + EPSILON * energy.max().clamp_min(EPSILON))
        # With a mean m, c s = (c - m) s + m s: only the first depends on both places, and without
        # the other it is small, as is then what bfloat16 rounds off it.
        mean = ours.mean((1, 2), keepdim=True)
        common = over_patches((mean * theirs).sum(0, keepdim=True))
        kind = torch.bfloat16 if half else torch.float32
        theirs = theirs.flatten(1).to(kind)
        ours = (ours - mean).permute(1, 2, 0).to(kind).contiguous()  # (H, W, C)
        found = torch.empty((rows, columns), dtype=torch.long, device=content.device)
        tile = max(1, SCORES // (h * w) - patch + 1)
        for left in range(0, columns, tile):
            right = min(left + tile, columns)
            strip = ours[:, left : right + patch - 1]
            correlations = _Correlations(strip.shape[1], theirs, (h, w), patch)
            for row in range(height):
                scores = correlations.add(strip[row])
                if scores is not None:
                    scores.add_(common).mul_(scale)
                    found[row - patch + 1, left:right] = scores.flatten(1).argmax(1)
        # From a place among the patches to one among the positions.
        across = w - patch + 1
        return found // across * w + found % across


class _Correlations:
    """The correlations of one row of patches after the other with all of the style's, in buffers
    that stay.

    Args:
        width: positions in a row of the content.
        style: features (C, h * w).
        shape: (h, w).
        patch: side of a patch.
    """

    def __init__(self, width: int, style: Tensor, shape: tuple[int, int], patch: int) -> None:
        h, w = shape
        self.style, self.patch = style, patch
        columns = width - patch + 1
        self.found = style.new_empty((width, h * w))
        # The very same where that is float32.
        self.products = self.found.view(width, h, w).float()
        # Sums along a row, of the last p rows.
        self.sums = torch.empty((patch, columns, h, w - patch + 1), device=style.device)
        self.scores = torch.empty((columns, h - patch + 1, w - patch + 1), device=style.device)
        self.seen = 0

    def add(self, row: Tensor) -> Tensor | None:
        """Take the next row (W, C); gives those of the row of patches that it ends, (W - p + 1,
        h - p + 1, w - p + 1), until the next call."""
        p = self.patch
        width, h, w = self.products.shape
        torch.mm(row, self.style, out=self.found)
        self.products.copy_(self.found.view(width, h, w))
        _add_up(
            [self.products[k : width - p + 1 + k, :, k : w - p + 1 + k] for k in range(p)],
            self.sums[self.seen % p],
        )
        self.seen += 1
        if self.seen < p:
            return None
        _add_up(
            [self.sums[(self.seen + k) % p][:, k : h - p + 1 + k] for k in range(p)],
            self.scores,
        )
        return self.scores


def _add_up(parts: list[Tensor], out: Tensor) -> None:
    """The sum of `parts` in `out`."""
    if len(parts) == 1:
        out.copy_(parts[0])
        return
    torch.add(parts[0], parts[1], out=out)
    for part in parts[2:]:
        out.add_(part)


def pair_downsample(x: Tensor) -> tuple[Tensor, Tensor]:
    """Two pictures of half the size, each from pixels that the other does not see (Mansour & Heckel
    2023, eq. 4): the means of the one and of the other diagonal of blocks of 2 x 2.

    Args:
        x: (B, C, H, W); an odd last row or column is left out.

    Returns:
        Two of (B, C, H // 2, W // 2): convolutions of stride 2 with [[0, .5], [.5, 0]] and with
        [[.5, 0], [0, .5]].
    """
    height, width = (side // 2 * 2 for side in x.shape[2:])
    a, b, c, d = (x[..., down:height:2, across:width:2] for down in (0, 1) for across in (0, 1))
    return (b + c) / 2, (a + d) / 2


def noise_level(x: Tensor) -> float:
    """The deviation of a picture's noise, as far as it is independent from pixel to pixel.

    The pair of `pair_downsample` differs by noise of that deviation, and by the finest details. So
    it is measured where there are few of them: the tenth part of the picture's blocks that differ
    least, among those that are neither nearly black nor nearly white, where noise is cut off.

    Args:
        x: (1, C, H, W) in [0, 1], at least 4 px a side.

    Returns:
        The deviation, in the same units; 0 for a picture of one colour.
    """
    one, other = pair_downsample(x)
    block = min(8, *one.shape[2:])
    spread = F.avg_pool2d((one - other).square().mean(1, keepdim=True), block).flatten()
    grey = F.avg_pool2d(((one + other) / 2).mean(1, keepdim=True), block).flatten()
    usual = (grey > 0.1) & (grey < 0.95)
    spread = spread[usual] if usual.any() else spread
    # A tenth of samples of this many squares lies below their mean by so much (Wilson & Hilferty).
    count = x.shape[1] * block**2
    low = (1 - 2 / (9 * count) - 1.2816 * math.sqrt(2 / (9 * count))) ** 3
    return float((spread.quantile(0.1) / low).sqrt())


def with_gaussian_noise(x: Tensor, sigma: float, generator: torch.Generator) -> Tensor:
    """`x` and noise of deviation `sigma`, in its units; not clamped."""
    return x + sigma * torch.randn(x.shape, generator=generator).to(x.device)


def with_poisson_noise(x: Tensor, peak: float, generator: torch.Generator) -> Tensor:
    """As a sensor counts light: x = 1 is `peak` photons on average; not clamped."""
    return torch.poisson(peak * x.clamp_min(0).cpu(), generator=generator).div(peak).to(x.device)
