from __future__ import annotations

import hashlib
from collections.abc import Iterator

import pytest
import torch
import torchvision
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

from styleswap import losses, ops, tensors, weights
from styleswap.nets import perceptual
from styleswap.nets.perceptual import (
    SMALL_CHANNELS,
    PerceptualNetwork,
    from_torchvision,
    new_small,
)
from styleswap.specs import LAYERS, STYLE_LAYERS
from tests.helpers import ROOT, STYLES, TINY, example, noise, picture, random_network, small

IMAGENET = torchvision.transforms.Normalize([0.485, 0.456, 0.406], [0.229, 0.224, 0.225])


# --- against torchvision ------------------------------------------------------------------------


@pytest.fixture(scope="module")
def vgg19() -> nn.Sequential:
    """torchvision's own chain up to relu5_1 with random weights, without its ReLUs in place."""
    torch.manual_seed(0)
    with torch.device("meta"):
        features = torchvision.models.vgg19(weights=None).features[:30]
    features = features.to_empty(device="cpu")
    for module in features:
        if isinstance(module, nn.Conv2d):
            nn.init.kaiming_normal_(module.weight)
            nn.init.normal_(module.bias, std=0.1)
        elif isinstance(module, nn.ReLU):
            module.inplace = False
    return features.eval().requires_grad_(False)


@pytest.fixture(scope="module")
def tensors_of(vgg19: nn.Sequential) -> dict[str, Tensor]:
    return {f"features.{k}": v for k, v in vgg19.state_dict().items()}


def test_every_layer_is_torchvisions(vgg19: nn.Sequential, tensors_of: dict[str, Tensor]) -> None:
    net = from_torchvision(tensors_of, pooling="max", padding="zeros").eval()
    x = noise(2, 3, 48, 33)
    # The field's names by counting blocks, as Simonyan & Zisserman's table 1 has them.
    literal, block, k, y = {}, 1, 0, IMAGENET(x)
    for module in vgg19:
        y = module(y)
        if isinstance(module, nn.Conv2d):
            k += 1
            literal[f"conv{block}_{k}"] = y
        elif isinstance(module, nn.ReLU):
            literal[f"relu{block}_{k}"] = y
        else:
            block, k = block + 1, 0
    assert net.layers == LAYERS
    found = net.features(x, LAYERS)
    for layer in LAYERS:
        torch.testing.assert_close(found[layer], literal[layer], rtol=1e-3, atol=1e-4)


def test_vgg19_repeats_its_border_unless_told_otherwise(tensors_of: dict[str, Tensor]) -> None:
    first = from_torchvision(tensors_of, pooling="average")
    assert first.padding == "replicate"
    assert first.pooling == "average"


def test_features_leave_the_picture_and_one_another_alone() -> None:
    """The rectifiers work in place, but not on what was asked for."""
    net, x = random_network(TINY), noise(1, 3, 48, 48)
    kept = x.clone()
    found = net.features(x, LAYERS)
    assert torch.equal(x, kept)
    for layer in LAYERS:
        assert torch.equal(net.features(x, [layer])[layer], found[layer])


# --- features -----------------------------------------------------------------------------------

NET = random_network(TINY)


def test_layers_come_in_the_order_asked_for() -> None:
    x = noise(1, 3, 48, 48)
    order = ("relu5_1", "relu1_1", "conv4_2", "relu3_1")
    found = NET.features(x, order)
    assert tuple(found) == order
    everything = NET.features(x, LAYERS)
    for layer in order:
        assert torch.equal(found[layer], everything[layer])


def test_sizes_and_rectifiers() -> None:
    found = NET.features(noise(2, 3, 48, 80), LAYERS)
    for layer, f in found.items():
        down = 2 ** (int(layer[4]) - 1)
        assert f.shape == (2, TINY[layer.replace("relu", "conv")], 48 // down, 80 // down)
        assert (f.min() < 0) == layer.startswith("conv")


def repeated(x: Tensor) -> Tensor:
    return nn.functional.pad(x, (1, 1, 1, 1), "replicate")


def test_before_and_after_a_rectifier() -> None:
    net = random_network({"conv1_1": 4, "conv4_2": 4})
    x = noise(1, 3, 32, 32)
    both = net.features(x, ["conv4_2", "relu1_1"])
    literal = net.convs["conv1_1"](repeated(x)).relu()
    assert torch.equal(both["relu1_1"], literal)
    pooled = nn.functional.avg_pool2d(literal, 2)
    assert torch.equal(both["conv4_2"], net.convs["conv4_2"](repeated(pooled)))


@pytest.mark.parametrize("name", ["relu6_1", "conv1_9", "pool1", "", "relu2_1 "])
def test_an_unknown_layer(name: str) -> None:
    with pytest.raises(KeyError, match="relu1_1"):
        NET.features(noise(1, 3, 32, 32), ["relu1_1", name])


def test_a_network_that_ends_early_says_so() -> None:
    net = random_network({"conv1_1": 4, "conv2_1": 4})
    assert net.layers == ("relu1_1", "relu2_1")
    with pytest.raises(KeyError, match="relu3_1"):
        net.features(noise(1, 3, 32, 32), ["relu3_1"])


@pytest.mark.parametrize(("deepest", "count"), [("relu1_1", 1), ("relu3_1", 3), ("conv4_2", 5)])
def test_it_stops_at_the_deepest_layer_asked_for(deepest: str, count: int) -> None:
    ran: list[nn.Module] = []
    hooks = [c.register_forward_hook(lambda m, *_: ran.append(m)) for c in NET.convs.values()]
    NET.features(noise(1, 3, 32, 32), ["relu1_1", deepest])
    for hook in hooks:
        hook.remove()
    assert len(ran) == count


def test_pooling_is_what_was_asked_for() -> None:
    x = noise(1, 3, 32, 32)
    average, largest = random_network(TINY), random_network(TINY, pooling="max")
    first = average.features(x, ["relu1_1", "relu2_1"])
    assert torch.equal(largest.features(x, ["relu1_1"])["relu1_1"], first["relu1_1"])
    for net, pool in ((average, nn.AvgPool2d(2)), (largest, nn.MaxPool2d(2))):
        literal = net.convs["conv2_1"](repeated(pool(first["relu1_1"]))).relu()
        torch.testing.assert_close(net.features(x, ["relu2_1"])["relu2_1"], literal)
    average.pooling = "max"  # as training switches it
    assert torch.equal(
        average.features(x, ["relu2_1"])["relu2_1"], largest.features(x, ["relu2_1"])["relu2_1"]
    )


@given(st.floats(0, 1), st.sampled_from([16, 31, 32, 45]))
@settings(deadline=None)
def test_a_flat_picture_has_flat_features_without_a_frame(grey: float, side: int) -> None:
    x = torch.full((1, 3, side, 40), grey)
    layers = [n for n in LAYERS if side >= 32 or n != "relu5_1"]
    for net in (NET, small()):
        for f in net.features(x, layers).values():
            spread = f.amax((2, 3)) - f.amin((2, 3))
            assert spread.max() <= 1e-3 * max(1.0, float(f.abs().max()))


def test_zero_padding_does_leave_a_frame() -> None:
    """Else the test above could not see one."""
    net = random_network(TINY, padding="zeros")
    for f in net.features(torch.full((1, 3, 48, 48), 0.7), LAYERS).values():
        assert (f.amax((2, 3)) - f.amin((2, 3))).max() > 1e-2 * float(f.abs().max())


def test_the_picture_is_not_changed() -> None:
    x = noise(1, 3, 48, 48)
    before = x.clone()
    with_input_layer = random_network(TINY).named_weights() | {
        "preprocess.weight": torch.eye(3).view(3, 3, 1, 1) * 2,
        "preprocess.bias": torch.ones(3),
    }
    PerceptualNetwork(with_input_layer).features(x, LAYERS)
    small().features(x, LAYERS)
    assert torch.equal(x, before)


def test_the_input_layer_comes_first() -> None:
    x = noise(1, 3, 32, 32)
    plain = random_network(TINY)
    bias = torch.tensor([0.1, -0.2, 0.3])
    net = PerceptualNetwork(
        plain.named_weights()
        | {"preprocess.weight": torch.eye(3).view(3, 3, 1, 1) * 2, "preprocess.bias": bias}
    )
    want = plain.features(2 * x + bias.view(1, 3, 1, 1), ["relu2_1"])["relu2_1"]
    torch.testing.assert_close(net.features(x, ["relu2_1"])["relu2_1"], want)


# --- heads --------------------------------------------------------------------------------------


def distance(a: Tensor, b: Tensor) -> float:
    return float((a - b).double().square().sum())


@given(seed=st.integers(0, 10_000), wide=st.sampled_from([3, 8, 40]))
@settings(deadline=None, max_examples=30)
def test_distances_are_those_through_the_head(seed: int, wide: int) -> None:
    net = random_network({"conv1_1": 8}, {"relu1_1": wide}, seed=seed)
    f, g = (net.features(noise(1, 3, 9, 9, seed=seed + i), ["relu1_1"])["relu1_1"] for i in (0, 1))
    w = net.head("relu1_1").weight.flatten(1).double()
    through = [w @ ops.gram(x).double() @ w.T for x in (f, g)]
    mine = [net.style_matrix("relu1_1", x) for x in (f, g)]
    assert mine[0].dtype == torch.float32 and mine[0].shape[1] == min(wide, 8)
    zero = torch.zeros(())
    energy = distance(through[1], zero)
    assert distance(mine[1], zero) == pytest.approx(energy, rel=1e-4)
    assert distance(*mine) == pytest.approx(distance(*through), rel=1e-3, abs=1e-6 * energy)
    relative = losses.relative_error(*mine).item()
    assert relative == pytest.approx(distance(*through) / energy, rel=1e-3, abs=1e-6)
    maps = [net.content_map("relu1_1", x) for x in (f, g)]
    assert maps[0].shape == (1, min(wide, 8), 9, 9)
    heads = [net.head("relu1_1")(x) for x in (f, g)]
    assert distance(*maps) == pytest.approx(distance(*heads), rel=1e-4)


def test_a_layer_without_a_head_is_measured_as_it_is() -> None:
    net = random_network(TINY, {"relu2_1": 9})
    f = noise(2, 4, 5, 6)
    assert torch.equal(net.style_matrix("relu1_1", f), ops.gram(f))
    assert net.content_map("relu1_1", f) is f


def test_heads_are_measured_through_in_float32_under_autocast() -> None:
    net = random_network({"conv1_1": 8}, {"relu1_1": 16})
    f = noise(1, 8, 64, 64)
    want = net.style_matrix("relu1_1", f), net.content_map("relu1_1", f)
    with torch.autocast("cpu", torch.bfloat16):
        fresh = random_network({"conv1_1": 8}, {"relu1_1": 16})
        found = fresh.style_matrix("relu1_1", f), fresh.content_map("relu1_1", f)
    for mine, theirs in zip(found, want, strict=True):
        assert mine.dtype == torch.float32
        torch.testing.assert_close(mine, theirs)


@pytest.fixture
def decompositions(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[Tensor]]:
    """The matrices that were decomposed."""
    calls: list[Tensor] = []
    qr = torch.linalg.qr

    def counted(w: Tensor) -> object:
        calls.append(w)
        return qr(w)

    monkeypatch.setattr(torch.linalg, "qr", counted)
    yield calls


def test_a_head_is_decomposed_once_when_frozen(decompositions: list[Tensor]) -> None:
    net = random_network(TINY, {"relu1_1": 9, "relu2_1": 9})
    for _ in range(3):
        net.style_matrix("relu1_1", noise(1, 4, 5, 5))
        net.style_matrix("relu2_1", noise(1, 6, 5, 5))
    assert len(decompositions) == 2


def test_a_head_is_followed_while_it_is_trained(decompositions: list[Tensor]) -> None:
    net = random_network(TINY, {"relu1_1": 9}).train()
    f = noise(1, 4, 5, 5)
    before = net.style_matrix("relu1_1", f)
    with torch.no_grad():
        net.head("relu1_1").weight.mul_(2)
    torch.testing.assert_close(net.style_matrix("relu1_1", f), 4 * before)
    assert len(decompositions) == 2


def test_a_head_that_was_trained_is_decomposed_anew() -> None:
    net = random_network(TINY, {"relu1_1": 9})
    f = noise(1, 4, 5, 5)
    before = net.style_matrix("relu1_1", f)
    net.train()
    net.style_matrix("relu1_1", f)
    with torch.no_grad():
        net.head("relu1_1").weight.mul_(2)  # the last step of a training
    net.eval()
    torch.testing.assert_close(net.style_matrix("relu1_1", f), 4 * before)


# --- weights ------------------------------------------------------------------------------------


def test_named_weights_round_trip() -> None:
    given_weights = random_network(TINY, {"relu1_1": 9, "conv4_2": 5}).named_weights() | {
        "preprocess.weight": noise(3, 3, 1, 1),
        "preprocess.bias": noise(3),
    }
    net = PerceptualNetwork(given_weights)
    back = net.named_weights()
    assert set(back) == set(given_weights)
    assert all(torch.equal(back[k], v) for k, v in given_weights.items())
    x = noise(1, 3, 32, 32)
    again = PerceptualNetwork(back)
    for layer, f in net.features(x, LAYERS).items():
        assert torch.equal(again.features(x, [layer])[layer], f)


def test_the_order_of_the_weights_does_not_matter() -> None:
    w = NET.named_weights()
    backwards = PerceptualNetwork(dict(reversed(w.items())))
    x = noise(1, 3, 32, 32)
    assert torch.equal(
        backwards.features(x, ["relu5_1"])["relu5_1"], NET.features(x, ["relu5_1"])["relu5_1"]
    )


def test_a_new_small_network_is_its_seeds() -> None:
    wide = {"relu1_1": 64, "conv4_2": 512}
    one, same, other = (new_small(torch.Generator().manual_seed(s), wide) for s in (0, 0, 1))
    a, b, c = one.named_weights(), same.named_weights(), other.named_weights()
    assert all(torch.equal(a[k], b[k]) for k in a)
    assert all(not torch.equal(a[k], c[k]) for k in a if k.endswith("weight"))
    assert one.layers == LAYERS and set(one.heads) == set(wide)
    assert a["head.conv4_2.weight"].shape == (512, SMALL_CHANNELS["conv4_2"], 1, 1)
    assert all(p.requires_grad for p in one.parameters())


def test_mid_grey_is_zero_to_a_new_small_network() -> None:
    net = new_small(torch.Generator().manual_seed(3), {})
    grey = net.convs["conv1_1"](torch.full((1, 3, 16, 16), 0.5))
    assert grey.abs().max() < 1e-5
    assert net.convs["conv1_1"](noise(1, 3, 16, 16)).std() > 0.3


def test_auto_takes_vgg19_where_it_is_cached(monkeypatch: pytest.MonkeyPatch) -> None:
    for cached, name in ((True, "vgg19"), (False, "small")):
        monkeypatch.setattr(weights, "has_vgg19", lambda cached=cached: cached)
        assert perceptual.choose("auto") == name
    assert perceptual.choose("vgg19") == "vgg19" and perceptual.choose("small") == "small"


def test_load_vgg19(monkeypatch: pytest.MonkeyPatch, tensors_of: dict[str, Tensor]) -> None:
    monkeypatch.setattr(weights, "vgg19_features", lambda: tensors_of)
    net = perceptual.load("vgg19", "max")
    assert net.pooling == "max" and not net.training and net.preprocess is not None
    assert not any(p.requires_grad for p in net.parameters())
    assert net.layers == LAYERS and not net.heads


# --- the network that is shipped ----------------------------------------------------------------


def test_the_shipped_network_is_whole() -> None:
    entry = weights.manifest()["small"]
    file = ROOT / "pretrained" / entry.file
    assert entry.kind == "perceptual" and file.stat().st_size <= 4 * 2**20
    assert hashlib.sha256(file.read_bytes()).hexdigest() == entry.sha256
    net = small()
    assert net.layers == LAYERS and set(net.heads) == set(LAYERS)
    assert {c: m.out_channels for c, m in net.convs.items()} == SMALL_CHANNELS  # type: ignore[union-attr]
    for layer in STYLE_LAYERS:
        assert net.head(layer).out_channels == {"1": 64, "2": 128, "3": 256}.get(layer[4], 512)
    assert not net.training and net.pooling == "average"
    for p in net.parameters():
        assert p.dtype == torch.float32 and p.isfinite().all() and not p.requires_grad


def style_matrices(x: Tensor) -> dict[str, Tensor]:
    net = small()
    return {n: net.style_matrix(n, f) for n, f in net.features(x, STYLE_LAYERS).items()}


def test_the_shipped_network_tells_styles_apart() -> None:
    """Two crops of one picture are much closer than crops of two, and at every layer."""
    crops = []
    for file in STYLES:
        x = tensors.from_pil(picture(file, 320))
        half = x.shape[3] // 2
        crops.append((style_matrices(x[..., :half]), style_matrices(x[..., half:])))
    for layer in STYLE_LAYERS:
        same, different = [], []
        for i, (left, right) in enumerate(crops):
            same.append(losses.relative_error(left[layer], right[layer]).item())
            different += [
                losses.relative_error(left[layer], other[layer]).item()
                for k, (_, other) in enumerate(crops)
                if k != i
            ]
        typical = torch.tensor(different).median().item()
        assert torch.tensor(same).median() < typical / 4, (layer, same, typical)


def test_the_shipped_network_tells_places_apart() -> None:
    """The content layer: a picture is nearer to itself blurred than to itself moved."""
    x = example("lake", 192)
    blurred = nn.functional.avg_pool2d(nn.functional.pad(x, (1, 1, 1, 1), mode="reflect"), 3, 1)
    f = [small().features(y, ["conv4_2"])["conv4_2"] for y in (x, blurred, x.roll(48, 3))]
    assert 3 * losses.relative_error(f[1], f[0]) < losses.relative_error(f[2], f[0])
