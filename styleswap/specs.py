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
from typing import Any, Literal, TypeVar

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

    def within(self, most: float) -> Knob:
        """The same of which a number goes no further than `most`."""
        if self.high is None or self.high <= most:
            return self
        return dataclasses.replace(self, high=most, default=min(self.default, most))

    def outline(self) -> str:
        """Name, default and what is allowed, in a few words: ``size=512 (64 to 2048)``."""
        if self.kind == "choice":
            allowed = f" ({', '.join(c.value for c in self.choices)})"
        elif self.low is not None:
            allowed = f" ({self.low:.10g} to {self.high:.10g})"
        else:
            allowed = ""
        default = str(self.default).lower() if self.kind == "bool" else self.default
        return f"{self.name}={default}{allowed}"


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
    """Settings of a method: its knobs are the fields of a subclass."""

    def __post_init__(self) -> None:
        for k in knobs(type(self)):
            object.__setattr__(self, k.name, k.check(getattr(self, k.name)))


P = TypeVar("P", bound=Params)

# The size of a picture where nobody chose one: fine enough for a large screen.
SIZE = 768


@dataclass(frozen=True, kw_only=True)
class StylisingParams(Params):
    """What every stylising method takes."""

    size: int = knob(
        SIZE,
        Text("Size", "尺寸"),
        Text(
            "Longer side of the result, in pixels. The picture is never cropped or squeezed.",
            "结果图较长边的像素数。画面不会被裁剪或变形。",
        ),
        low=64,
        high=4096,
        step=32,
    )
    finish: str = knob(
        "none",
        Text("Denoise the result", "对结果去噪"),
        Text(
            "Take the grain out of the result: zero-shot Noise2Noise, half a minute at most.",
            "去除结果中的颗粒：零样本 Noise2Noise，至多半分钟。",
        ),
        choices=(
            Choice("none", Text("None", "无")),
            Choice("denoise", Text("Denoise", "去噪")),
        ),
    )


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
    check_names(spec.id, [k.name for k in knobs(spec.params)], values)
    return spec.params(**values)


def check_names(owner: str, known: Iterable[str], names: Iterable[str]) -> None:
    """Refuse a setting that `owner` does not know."""
    known = list(known)
    for name in names:
        if name not in known:
            near = nearest(name, known)
            hint = f" Did you mean {near}?" if near else ""
            raise StyleSwapError(f"{owner} has no setting called {name}.{hint}")


def nearest(name: str, known: Iterable[str]) -> str | None:
    """Which of some names a wrong one was probably meant to be."""
    return next(iter(difflib.get_close_matches(name, list(known), 1)), None)


@dataclass(frozen=True)
class MethodSpec:
    """One way to make a picture.

    Attributes:
        id: name in flags, addresses and of the module ``styleswap.methods.<id>``.
        style: ``image`` (any picture), ``trained`` (one of our trained styles) or ``none``.
        pace: how long a 512 px picture takes on two CPU cores.
        params: the settings, a frozen subclass of `Params`.
        max_styles: how many styles may be mixed.
    """

    id: str
    title: Text
    summary: Text
    paper: str
    style: Literal["image", "trained", "none"]
    pace: Literal["live", "seconds", "minutes"]
    params: type[Params]
    max_styles: int = 1

    @property
    def name(self) -> Text:
        """The title without what it adds, for where there is little room."""
        return Text(self.title.en.split(":")[0], self.title.zh.split("：")[0])


def _keep_colours() -> Any:
    return knob(
        False,
        Text("Keep the photo's colours", "保留照片颜色"),
        Text(
            "Take brush work from the style but every colour from the content.",
            "笔触取自风格图，颜色全部来自内容图。",
        ),
    )


def _size(most: int, default: int = SIZE) -> Any:
    return knob(
        default,
        Text("Size", "尺寸"),
        Text(
            "Longer side of the result, in pixels; more would take too much memory or time.",
            "结果图较长边的像素数；再大就太占内存或太慢了。",
        ),
        low=64,
        high=most,
        step=32,
    )


def _style_scale() -> Any:
    return knob(
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


def _strength() -> Any:
    return knob(
        1.0,
        Text("Strength", "强度"),
        Text("0 is the photograph, 1 the whole style.", "0 为原照片，1 为完整风格。"),
        low=0.0,
        high=1.0,
        step=0.05,
    )


@dataclass(frozen=True, kw_only=True)
class GatysParams(StylisingParams):
    """Settings of the optimisation of Gatys, Ecker and Bethge (CVPR 2016)."""

    size: int = _size(2048)
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
            "How far the picture may go from the photograph, whatever the style: 0.1 keeps it,"
            " 10 is nearly all paint.",
            "画面可以偏离照片多远，与所选风格无关：0.1 接近原照片，10 几乎全是笔触。",
        ),
        low=0.05,
        high=20.0,
        step=0.05,
    )
    style_scale: float = _style_scale()
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
class JohnsonParams(StylisingParams):
    """Settings of the one-pass networks of Johnson, Alahi and Fei-Fei (ECCV 2016)."""

    strength: float = _strength()
    keep_colours: bool = _keep_colours()


@dataclass(frozen=True, kw_only=True)
class MetaParams(StylisingParams):
    """Settings of the meta networks of Shen, Yan and Zeng (CVPR 2018)."""

    strength: float = _strength()
    style_scale: float = _style_scale()
    keep_colours: bool = _keep_colours()


@dataclass(frozen=True, kw_only=True)
class AnyStyleParams(StylisingParams):
    """Settings of the methods that transfer a style's features and invert the result."""

    size: int = _size(2048)
    strength: float = _strength()
    style_scale: float = _style_scale()
    keep_colours: bool = _keep_colours()


@dataclass(frozen=True, kw_only=True)
class AdainParams(AnyStyleParams):
    """Settings of the adaptive instance normalisation of Huang and Belongie (ICCV 2017)."""


@dataclass(frozen=True, kw_only=True)
class WctParams(AnyStyleParams):
    """Settings of the whitening and colouring transforms of Li et al. (NIPS 2017)."""

    levels: int = knob(
        4,
        Text("Levels", "层数"),
        Text(
            "How many layers are transformed, the finest last: 1 changes little but colours.",
            "变换多少层，最细的在最后：1 层几乎只改变颜色。",
        ),
        low=1,
        high=4,
        step=1,
    )


@dataclass(frozen=True, kw_only=True)
class SwapParams(AnyStyleParams):
    """Settings of the style swap of Chen and Schmidt (arXiv 1612.04337)."""

    size: int = _size(1024)
    patch: int = knob(
        3,
        Text("Patch size", "图块大小"),
        Text(
            "Side of the patches that are swapped, in positions of 8 pixels, then of 4: larger ones"
            " copy larger pieces of the style.",
            "被替换图块的边长，先以 8 像素、再以 4 像素为一格：越大，照搬风格图的块越大。",
        ),
        low=1,
        high=7,
        step=1,
    )
    refine: int = knob(
        0,
        Text("Refining steps", "细化步数"),
        Text(
            "Optimise the result towards the swapped features: slower, crisper.",
            "把结果继续向替换后的特征优化：更慢、更清晰。",
        ),
        low=0,
        high=500,
        step=10,
        advanced=True,
    )


@dataclass(frozen=True, kw_only=True)
class DenoiseParams(Params):
    """Settings of the zero-shot Noise2Noise of Mansour and Heckel (CVPR 2023)."""

    preset: str = knob(
        "fast",
        Text("Preset", "预设"),
        Text(
            "How the network is trained: as in the paper, or in a fraction of its time.",
            "网络的训练方式：按论文设置，或用其一小部分时间。",
        ),
        choices=(
            Choice("fast", Text("Fast", "快速")),
            Choice("paper", Text("As in the paper", "论文设置")),
        ),
    )
    strength: float = knob(
        1.0,
        Text("Strength", "强度"),
        Text("Share of the noise that is taken away.", "去除噪声的比例。"),
        low=0.0,
        high=1.0,
        step=0.05,
    )
    add: str = knob(
        "none",
        Text("Add noise, to try it out", "添加噪声（试用）"),
        Text(
            "Noise that is added first: the same everywhere, or as a sensor counts light.",
            "先添加噪声：处处相同的高斯噪声，或像感光元件计数光子的泊松噪声。",
        ),
        choices=(
            Choice("none", Text("None", "无")),
            Choice("gaussian", Text("Gaussian", "高斯")),
            Choice("poisson", Text("Poisson", "泊松")),
        ),
    )
    sigma: float = knob(
        25.0,
        Text("Deviation of Gaussian noise", "高斯噪声标准差"),
        Text("In steps of 255: 25 is plain, 50 heavy.", "以 255 级计：25 明显，50 严重。"),
        low=1.0,
        high=100.0,
        step=1.0,
    )
    peak: float = knob(
        50.0,
        Text("Peak of Poisson noise", "泊松噪声峰值"),
        Text("Photons that white stands for: fewer are noisier.", "白色对应的光子数：越少越嘈杂。"),
        low=1.0,
        high=255.0,
        step=1.0,
    )
    seed: int = knob(
        0,
        Text("Seed", "随机种子"),
        Text("The same seed gives the same picture.", "相同的种子得到相同的图。"),
        low=0,
        high=2**31 - 1,
        step=1,
        advanced=True,
    )


@dataclass(frozen=True, kw_only=True)
class CompareParams(StylisingParams):
    """Settings of a comparison: those that every compared method takes."""

    size: int = _size(1024, 512)  # the slow ones are in it


@dataclass(frozen=True, kw_only=True)
class VideoParams(Params):
    """Settings of a video, beside those of the method that repaints its frames."""

    size: int = knob(
        1280,
        Text("Size", "尺寸"),
        Text(
            "Longer side of the result, in pixels, as far as the method goes; a smaller video keeps"
            " its own size.",
            "结果视频较长边的像素数，以所选方法的上限为限；更小的视频保持原尺寸。",
        ),
        low=64,
        high=3840,
        step=32,
    )
    steady: float = knob(
        0.5,
        Text("Steadiness", "稳定度"),
        Text(
            "Against flicker: each frame is drawn towards the one before, moved along. 0 repaints"
            " every frame by itself.",
            "抑制闪烁：每一帧都向沿运动方向移动的前一帧靠拢。0 表示各帧独立重绘。",
        ),
        low=0.0,
        high=1.0,
        step=0.05,
    )
    start: float = knob(
        0.0,
        Text("From", "开始"),
        Text("Seconds from the video's beginning.", "距视频开头的秒数。"),
        low=0.0,
        high=86_400.0,
        step=0.1,
    )
    end: float = knob(
        0.0,
        Text("To", "结束"),
        Text("Seconds from the video's beginning; 0 is its end.", "距视频开头的秒数；0 为结尾。"),
        low=0.0,
        high=86_400.0,
        step=0.1,
    )
    quality: str = knob(
        "good",
        Text("Quality", "画质"),
        Text("The better, the larger the file.", "画质越好，文件越大。"),
        choices=(
            Choice("small", Text("Small file", "小文件")),
            Choice("good", Text("Good", "良好")),
            Choice("best", Text("Best", "最佳")),
        ),
        advanced=True,
    )


# What the camera may be asked for, and what is painted of it.
LIVE_SIZES = ((320, 240), (480, 360), (640, 480), (960, 720), (1280, 720))


@dataclass(frozen=True, kw_only=True)
class LiveParams(Params):
    """Settings of the webcam's stream, beside those of the method that repaints its frames."""

    size: str = knob(
        "auto",
        Text("Processing size", "处理尺寸"),
        Text(
            "How large frames are painted; small ones are enlarged again. 'auto' takes the largest"
            " at which this machine keeps up.",
            "以多大尺寸绘制画面，较小的会再放大。“自动”取本机跟得上的最大尺寸。",
        ),
        choices=(
            Choice("auto", Text("auto", "自动")),
            *(Choice(f"{w}x{h}", Text(f"{w} × {h}", f"{w} × {h}")) for w, h in LIVE_SIZES),
        ),
    )
    steady: float = knob(
        0.0,
        Text("Steadiness", "稳定度"),
        Text(
            "Against flicker: each frame is drawn towards the one before, moved along. It takes a"
            " little of the speed.",
            "抑制闪烁：每一帧都向沿运动方向移动的前一帧靠拢。会略微降低速度。",
        ),
        low=0.0,
        high=1.0,
        step=0.05,
    )
    mirror: bool = knob(
        True,
        Text("Mirror", "镜像"),
        Text("Left and right as in a mirror.", "像照镜子一样左右翻转。"),
    )
    split: bool = knob(
        False,
        Text("Beside the original", "与原画面对照"),
        Text(
            "The camera's own picture on the left; drag the line.",
            "左边显示摄像头原画面；可拖动分界线。",
        ),
    )


# The quickest first, as the page offers them.
METHODS: dict[str, MethodSpec] = {
    spec.id: spec
    for spec in (
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
            max_styles=4,
        ),
        MethodSpec(
            id="meta",
            title=Text("Meta: any style, its own network", "Meta：任意风格，专属网络"),
            summary=Text(
                "Looks at a picture once and writes a network for its style, which then repaints"
                " photographs, videos and the webcam in a moment.",
                "看一眼风格图，就为它写出专属网络，随后瞬间重绘照片、视频与摄像头画面。",
            ),
            paper="Shen, Yan & Zeng, Meta Networks for Neural Style Transfer, CVPR 2018",
            style="image",
            pace="live",
            params=MetaParams,
            max_styles=4,
        ),
        MethodSpec(
            id="adain",
            title=Text("AdaIN: any style at once", "AdaIN：任意风格，即时"),
            summary=Text(
                "Gives the photograph's features the style's mean and deviation: any style at once;"
                " small strokes that keep every line.",
                "让照片特征具有风格图的均值与方差：任意风格，立等可取；笔触细小，线条分明。",
            ),
            paper="Huang & Belongie, Arbitrary Style Transfer in Real-time with Adaptive Instance"
            " Normalization, ICCV 2017",
            style="image",
            pace="live",
            params=AdainParams,
            max_styles=4,
        ),
        MethodSpec(
            id="wct",
            title=Text("WCT: whitening and colouring", "WCT：白化与着色"),
            summary=Text(
                "Gives the features the style's whole covariance, layer by layer: strong textures"
                " from any style; fine shapes may soften.",
                "逐层让特征具有风格图的协方差：任意风格，纹理强烈；细小形状可能变柔。",
            ),
            paper="Li, Fang, Yang, Wang, Lu & Yang, Universal Style Transfer via Feature"
            " Transforms, NIPS 2017",
            style="image",
            pace="seconds",
            params=WctParams,
            max_styles=4,
        ),
        MethodSpec(
            id="swap",
            title=Text("Style swap: patch by patch", "风格替换：逐块"),
            summary=Text(
                "Puts the style's most similar patch in place of each patch of the photograph:"
                " large strokes, the style's own fragments.",
                "用风格图中最相似的图块替换照片的每一块：笔触大，取自风格原图。",
            ),
            paper="Chen & Schmidt, Fast Patch-based Style Transfer of Arbitrary Style,"
            " arXiv 1612.04337",
            style="image",
            pace="seconds",
            params=SwapParams,
            max_styles=4,
        ),
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
            id="denoise",
            title=Text("Denoise: zero-shot Noise2Noise", "去噪：零样本 Noise2Noise"),
            summary=Text(
                "Trains a small network on the noisy picture itself, and takes away what is"
                " independent from pixel to pixel: not the noise of JPEG files or of a camera's"
                " own processing.",
                "在噪声图本身上训练一个小网络，去除逐像素独立的噪声；"
                "JPEG 压缩或相机内部处理的噪声不在此列。",
            ),
            paper="Mansour & Heckel, Zero-Shot Noise2Noise: Efficient Image Denoising without any"
            " Data, CVPR 2023",
            style="none",
            pace="seconds",
            params=DenoiseParams,
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


def stylisers() -> list[MethodSpec]:
    """The methods that repaint a picture."""
    return [spec for spec in METHODS.values() if issubclass(spec.params, StylisingParams)]


def usual_method(trained: bool) -> MethodSpec:
    """The method where nobody chose one: the quickest for a trained style, or for a picture."""
    return next(s for s in stylisers() if s.style == ("trained" if trained else "image"))


def describe(spec: MethodSpec) -> dict[str, Any]:
    """A method as plain data, for programs."""
    return {
        "id": spec.id,
        "title": spec.title.en,
        "summary": spec.summary.en,
        "paper": spec.paper,
        "style": spec.style,
        "max_styles": spec.max_styles,
        "pace": spec.pace,
        "params": [
            {
                "name": k.name,
                "kind": k.kind,
                "default": k.default,
                "low": k.low,
                "high": k.high,
                "choices": [c.value for c in k.choices],
                "help": k.help.en,
            }
            for k in knobs(spec.params)
        ],
    }


def frame_knobs(spec: MethodSpec, own: type[Params]) -> list[Knob]:
    """The settings of a method that repaints a video or a stream, whose own are those of `own`: not
    these, nor what makes no sense frame by frame."""
    taken = {"finish", *(k.name for k in knobs(own))}
    return [k for k in knobs(spec.params) if k.name not in taken]


def own_knobs(spec: MethodSpec, own: type[Params]) -> list[Knob]:
    """The settings of what a method repaints, whose frames are no larger than the method takes."""
    most = next((k.high for k in knobs(spec.params) if k.name == "size" and k.high), math.inf)
    return [k.within(most) if k.name == "size" else k for k in knobs(own)]


def make_frame_params(
    spec: MethodSpec, own: type[P], what: str, values: Mapping[str, Any]
) -> tuple[Params, P]:
    """A method's settings and those of what it repaints, out of loose values for both.

    Args:
        own: settings of what it repaints.
        what: how a sentence calls it.

    Raises:
        StyleSwapError: an unknown name, or a bad value, as a size beyond the method's is.
    """
    ours = own_knobs(spec, own)
    methods = [k.name for k in frame_knobs(spec, own)]
    check_names(f"{what} by {spec.id}", [*(k.name for k in ours), *methods], values)
    return (
        spec.params(**{k: v for k, v in values.items() if k in methods}),
        own(**{k.name: k.check(values.get(k.name, k.default)) for k in ours}),
    )
