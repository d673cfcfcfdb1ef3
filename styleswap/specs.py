"""What exists: every method and every setting, declared once and free of torch.

The page's widgets, the command line's flags, the API's documentation and ``styleswap methods`` are
all made from these declarations. To add a method: one `MethodSpec` in `METHODS`, one `*Params`
dataclass here, one file ``methods/<id>.py`` with ``run(job)``, one test file.
"""

from __future__ import annotations

import dataclasses
import difflib
import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from styleswap.errors import StyleSwapError


@dataclass(frozen=True)
class Text:
    """A sentence that a person reads, in every language of the page."""

    en: str
    zh: str

    def __str__(self) -> str:
        return self.en


@dataclass(frozen=True)
class Choice:
    """One value of a setting that is picked from a list."""

    value: str
    label: Text


# The layers that every perceptual network names (Simonyan & Zisserman's blocks, before and after
# the rectifier where the field's papers use them).
LAYERS = ("relu1_1", "relu2_1", "relu3_1", "relu4_1", "conv4_2", "relu5_1")
STYLE_LAYERS = ("relu1_1", "relu2_1", "relu3_1", "relu4_1", "relu5_1")


def parse_layers(name: str, text: Any) -> dict[str, float]:
    """Read ``"relu1_1 relu2_1=0.5"`` as ``{"relu1_1": 1.0, "relu2_1": 0.5}``.

    Raises:
        StyleSwapError: an unknown layer, one named twice, a weight that is not above 0, or none.
    """
    weights: dict[str, float] = {}
    for word in str(text).replace(",", " ").split():
        layer, _, number = word.partition("=")
        try:
            weight = float(number or 1)
        except ValueError:
            weight = math.nan
        if layer not in LAYERS or layer in weights or not 0 < weight < math.inf:
            raise StyleSwapError(
                f"{name} takes layers such as 'relu1_1 relu2_1=0.5' out of {', '.join(LAYERS)},"
                f" each once and with a weight above 0; {word!r} is not that."
            )
        weights[layer] = weight
    if not weights:
        raise StyleSwapError(f"{name} needs at least one of {', '.join(LAYERS)}.")
    return weights


@dataclass(frozen=True)
class Knob:
    """How one field of a `Params` class is shown, parsed and checked."""

    name: str
    kind: Literal["int", "float", "bool", "choice", "layers"]
    default: Any
    label: Text
    help: Text
    low: float | None
    high: float | None
    step: float | None
    choices: tuple[Choice, ...]
    advanced: bool

    def check(self, value: Any) -> Any:
        """Return `value` as this knob's type, or raise `StyleSwapError` with one sentence."""
        if self.kind == "bool":
            if isinstance(value, bool):
                return value
            raise StyleSwapError(f"{self.name} must be true or false, not {value!r}.")
        if self.kind == "layers":
            parse_layers(self.name, value)
            return value
        if self.kind == "choice":
            allowed = [c.value for c in self.choices]
            if value in allowed:
                return value
            raise StyleSwapError(f"{self.name} must be one of {', '.join(allowed)}, not {value!r}.")
        try:
            number = float(value)
        except (TypeError, ValueError, OverflowError):
            number = math.nan
        low, high = self.low, self.high
        assert low is not None and high is not None
        whole = self.kind == "int"
        if not low <= number <= high or (whole and number != int(number)):
            what = "a whole number" if whole else "a number"
            raise StyleSwapError(
                f"{self.name} must be {what} from {low:g} to {high:g}, not {value!r}."
            )
        return int(number) if whole else number


def knob(
    default: Any,
    label: Text,
    help: Text,
    *,
    low: float | None = None,
    high: float | None = None,
    step: float | None = None,
    choices: Iterable[Choice] = (),
    advanced: bool = False,
) -> Any:
    """Declare a field of a `Params` class: default, range, step and help in every language."""
    meta = {"label": label, "help": help, "low": low, "high": high, "step": step}
    return field(
        default=default, metadata={**meta, "choices": tuple(choices), "advanced": advanced}
    )


@dataclass(frozen=True, kw_only=True)
class Params:
    """What every stylising method takes; methods add their own knobs in a subclass."""

    size: int = knob(
        512,
        Text("Size", "尺寸"),
        Text(
            "Longer side of the result, in pixels. The picture is never cropped or squeezed.",
            "结果图较长边的像素数。画面不会被裁剪或变形。",
        ),
        low=64,
        high=4096,
        step=32,
    )

    def __post_init__(self) -> None:
        for k in knobs(type(self)):
            object.__setattr__(self, k.name, k.check(getattr(self, k.name)))


def knobs(params: type[Params]) -> list[Knob]:
    """The settings of a `Params` class, in the order in which they are declared."""
    kinds: dict[str, Literal["int", "float", "bool"]] = {
        "int": "int",
        "float": "float",
        "bool": "bool",
    }
    out = []
    for f in dataclasses.fields(params):
        kind = kinds.get(str(f.type)) or ("choice" if f.metadata["choices"] else "layers")
        out.append(Knob(name=f.name, kind=kind, default=f.default, **f.metadata))
    return out


def make_params(spec: MethodSpec, values: Mapping[str, Any]) -> Params:
    """Build a method's `Params` from loose values; unknown names and bad values are refused."""
    known = [k.name for k in knobs(spec.params)]
    for name in values:
        if name not in known:
            near = difflib.get_close_matches(name, known, 1)
            hint = f" Did you mean {near[0]}?" if near else ""
            raise StyleSwapError(f"{spec.id} has no setting called {name}.{hint}")
    return spec.params(**values)


@dataclass(frozen=True)
class MethodSpec:
    """One way to make a picture.

    Attributes:
        id: name in flags, addresses and of the module ``styleswap.methods.<id>``.
        style: ``image`` (any picture), ``trained`` (one of our trained styles) or ``none``.
        pace: how long a 512 px picture takes on two CPU cores.
        params: the settings, a frozen subclass of `Params`.
        max_styles: how many style pictures may be mixed.
    """

    id: str
    title: Text
    summary: Text
    paper: str
    style: Literal["image", "trained", "none"]
    pace: Literal["live", "seconds", "minutes"]
    params: type[Params]
    max_styles: int = 1


def _keep_colours() -> Any:
    return knob(
        False,
        Text("Keep the photo's colours", "保留照片颜色"),
        Text(
            "Take brush work from the style but every colour from the content.",
            "笔触取自风格图，颜色全部来自内容图。",
        ),
    )


@dataclass(frozen=True, kw_only=True)
class GatysParams(Params):
    """Settings of the optimisation of Gatys, Ecker and Bethge (CVPR 2016)."""

    size: int = knob(
        512,
        Text("Size", "尺寸"),
        Text(
            "Longer side of the result, in pixels; more would not fit into memory.",
            "结果图较长边的像素数；再大内存就放不下了。",
        ),
        low=64,
        high=2048,
        step=32,
    )

    steps: int = knob(
        150,
        Text("Steps", "步数"),
        Text(
            "Steps of optimisation, shared out over the scales. More is slower and finer.",
            "优化步数，按各尺度分配。越多越慢、越细。",
        ),
        low=1,
        high=2000,
        step=10,
    )
    style_strength: float = knob(
        1.0,
        Text("Style strength", "风格强度"),
        Text(
            "How much style against content: 0.1 keeps the photograph, 10 is nearly all paint.",
            "风格与内容之比：0.1 接近原照片，10 几乎全是笔触。",
        ),
        low=0.05,
        high=20.0,
        step=0.05,
    )
    style_scale: float = knob(
        1.0,
        Text("Brush size", "笔触大小"),
        Text(
            "Size of the style picture relative to the result: larger gives larger strokes.",
            "风格图相对结果的大小：越大笔触越大。",
        ),
        low=0.25,
        high=2.0,
        step=0.05,
    )
    keep_colours: bool = _keep_colours()
    start: str = knob(
        "content",
        Text("Start from", "起点"),
        Text("The picture that the optimisation begins with.", "优化从哪张图开始。"),
        choices=(
            Choice("content", Text("the content", "内容图")),
            Choice("style", Text("the style", "风格图")),
            Choice("noise", Text("noise", "噪声")),
        ),
        advanced=True,
    )
    seed: int = knob(
        0,
        Text("Seed", "随机种子"),
        Text(
            "Draws the noise that 'noise' starts from: same seed, same picture.",
            "决定“噪声”起点：种子相同，结果相同。",
        ),
        low=0,
        high=999_999,
        step=1,
        advanced=True,
    )
    optimizer: str = knob(
        "lbfgs",
        Text("Optimiser", "优化器"),
        Text("L-BFGS is the paper's; Adam needs less memory.", "论文用 L-BFGS；Adam 更省内存。"),
        choices=(
            Choice("lbfgs", Text("L-BFGS", "L-BFGS")),
            Choice("adam", Text("Adam", "Adam")),
        ),
        advanced=True,
    )
    network: str = knob(
        "auto",
        Text("Perceptual network", "感知网络"),
        Text(
            "vgg19 is the paper's (a 52 MB download); small is ours, shipped and much faster; auto"
            " takes vgg19 where it has been downloaded before.",
            "vgg19 即论文所用（需下载 52 MB）；small 为自带的小网络，快得多；auto 在已下载 vgg19"
            " 时用它。",
        ),
        choices=(
            Choice("auto", Text("automatic", "自动")),
            Choice("small", Text("small", "small")),
            Choice("vgg19", Text("VGG-19", "VGG-19")),
        ),
        advanced=True,
    )
    pooling: str = knob(
        "average",
        Text("Pooling", "池化"),
        Text(
            "Average pooling gives smoother paint; max is the network as it was trained.",
            "平均池化画面更平滑；最大池化是网络训练时的样子。",
        ),
        choices=(
            Choice("average", Text("average", "平均")),
            Choice("max", Text("maximum", "最大")),
        ),
        advanced=True,
    )
    content_layers: str = knob(
        "conv4_2",
        Text("Content layers", "内容层"),
        Text(
            "Where the content is compared: layer names, each with an optional =weight.",
            "在哪些层比较内容：层名，可加 =权重。",
        ),
        advanced=True,
    )
    style_layers: str = knob(
        " ".join(STYLE_LAYERS),
        Text("Style layers", "风格层"),
        Text(
            "Where the style is compared: layer names, each with an optional =weight.",
            "在哪些层比较风格：层名，可加 =权重。",
        ),
        advanced=True,
    )
    tv: float = knob(
        1.0,
        Text("Smoothness", "平滑度"),
        Text(
            "Weight of the total variation, against pixel noise.",
            "全变分的权重，用来抑制像素噪声。",
        ),
        low=0.0,
        high=10.0,
        step=0.1,
        advanced=True,
    )


@dataclass(frozen=True, kw_only=True)
class JohnsonParams(Params):
    """Settings of the one-pass networks of Johnson, Alahi and Fei-Fei (ECCV 2016)."""

    strength: float = knob(
        1.0,
        Text("Strength", "强度"),
        Text("0 is the photograph, 1 the whole style.", "0 为原照片，1 为完整风格。"),
        low=0.0,
        high=1.0,
        step=0.05,
    )
    keep_colours: bool = _keep_colours()


METHODS: dict[str, MethodSpec] = {
    spec.id: spec
    for spec in (
        MethodSpec(
            id="gatys",
            title=Text("Gatys: optimisation", "Gatys：逐图优化"),
            summary=Text(
                "Repaints the photograph step by step until its texture matches the style's:"
                " slow, any style, the best detail.",
                "一步步重绘照片，直到纹理与风格图一致：较慢，适用任意风格，细节最好。",
            ),
            paper="Gatys, Ecker & Bethge, Image Style Transfer Using Convolutional Neural Networks,"
            " CVPR 2016",
            style="image",
            pace="minutes",
            params=GatysParams,
            max_styles=4,
        ),
        MethodSpec(
            id="johnson",
            title=Text("Johnson: one pass", "Johnson：一次前向"),
            summary=Text(
                "A network trained for one style repaints any photograph in a moment.",
                "为一种风格训练好的网络，瞬间重绘任意照片。",
            ),
            paper="Johnson, Alahi & Fei-Fei, Perceptual Losses for Real-Time Style Transfer and"
            " Super-Resolution, ECCV 2016",
            style="trained",
            pace="live",
            params=JohnsonParams,
        ),
    )
}


def get_spec(method: str) -> MethodSpec:
    """The method called `method`, or a `StyleSwapError` that names those there are."""
    try:
        return METHODS[method]
    except KeyError:
        raise StyleSwapError(
            f"There is no method called {method!r}; choose one of {', '.join(METHODS)}."
        ) from None
