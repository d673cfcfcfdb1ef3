from __future__ import annotations

import threading

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from styleswap import runtimes, tensors, weights
from styleswap.errors import StyleSwapError
from styleswap.nets import meta
from styleswap.nets.transformer import (
    MARGIN,
    MULTIPLE,
    TransformerNetwork,
    cut,
    new_transformer,
)
from styleswap.runtimes import graph, openvino
from styleswap.runtimes.kept import Kept
from styleswap.runtimes.strips import StripsRuntime
from tests.helpers import example, noise, numbered

CPU = torch.device("cpu")


def network(seed: int = 0) -> TransformerNetwork:
    """A network whose result differs plainly from grey and from its input."""
    generator = torch.Generator().manual_seed(seed)
    net = new_transformer(generator, 16)
    with torch.no_grad():
        for p in net.parameters():
            p.add_(0.05 * torch.randn(p.shape, generator=generator))
    return net.eval().requires_grad_(False)


@pytest.mark.parametrize("name", runtimes.available(CPU))
@pytest.mark.parametrize("shape", [(1, 3, 64, 96), (1, 3, 51, 70), (2, 3, 33, 33)])
def test_every_runtime_agrees_with_float32(name: str, shape: tuple[int, ...]) -> None:
    net, x = network(), noise(*shape)
    before = x.clone()
    want = net(x)
    assert want.std() > 0.05
    found = runtimes.prepare(network(), CPU, name)(x)
    assert found.shape == x.shape and found.dtype == torch.float32
    assert (found - want).abs().mean() <= (4 if name == "openvino-int8" else 2) / 255
    assert torch.equal(x, before)


@pytest.mark.skipif("openvino-int8" not in runtimes.available(CPU), reason="no int8")
def test_int8_hardly_shows_on_a_photograph() -> None:
    x = example("lake", 320)
    writer = meta.load()
    for name in ("waves", "autumn"):
        written = writer.write(example(name, 320))
        net = TransformerNetwork.from_weights(written).eval().requires_grad_(False)
        want = net(x)
        rough = openvino.OpenVinoRuntime(net, int8=True)(x)
        fine = openvino.OpenVinoRuntime(net)(x)
        apart = [(y - want).abs().mean().item() * 255 for y in (fine, rough)]
        assert apart[0] < 0.6 and 0.3 < apart[1] < 2  # that it is int8 can be measured


def test_smooth_pictures_get_no_steps() -> None:
    """Enlarged ones, whose neighbouring pixels differ by less than bfloat16 tells apart near 1."""
    net = TransformerNetwork.from_weights(weights.load_style("starry-night"))
    small = example("lake", 80)
    x = F.interpolate(small, scale_factor=8, mode="bicubic").clamp(0, 1)
    want = net.eval().requires_grad_(False)(x)
    found = runtimes.prepare(net, CPU)(x)
    assert (found - want).abs().mean() <= 1 / 255


def test_ranges_hold_what_a_photograph_gives() -> None:
    net = network()
    ranges = openvino.ranges_of(net)
    parts = [part for block in net.blocks for part in (block.first, block.second)]  # type: ignore[union-attr]
    assert list(ranges) == [*parts, net.up, net.last][openvino.FINE :]
    seen: dict[torch.nn.Module, Tensor] = {}
    for part in ranges:
        part.register_forward_pre_hook(lambda m, given: seen.update({m: given[0]}))
    net(example("lake", 256))
    for part, (low, high) in ranges.items():
        y = seen[part]
        assert low.shape == high.shape == (y.shape[1],) and (low < high).all()
        outside = (y < low[:, None, None] - 1e-6) | (y > high[:, None, None])
        assert outside.float().mean() < 1e-3
        # And no channel leaves most of its steps to none.
        assert ((y.amax((0, 2, 3)) - y.amin((0, 2, 3))) > 0.15 * (high - low)).float().mean() > 0.9


def test_films_take_int8_where_that_works(monkeypatch: pytest.MonkeyPatch) -> None:
    for names, wanted in (
        (["openvino", "openvino-int8", "torch"], "openvino-int8"),
        (["openvino", "torch"], "auto"),
        (["cuda", "torch"], "auto"),
    ):
        monkeypatch.setattr(runtimes, "available", lambda device, names=names: names)
        assert runtimes.for_films(CPU) == wanted


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no GPU")
def test_cuda_agrees_with_float32() -> None:
    device = torch.device("cuda")
    run = runtimes.prepare(network(), device)
    for seed in range(3):  # the second and third are replays
        x = noise(1, 3, 51, 70, seed=seed)
        found = run(x.to(device)).cpu()
        assert (found - network()(x)).abs().mean() <= 2 / 255


def test_openvino_is_what_a_cpu_runs_by_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(openvino.OpenVinoRuntime, "__call__", lambda self, x: x)
    x = noise(1, 3, 32, 32)
    assert runtimes.prepare(network(), CPU)(x) is x
    assert runtimes.prepare(network(), CPU, "torch")(x) is not x


@given(st.integers(9, 20), st.integers(9, 20), st.sampled_from(["uint8", "float32"]))
def test_blocks_of_pixels_become_the_picture(height: int, width: int, kind: str) -> None:
    whole = noise(2, 3, height + MARGIN * 2, width + MARGIN * 2)
    whole = F.pad(whole, (0, -whole.shape[3] % MULTIPLE, 0, -whole.shape[2] % MULTIPLE))
    whole = (255 * whole).to(getattr(torch, kind))
    blocks = F.pixel_unshuffle(whole, 2).transpose(0, 1)
    given = graph.colours_last(blocks).permute(1, 2, 3, 0).contiguous().numpy()
    found = openvino.picture(given, height, width)
    assert np.array_equal(found, cut(whole, noise(2, 3, height, width)).permute(0, 2, 3, 1))


@pytest.mark.parametrize("name", runtimes.available(CPU))
def test_how_a_picture_lies_in_memory_does_not_matter(name: str) -> None:
    run, x = runtimes.prepare(network(), CPU, name), noise(1, 3, 32, 48)
    turned = x.contiguous(memory_format=torch.channels_last)
    assert torch.equal(run(turned), run(x))
    assert torch.equal(
        run(noise(1, 3, 40, 48)[:, :, 4:36]), run(noise(1, 3, 40, 48)[:, :, 4:36] * 1)
    )


@given(st.integers(1, 5), st.integers(1, 5), st.sampled_from([1, 3, 9]))
@settings(deadline=None)
def test_a_convolution_by_blocks(into: int, out: int, side: int) -> None:
    x, kernel = noise(1, into, 18, 14), noise(out, into, side, side, seed=1)
    padded = F.pad(x, (side // 2,) * 4)
    blocks = F.conv2d(padded, graph.by_blocks(kernel), stride=2)
    torch.testing.assert_close(F.pixel_shuffle(blocks, 2), F.conv2d(padded, kernel))


@given(st.integers(1, 5), st.integers(1, 5), st.integers(1, 9), st.integers(2, 9))
@settings(deadline=None)
def test_a_convolution_after_doubling(into: int, out: int, height: int, width: int) -> None:
    x, kernel = noise(1, into, height, width), noise(out, into, 3, 3, seed=1)
    doubled = F.interpolate(x, scale_factor=2, mode="nearest")
    found = F.conv_transpose2d(x, graph.after_doubling(kernel), stride=2, padding=1)
    torch.testing.assert_close(found, F.conv2d(doubled, kernel, padding=1))
    # And what is reflected after doubling is the border repeated before it.
    around = F.pad(x, (1,) * 4, "replicate")
    found = F.conv_transpose2d(around, graph.after_doubling(kernel), stride=2, padding=3)
    reflected = F.pad(doubled, (1,) * 4, "reflect")
    torch.testing.assert_close(found, F.conv2d(reflected, kernel))


def test_results_are_kept_apart() -> None:
    run = runtimes.prepare(network(), CPU)
    one = run(noise(1, 3, 32, 32))
    kept = one.clone()
    run(noise(1, 3, 32, 32, seed=1))
    assert torch.equal(one, kept)


def test_a_runtime_that_is_not_here() -> None:
    with pytest.raises(StyleSwapError, match="cuda does not work on this machine; choose auto or"):
        runtimes.prepare(network(), CPU, "cuda")


# --- frames -------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", runtimes.available(CPU))
@pytest.mark.parametrize("size", [(96, 64), (70, 51)])
def test_frames_are_what_tensors_become(name: str, size: tuple[int, int]) -> None:
    run = runtimes.prepare(network(), CPU, name)
    frames = [numbered(k, *size) for k in (0, 1)]
    before = [frame.copy() for frame in frames]
    found = run.frames(frames)
    kept = [frame.copy() for frame in found]
    run.frames([numbered(9, *size)])
    for frame, was, own in zip(found, kept, before, strict=True):
        want = tensors.to_pixels(run(tensors.from_pixels(own)))
        assert frame.dtype == np.uint8 and frame.shape == want.shape and want.std() > 10
        assert np.abs(frame.astype(int) - want).max() <= 1
        assert np.array_equal(frame, was)
    assert not np.array_equal(*found)
    assert all(np.array_equal(*pair) for pair in zip(frames, before, strict=True))


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no GPU")
def test_cuda_takes_frames_together() -> None:
    run = runtimes.prepare(network(), torch.device("cuda"))
    frames = [numbered(k, 70, 51) for k in range(3)]
    assert run.is_ready(70, 51)
    for frame, found in zip(frames, run.frames(frames), strict=True):
        want = tensors.to_pixels(network()(tensors.from_pixels(frame)))
        assert found.shape == want.shape and np.abs(found.astype(int) - want).mean() <= 2


@pytest.mark.skipif("openvino" not in runtimes.available(CPU), reason="no OpenVINO")
def test_compiling_ahead(monkeypatch: pytest.MonkeyPatch) -> None:
    compiled: list[tuple[int, ...]] = []
    compile = openvino.OpenVinoRuntime._compile
    monkeypatch.setattr(openvino, "REQUESTS", Kept())
    monkeypatch.setattr(
        openvino.OpenVinoRuntime,
        "_compile",
        lambda self, shape: compiled.append(shape) or compile(self, shape),
    )
    run, other = (runtimes.prepare(network(), CPU, "openvino") for _ in range(2))
    assert not run.is_ready(64, 48)
    run.make_ready(64, 48)
    assert run.is_ready(64, 48) and compiled == [(1, 3, 48, 64)]
    assert not run.is_ready(48, 64) and not other.is_ready(64, 48)
    run.frames([numbered(0, 64, 48)])
    run(noise(1, 3, 48, 64))
    run.make_ready(64, 48)
    assert len(compiled) == 1


@pytest.mark.skipif(not openvino.SHARES, reason="weights are constants here")
@pytest.mark.parametrize("name", [n for n in runtimes.available(CPU) if n.startswith("openvino")])
def test_networks_that_share_what_is_compiled(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    compiled: list[tuple[int, ...]] = []
    compile = openvino.OpenVinoRuntime._compile
    monkeypatch.setattr(openvino, "REQUESTS", Kept())
    monkeypatch.setattr(
        openvino.OpenVinoRuntime,
        "_compile",
        lambda self, shape: compiled.append(shape) or compile(self, shape),
    )
    x, nets = noise(1, 3, 48, 64), [network(seed) for seed in range(3)]
    runs = [runtimes.prepare(net, CPU, name, shared=True) for net in nets]
    runs[0].make_ready(64, 48)
    assert all(run.is_ready(64, 48) for run in runs)
    for turn in (0, 1, 2, 1, 0):
        apart = (runs[turn](x) - nets[turn](x)).abs().mean() * 255
        assert apart <= (4 if name == "openvino-int8" else 2)
    assert len(compiled) == 1
    runtimes.prepare(network(), CPU, name)(x)  # one that shares nothing
    assert len(compiled) == 2


@pytest.mark.skipif("openvino-int8" not in runtimes.available(CPU), reason="no int8")
def test_int8_leaves_a_silent_channel_silent() -> None:
    """Its kernel is next to nothing, and divided by its largest weight would be noise."""
    net, x = network(), example("lake", 96)
    with torch.no_grad():
        for block in net.blocks:
            block.first.conv.weight[::2].mul_(1e-6)  # type: ignore[union-attr,index]
    assert (openvino.OpenVinoRuntime(net, int8=True)(x) - net(x)).abs().mean() <= 3 / 255


@pytest.mark.skipif("openvino" not in runtimes.available(CPU), reason="no OpenVINO")
def test_frames_go_on_while_another_size_is_compiled(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(openvino, "REQUESTS", Kept())
    run, frame = runtimes.prepare(network(), CPU, "openvino"), numbered(0, 64, 48)
    want = run.frames([frame])[0]
    begun, go = threading.Event(), threading.Event()
    compile = openvino.OpenVinoRuntime._compile

    def slow(self: openvino.OpenVinoRuntime, shape: tuple[int, ...]) -> object:
        begun.set()
        assert go.wait(10)
        return compile(self, shape)

    monkeypatch.setattr(openvino.OpenVinoRuntime, "_compile", slow)
    thread = threading.Thread(target=run.make_ready, args=(32, 32), daemon=True)
    thread.start()
    assert begun.wait(10)
    assert np.array_equal(run.frames([frame])[0], want) and not run.is_ready(32, 32)
    go.set()
    thread.join(10)
    assert run.is_ready(32, 32) and np.array_equal(run.frames([frame])[0], want)


def test_large_frames_go_strip_by_strip_and_are_always_ready(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    run = runtimes.prepare(network(), CPU)
    assert isinstance(run, runtimes.ByStrips)
    run.whole.whole_pixels = 64 * 48
    monkeypatch.setattr(StripsRuntime, "__call__", lambda self, x: 1 - x)
    one, larger = numbered(0, 64, 48), numbered(0, 65, 48)
    assert not np.array_equal(run.frames([one])[0], 255 - one)
    assert np.array_equal(run.frames([larger])[0], 255 - larger)
    compiled: list[tuple[int, int]] = []
    monkeypatch.setattr(run.whole, "make_ready", lambda *size: compiled.append(size))
    assert run.is_ready(65, 48)
    run.make_ready(65, 48)
    run.make_ready(64, 48)
    assert compiled == [(64, 48)]


def test_torch_is_always_ready() -> None:
    run = runtimes.prepare(network(), CPU, "torch")
    run.make_ready(64, 48)
    assert run.is_ready(64, 48)
