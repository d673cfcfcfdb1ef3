"""Files whose pixels are good, though Pillow refuses them or reads them as others.

Of a PNG nothing but what the pixels depend on is shown to Pillow, a JPEG may lack its end, and of a
TIFF Pillow's decoders are used for kinds of pixels that Pillow has no mode for. Nothing here takes
half a picture for a whole one.
"""

from __future__ import annotations

import io
import math
import re
import struct
import zlib
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import ExifTags, Image, TiffImagePlugin

PNG = b"\x89PNG\r\n\x1a\n"
END = b"\xff\xd9"  # of a JPEG

# The most that texts and the profile of a PNG may unpack to: 16 MiB, as much as no honest one does.
MAX_BESIDE = 16 * 2**20

# The most bytes that a TIFF of deep colours may unpack to: as many as a picture of four channels
# that is as large as any may be.
MAX_DEEP = 256_000_000

# What is looked at of a PNG's other chunks, and the least bytes that they have: with fewer, and
# with a wrong check sum, a chunk counts as missing.
_LEAST = {b"tRNS": 1, b"gAMA": 4, b"sRGB": 1, b"eXIf": 0, b"iCCP": 3}
_TEXTS = (b"tEXt", b"zTXt", b"iTXt")

# The names of texts that may say how the picture is turned, as Pillow knows what they hold.
_TURNED = {b"XML:com.adobe.xmp": "xmp", b"Raw profile type exif": "Raw profile type exif"}

# A marker of a JPEG, which is neither a stuffed byte nor a restart nor one that has no length.
_MARKER = re.compile(rb"\xff[^\x00\x01\xd0-\xd8\xff]")
_FRAMES = {0xC0, 0xC1, 0xC2, 0xC9, 0xCA}  # heads of baseline, extended and progressive JPEGs

# How a TIFF may be packed: what unpacks to bytes, whatever these are of.
_PACKINGS = {1, 5, 8, 32773, 32946, 50000}  # none, LZW, deflate, PackBits, deflate, Zstandard


class Bomb(ValueError):
    """A file unpacks to much more than it should."""


# --- PNG ---


def open_png(data: bytes) -> Image.Image:
    """Open a PNG as Pillow does, whatever else is in it.

    An animation is opened as its first frame alone. What transparency says of grey and colours is
    scaled as Pillow scales the pixels, and of colours of 16 bits compared by the upper eight.

    Raises:
        Bomb: texts and profile unpack to more than `MAX_BESIDE`.
        Exception: whatever Pillow raises of damaged ones.
    """
    kept, info, room, at = [data[:8]], dict[str, Any](), MAX_BESIDE, 8
    while at < len(data):
        kind, end = data[at + 4 : at + 8], at + 12 + int.from_bytes(data[at : at + 4], "big")
        if not kind[:1].islower():  # what no reader may pass over: Pillow judges it
            kept.append(data[at:end])
        elif kind in _LEAST or kind in _TEXTS:
            body = data[at + 8 : end - 4]
            whole = data[end - 4 : end] == struct.pack(">I", zlib.crc32(kind + body))
            if kind in _TEXTS:
                name, text = _text(kind, body, room)
                room -= len(text)
                if whole and name in _TURNED:
                    info[_TURNED[name]] = text if kind == b"iTXt" else text.decode("latin-1")
            elif whole and len(body) >= _LEAST[kind]:
                if kind == b"iCCP":
                    info["icc_profile"] = _unpacked(body.partition(b"\0")[2][1:], room)
                    room -= len(info["icc_profile"])
                elif kind == b"tRNS" and data[25] in (0, 2):  # grey and colours, not a palette's
                    info["transparency"] = _colour_key(body, data[24], data[25])
                else:
                    kept.append(data[at:end])
        if kind == b"IEND":
            break
        at = end
    picture = Image.open(io.BytesIO(b"".join(kept)), formats=["PNG"])
    picture.info.update((k, v) for k, v in info.items() if v is not None)
    return picture


def _text(kind: bytes, body: bytes, room: int) -> tuple[bytes, bytes]:
    """The name of a text and what it says."""
    name, _, rest = body.partition(b"\0")
    if kind == b"tEXt":
        return name, rest
    if kind == b"zTXt":
        return name, _unpacked(rest[1:], room)
    packed, text = rest[:1] == b"\1", rest[2:].split(b"\0", 2)[-1]
    return name, _unpacked(text, room) if packed else text


def _unpacked(packed: bytes, room: int) -> bytes:
    """What deflate made of at most `room` bytes; of damaged ones nothing.

    Raises:
        Bomb: there are more.
    """
    try:
        found = zlib.decompressobj().decompress(packed, room + 1)
    except zlib.error:
        return b""
    if len(found) > room:
        raise Bomb(f"texts and profile unpack to more than {MAX_BESIDE} bytes")
    return found


def _colour_key(body: bytes, depth: int, colour: int) -> int | tuple[int, ...] | None:
    """The grey or the colour that is transparent, of pixels as Pillow has them."""
    count = 3 if colour == 2 else 1
    if len(body) < 2 * count:
        return None
    values = struct.unpack_from(f">{count}H", body)
    if depth == 16:
        return tuple(v >> 8 for v in values) if colour == 2 else values[0]
    grey = tuple((v & (2**depth - 1)) * 255 // (2**depth - 1) for v in values)
    return grey if colour == 2 else grey[0]


# --- JPEG ---


def lacks_end(data: bytes) -> bool:
    """Whether a JPEG ends without the marker of its end, after the heads of all its scans: whether
    the last of them is whole as well only decoding can tell."""
    if data.rfind(END) > data.rfind(b"\xff\xda"):
        return False
    coarse: dict[int, list[bool]] = {}  # by channel, which of its 64 coefficients are still coarse
    at = 2
    while marker := _MARKER.search(data, at):
        kind, at = marker[0][1], marker.end()
        if kind == END[1]:
            return False
        length = int.from_bytes(data[at : at + 2], "big")
        head, at = data[at + 2 : at + length], at + max(length, 2)
        if kind in _FRAMES:
            coarse = {name: [True] * 64 for name in head[6::3]}
        elif kind == 0xDA and head:
            count = head[0]
            first, last, bits = (*head[1 + 2 * count :], 0, 0, 15)[:3]
            for name in head[1 : 1 + 2 * count : 2]:
                if name in coarse and last < 64:
                    coarse[name][first : last + 1] = [bool(bits & 15)] * (last + 1 - first)
    return bool(coarse) and not any(map(any, coarse.values()))


# --- TIFF ---


def open_deep_tiff(data: bytes) -> Image.Image:
    """The first picture of a TIFF of grey or RGB, with or without alpha, in 8 bits a channel.

    For what Pillow has no mode for: floats of 16, 32 or 64 bits, integers of 16 or 32. The file is
    shown to Pillow as one of grey bytes, which unpacks it, and the bytes are read anew.

    Returns:
        A picture of mode L, LA, La, RGB, RGBA or RGBa with ``icc_profile`` and ``exif``, which
        holds its orientation, in its info.

    Raises:
        Image.DecompressionBombError: it would unpack to more than `MAX_DEEP` bytes.
        Exception: it is of another kind, or damaged.
    """
    file = io.BytesIO(data)
    tags = TiffImagePlugin.ImageFileDirectory_v2(data[: 16 if data[2:4] in (b"+\0", b"\0+") else 8])
    file.seek(tags.next)
    tags.load(file)
    count = tags.get(277, 1)
    bits, kinds = set(tags.get(258, (1,))), set(tags.get(339, (1,)))
    photometric, packing, apart = tags[262], tags.get(259, 1), tags.get(284, 1) == 2
    colours = {0: 1, 1: 1, 2: 3}[photometric]
    (bits,), (kind,) = bits, kinds
    if count not in range(colours, 9) or packing not in _PACKINGS or tags.get(266, 1) != 1:
        raise ValueError("of another kind")
    dtype = np.dtype(f"{tags._endian}{ {1: 'u', 2: 'i', 3: 'f'}[kind] }{bits // 8}")
    width, height = tags[256], tags[257]
    tiled = 322 in tags
    wide, high = (tags[322], tags[323]) if tiled else (width, min(tags.get(278, height), height))
    across, down = -(-width // wide), -(-height // high)
    # Whole tiles: what predicts the floats of one goes over all of its width.
    rows = down * high if tiled else height
    if across * wide * rows * count * dtype.itemsize > MAX_DEEP:
        raise Image.DecompressionBombError("too many bytes")
    planes, channels = (count, 1) if apart else (1, count)
    share, line = across * down, wide * channels * dtype.itemsize
    places = (324, 325) if tiled else (273, 279)
    if len(tags[places[0]]) != planes * share:
        raise ValueError("parts are missing")
    values = np.empty((height, width, count), dtype.newbyteorder("="))
    for plane in range(planes):
        grey = {256: (across * line,), 257: (rows,), 259: (packing,)}
        grey |= {322: (line,), 323: (high,)} if tiled else {278: (high,)}
        grey |= {tag: tags[tag][plane * share : (plane + 1) * share] for tag in places}
        with TiffImagePlugin.TiffImageFile(io.BytesIO(_as_grey(data, grey))) as picture:
            packed = np.asarray(picture).reshape(rows, across, line)
        found = _predicted(packed, dtype, channels, tags.get(317, 1))
        found = found.reshape(rows, across * wide, channels)[:height, :width]
        values[..., plane : plane + channels] = found
    return _shallow(values, colours, tags)


def _as_grey(data: bytes, fields: Mapping[int, Sequence[int]]) -> bytes:
    """A TIFF with these fields, as one of grey bytes."""
    fields = {**fields, 258: (8,), 262: (1,), 277: (1,)}
    order = "<" if data[:2] == b"II" else ">"
    at = len(data) + 2 + 12 * len(fields) + 4
    head, tail = struct.pack(order + "H", len(fields)), b""
    for tag, values in sorted(fields.items()):
        many = struct.pack(f"{order}{len(values)}I", *values)
        place = many if len(values) == 1 else struct.pack(order + "I", at + len(tail))
        head += struct.pack(order + "HHI", tag, 4, len(values)) + place
        tail += many if len(values) > 1 else b""
    start = data[:2] + struct.pack(order + "HI", 42, len(data))
    return start + data[8:] + head + bytes(4) + tail


def _predicted(
    packed: NDArray[np.uint8], dtype: np.dtype[Any], channels: int, predictor: int
) -> NDArray[Any]:
    """The values of rows of tiles, (rows, tiles, bytes), with the differences that they may be
    stored as added up (TIFF 6.0, section 14, and Adobe's technical note 3)."""
    rows, tiles, line = packed.shape
    if predictor == 1:
        return packed.view(dtype)
    if predictor == 2:
        whole = packed.view(dtype.str.replace("f", "u")).reshape(rows, tiles, -1, channels)
        native = whole.astype(whole.dtype.newbyteorder("="))
        summed = np.cumsum(native, 2, dtype=native.dtype, out=native)
        return summed.view(dtype.newbyteorder("=")).reshape(rows, tiles, -1)
    if predictor != 3 or dtype.kind != "f":
        raise ValueError("of another kind")
    summed = packed.reshape(rows, tiles, -1, channels).copy()
    np.cumsum(summed, 2, dtype=np.uint8, out=summed)
    planes = summed.reshape(rows, tiles, dtype.itemsize, line // dtype.itemsize)  # highest first
    return np.ascontiguousarray(planes.swapaxes(2, 3)).view(dtype.newbyteorder(">"))[..., 0]


def _shallow(
    values: NDArray[Any], colours: int, tags: TiffImagePlugin.ImageFileDirectory_v2
) -> Image.Image:
    """A picture in 8 bits a channel of (H,W,C)."""
    shades = eight_bits(values[..., :colours])
    if tags[262] == 0:  # white is zero
        shades = 255 - shades
    bands = [Image.fromarray(np.ascontiguousarray(shades[..., k])) for k in range(colours)]
    mode = "RGB" if colours == 3 else "L"
    extra = (*tags.get(338, ()), 0)[0]  # 1: colours are multiplied by alpha already; 0: not alpha
    if extra in (1, 2) and values.shape[2] > colours:
        most = 1 if values.dtype.kind == "f" else np.iinfo(values.dtype).max
        alpha = values[..., colours].astype(np.float64) / most
        alpha = (np.nan_to_num(alpha).clip(0, 1) * 255 + 0.5).astype(np.uint8)
        bands.append(Image.fromarray(alpha))
        mode += "a" if extra == 1 else "A"
    picture = Image.merge(mode, bands)
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = tags.get(ExifTags.Base.Orientation, 1)
    picture.info = {"exif": exif.tobytes(), "icc_profile": tags.get(34675)}
    return picture


def eight_bits(values: NDArray[Any]) -> NDArray[np.uint8]:
    """Deep values, of any shape, in 8 bits.

    Unsigned integers keep their upper byte, which is what Pillow keeps of 16-bit colour and gives
    back every 8-bit value that was widened by repeating it. Floats within [0,1] and other integers
    within [0,65535] count as they stand, while any other range is stretched from its darkest to its
    lightest value.
    """
    if values.dtype.kind == "u":
        upper: NDArray[np.uint8] = (values >> (8 * values.dtype.itemsize - 8)).astype(np.uint8)
        return upper
    finite = values[np.isfinite(values)]
    low, high = (float(finite.min()), float(finite.max())) if finite.size else (0.0, 0.0)
    full = 1.0 if values.dtype.kind == "f" else 65535.0
    if low >= 0 and high <= full:
        low, high = 0.0, full
    values = np.nan_to_num(values, nan=low)  # infinities land on the ends below
    shades: NDArray[np.uint8] = (np.interp(values, (low, high), (0, 255)) + 0.5).astype(np.uint8)
    return shades


# --- gamma ---


def to_srgb(gamma: float, levels: int) -> NDArray[np.uint8] | None:
    """What becomes in 8-bit sRGB of each of `levels` values of a channel that is stored as light to
    the power of `gamma` (PNG's gAMA); None where that is about sRGB's own, 1/2.2, or absurd."""
    if not 0.1 <= gamma <= 10 or math.isclose(gamma, 1 / 2.2, rel_tol=0.05):
        return None
    light = np.linspace(0, 1, levels) ** (1 / gamma)
    encoded = np.where(
        light <= 0.0031308, 12.92 * light, 1.055 * np.maximum(light, 1e-9) ** (1 / 2.4) - 0.055
    )
    table: NDArray[np.uint8] = (encoded * 255 + 0.5).astype(np.uint8)
    return table
