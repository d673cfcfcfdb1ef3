"""The page's own sentences in every language, and how sentences of any kind get onto it.

What stands still is translated by Gradio in the browser (`t`). What is made while the page runs
carries every language at once (`both`) and the style sheet shows the one that the page is in, so
that the server need not know it.
"""

from __future__ import annotations

import hashlib
import html
from collections.abc import Iterator

import gradio as gr
from gradio.i18n import I18nData

from styleswap import specs
from styleswap.specs import Text

TAGLINE = Text(
    "Any photograph, repainted in the manner of any picture.",
    "把任意照片，重绘成任意画作的风格。",
)
PICTURE_TAB = Text("Picture", "图片")
VIDEO_TAB = Text("Video", "视频")
DENOISE_TAB = Text("Denoise", "去噪")
CONTENT = Text("Photograph", "照片")
CONTENT_EXAMPLES = Text("Photographs to try", "示例照片")
STYLE = Text("Style", "风格")
STYLE_EXAMPLES = Text("Styles to try", "示例风格")
MORE_STYLES = Text("Mix in more styles", "混合更多风格")
NTH_STYLE = (
    Text("Second style", "第二种风格"),
    Text("Third style", "第三种风格"),
    Text("Fourth style", "第四种风格"),
)
NO_STYLE = Text("None", "无")
SHARE = Text("Share", "占比")
SHARE_HELP = Text(
    "Each style's share is of what those above left: 0 is none of it, 1 is nothing else.",
    "每种风格的占比，是相对于前面各风格而言：0 为完全没有，1 为只有它。",
)
OWN_PICTURE = Text("Your own picture", "您自己的图片")
TRAINED_STYLES = Text("Use a trained style", "使用已训练的风格")
TRAINED_STYLE = Text("Trained style", "已训练的风格")
METHOD = Text("Method", "方法")
ADVANCED = Text("Advanced settings", "高级设置")
RESULT = Text("Before and after", "前后对比")
STYLISE = Text("Stylise", "开始绘制")
STOP = Text("Stop", "停止")
DOWNLOAD = Text("Download PNG", "下载 PNG")

VIDEO = Text("Video", "视频")
VIDEO_EXAMPLES = Text("Videos to try", "示例视频")
PREVIEW = Text("Preview", "预览")
RESULT_VIDEO = Text("Result", "结果")
DOWNLOAD_VIDEO = Text("Download MP4", "下载 MP4")
VIDEO_IDLE = Text(
    "Choose a video and a style, or keep these, and press Stylise.",
    "选择视频和风格（或直接使用当前的），然后点“开始绘制”。",
)
FIRST_FRAME = Text(
    "The first frame. Press Stylise for the whole video.",
    "这是第一帧。点“开始绘制”处理整段视频。",
)
SLOW_VIDEO = Text(
    "This method repaints every frame by itself, for seconds or minutes each; Johnson, Meta and"
    " AdaIN are made for videos. The time left is shown as soon as the first frames are done.",
    "此方法逐帧独立重绘，每帧需数秒至数分钟；适合视频的是 Johnson、Meta 和 AdaIN。"
    "前几帧完成后会显示剩余时间。",
)
FRAME = Text("Frame {i} of {n}", "第 {i} / {n} 帧")
PACE = Text("{pace:.1f} frames a second", "每秒 {pace:.1f} 帧")
VIDEO_STOPPED = Text(
    "Stopped after {i} of {n} frames; this is the video so far.",
    "已在第 {i} / {n} 帧后停止；这是目前的视频。",
)
VIDEO_CAPPED = Text(
    "The limit of {minutes} minutes was reached after {i} of {n} frames; this is the video so far.",
    "已到 {minutes} 分钟上限（第 {i} / {n} 帧）；这是目前的视频。",
)

COMPARE = Text("Compare", "比较")
COMPARE_IDLE = Text(
    "One photograph, one style, every method: press Compare. The quickest come first.",
    "同一张照片、同一种风格，用各种方法绘制：点“比较”，快的先出来。",
)
METHODS = Text("Methods", "方法")
METHODS_HELP = Text(
    "Johnson takes part where a style has been trained from the picture.",
    "有由该图片训练的风格时，Johnson 才会参加。",
)
PHOTOGRAPH_CARD = Text(
    "The photograph itself, to measure the others by.", "照片本身，作为其他结果的参照。"
)
OPEN_IN_PICTURE = Text("Open in Picture", "在“图片”中打开")
WAITING = Text("Waits for its turn.", "等待中。")
NOT_CHOSEN = Text("Not chosen.", "未选择。")
UNTRAINED = Text("No style has been trained from this picture.", "没有由该图片训练的风格。")
DOWNLOAD_ZIP = Text("Download all (ZIP)", "全部下载（ZIP）")
LEFT_SIDE = Text("Left", "左边")
RIGHT_SIDE = Text("Right", "右边")
ANY_TWO = Text("Any two of them", "任意两幅对比")
# What stands under a compared picture, and above the columns of the table.
FIGURES = {
    "seconds": Text("{value:.1f} s", "{value:.1f} 秒"),
    "content": Text("content {value:.3f}", "内容 {value:.3f}"),
    "style": Text("style {value:.3f}", "风格 {value:.3f}"),
    "brightness": Text("brightness {value:.2f}", "亮度 {value:.2f}"),
}
COLUMNS = {
    "seconds": Text("Seconds", "秒"),
    "content": Text("Content distance", "内容距离"),
    "style": Text("Style distance", "风格距离"),
    "brightness": Text("Brightness", "亮度"),
}
FIGURES_HELP = Text(
    "Distances are relative to the photograph's and the style's own features: 0 is the same.",
    "距离相对于照片与风格自身的特征：0 表示相同。",
)
COMPARED = Text("{n} methods in {time}", "{n} 种方法，共用时 {time}")
COMPARED_SOME = Text("{i} of {n} methods in {time}", "{n} 种方法中的 {i} 种，共用时 {time}")

WEBCAM_TAB = Text("Webcam", "摄像头")
LIVE = Text("Live picture", "实时画面")
LIVE_LINE = Text("Where the original ends", "原画面的分界")
CAMERA = Text("Camera", "摄像头")
# What the stream's own script shows, by the names that it calls them.
LIVE_TEXTS = {
    "start": Text("Start", "开始"),
    "stop": STOP,
    "retry": Text("Retry", "重试"),
    "snapshot": Text("Snapshot", "拍照"),
    "record": Text("Record", "录像"),
    "recordend": Text("End recording", "结束录像"),
    "idle": Text(
        "Press Start and allow the camera. Nothing of it is kept on the server.",
        "点“开始”并允许使用摄像头。服务器不保存任何画面。",
    ),
    "stopped": Text("Stopped; the camera is off.", "已停止，摄像头已关闭。"),
    "asking": Text("Waiting for the camera…", "正在等待摄像头……"),
    "first": Text("Waiting for the first picture…", "正在等待第一幅画面……"),
    "running": Text(
        "{rate} frames a second · {delay} ms behind", "每秒 {rate} 帧 · 延迟 {delay} 毫秒"
    ),
    "painted": Text("painted at {size}", "绘制尺寸 {size}"),
    "recording": Text("Recording, {time}.", "正在录像，{time}。"),
    "queue": Text(
        "All places are taken. Number {place} in line; it begins by itself.",
        "名额已满，您排在第 {place} 位，轮到时自动开始。",
    ),
    "slow": Text(
        "This machine manages about {rate} frames a second for you now; a smaller processing size"
        " may help, or waiting until others are done.",
        "目前本机大约只能为您提供每秒 {rate} 帧；可减小处理尺寸，或等其他人用完。",
    ),
    "slowest": Text(
        "This machine manages about {rate} frames a second for you now; it may help to wait until"
        " others are done.",
        "目前本机大约只能为您提供每秒 {rate} 帧；等其他人用完可能会好些。",
    ),
    "refused": Text(
        "The browser did not allow the camera. Allow it beside the page's address, then Retry.",
        "浏览器未允许使用摄像头。请在地址栏旁允许，然后点“重试”。",
    ),
    "missing": Text(
        "There is no camera, or it was unplugged. Plug one in, then Retry.",
        "没有找到摄像头，或已被拔出。请接好后点“重试”。",
    ),
    "taken": Text(
        "The camera gives no picture; another program may be using it. Close that, then Retry.",
        "摄像头没有画面，可能正被其他程序占用。请关闭该程序，然后点“重试”。",
    ),
    "insecure": Text(
        "Browsers hand a camera only to pages from https:// addresses or from localhost.",
        "浏览器只允许 https:// 页面或 localhost 使用摄像头。",
    ),
    "lost": Text(
        "The connection to the server was lost. Retry once it is back; it may help to load the page"
        " anew.",
        "与服务器的连接已断开。恢复后请点“重试”，必要时请刷新页面。",
    ),
    "nosnapshot": Text(
        "The snapshot did not come through; try once more.", "拍照未成功；请再试一次。"
    ),
    "norecord": Text("This browser cannot record.", "此浏览器不支持录像。"),
}

DENOISE = Text("Denoise", "去噪")
NOISY = Text("Noisy picture", "有噪声的图片")
PAIR = Text(
    "The pair that it learns from, and what was taken away", "用来学习的一对图与被去除的部分"
)
FIRST_HALF = Text("First half", "第一半")
SECOND_HALF = Text("Second half", "第二半")
RESIDUAL = Text("Taken away, around grey", "被去除的部分（以灰色为零）")
NOISE_FOUND = Text("Estimated noise: {sigma:.1f} of 255", "估计噪声：{sigma:.1f} / 255")
PSNR_FOUND = Text(
    "PSNR {psnr_noisy:.2f} dB → {psnr:.2f} dB · SSIM {ssim:.3f}",
    "PSNR {psnr_noisy:.2f} dB → {psnr:.2f} dB · SSIM {ssim:.3f}",
)
LIMITS = Text(
    "Works on noise that is independent from pixel to pixel, as scans and raw sensors have it. The"
    " noise of JPEG files and of a camera's own processing is not, and stays; of heavy noise other"
    " methods without training data take away more.",
    "适用于逐像素独立的噪声，例如扫描件和原始传感器数据。JPEG 压缩或相机内部处理的噪声并非如此，"
    "无法去除；噪声很重时，其他无需训练数据的方法效果更好。",
)
DENOISE_IDLE = Text(
    "Choose a noisy picture, or add noise to one, and press Denoise.",
    "选择一张有噪声的图片（或给图片添加噪声），然后点“去噪”。",
)

FIRST = Text(
    "This is an example. Choose a photograph and a style, or keep these, and press Stylise.",
    "这是一个示例。选择照片和风格（或直接使用当前的），然后点“开始绘制”。",
)
IDLE = Text(
    "Choose a photograph and a style, or keep these, and press Stylise.",
    "选择照片和风格（或直接使用当前的），然后点“开始绘制”。",
)
PROGRESS = Text("Progress", "进度")
STARTING = Text("Getting ready…", "准备中……")
STEP = Text("Step {i} of {n}", "第 {i} / {n} 步")
LEFT = Text("about {time} left", "约剩 {time}")
LOSSES = Text("content {content:.3f} · style {style:.3f}", "内容 {content:.3f} · 风格 {style:.3f}")
DONE = Text("Done in {time} · {width} × {height}", "完成，用时 {time} · {width} × {height}")
STOPPED = Text(
    "Stopped at step {i} of {n}; this is the picture so far.",
    "已在第 {i} / {n} 步停止；这是目前的结果。",
)
CAPPED = Text(
    "The limit of {minutes} minutes was reached at step {i} of {n}; this is the picture so far.",
    "已到 {minutes} 分钟上限（第 {i} / {n} 步）；这是目前的结果。",
)
FETCHING = Text(
    "Fetching VGG-19 from the Hub, 52 MB, this once…", "正在从 Hub 下载 VGG-19（52 MB，仅此一次）……"
)
STOPPED_EARLY = Text("Stopped before there was a picture.", "尚未生成图片便已停止。")
FAILED = Text(
    "That did not work; your pictures and settings are still here.",
    "未能完成；您的图片和设置都还在。",
)
BUG = Text(
    "Something went wrong on the server; try once more, or other settings.",
    "服务器出错；请再试一次，或换一组设置。",
)
LEFT_OUT = Text(
    "Some of what this link asks for is not possible here and was left out: {names}.",
    "此链接中有些内容在此无法使用，已忽略：{names}。",
)
SECONDS = Text("{s} s", "{s} 秒")
MINUTES = Text("{m} min {s} s", "{m} 分 {s} 秒")


def t(text: Text) -> I18nData:
    """A sentence as a label, an info or a value that Gradio translates in the browser."""
    return I18nData(_key(text))


def catalogue() -> gr.I18n:
    """Every sentence that `t` may be asked for, for ``launch(i18n=...)``."""
    texts = {_key(text): text for text in _texts()}
    return gr.I18n(
        en={key: text.en for key, text in texts.items()},
        zh={key: text.zh for key, text in texts.items()},
    )


def both(text: Text, **values: object) -> str:
    """HTML that holds a sentence in every language, `values` filled in and escaped.

    A value that is a `Text` is filled in by language.
    """
    spans = []
    for language in ("en", "zh"):
        filled = {k: getattr(v, language) if isinstance(v, Text) else v for k, v in values.items()}
        sentence = html.escape(getattr(text, language).format(**filled))
        spans.append(f'<span class="{language}" lang="{language}">{sentence}</span>')
    return "".join(spans)


def duration(seconds: float) -> Text:
    """A span of time as a person says it."""
    minutes, rest = divmod(max(1, round(seconds)), 60)
    text = MINUTES if minutes else SECONDS
    return Text(text.en.format(m=minutes, s=rest), text.zh.format(m=minutes, s=rest))


def _key(text: Text) -> str:
    # Not the sentence itself: the browser's library takes a dot for a path into nested tables.
    return f"t{hashlib.sha256(text.en.encode()).hexdigest()[:12]}"


def _texts() -> Iterator[Text]:
    """The sentences of this file and of every method."""
    for value in list(globals().values()):
        for text in value if isinstance(value, tuple) else (value,):
            if isinstance(text, Text):
                yield text
    for spec in specs.METHODS.values():
        yield from (spec.title, spec.name, spec.summary)
    for params in (
        *(spec.params for spec in specs.METHODS.values()),
        specs.CompareParams,
        specs.VideoParams,
        specs.LiveParams,
    ):
        for knob in specs.knobs(params):
            yield from (knob.label, knob.help, *(choice.label for choice in knob.choices))
