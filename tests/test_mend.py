"""Files whose pixels are good, whatever surrounds them, against the pixels that must come out."""

from __future__ import annotations

import io
import struct
import zlib
from typing import Any

import numpy as np
import pytest
from PIL import ExifTags, Image

from styleswap import media, mend
from styleswap.media import open_picture
from tests.test_media import (
    ORIENTATION,
    WHITE,
    chunk,
    encode,
    grey_profile,
    near,
    png,
    quarters,
    ramp16,
    refusal,
    swapped_profile,
)

# What Pillow has to say of the damaged files below.
pytestmark = pytest.mark.filterwarnings("ignore::UserWarning:PIL")


def beside(data: bytes, *chunks: bytes, last: bool = False) -> bytes:
    """A PNG with more chunks, before its pixels or after them."""
    at = len(data) - 12 if last else 33
    return data[:at] + b"".join(chunks) + data[at:]


def packed(size: int) -> bytes:
    """Some thousand bytes that unpack to `size`."""
    return zlib.compress(bytes(1000) * (size // 1000))


# --- PNG: what surrounds the pixels -------------------------------------------------------------


LARGE = {
    "zTXt": chunk(b"zTXt", b"workflow\0\0" + packed(1_400_000)),
    "compressed iTXt": chunk(b"iTXt", b"workflow\0\1\0en\0workflow\0" + packed(1_400_000)),
    "compressed XMP": chunk(b"iTXt", b"XML:com.adobe.xmp\0\1\0\0\0" + packed(1_400_000)),
    "iTXt": chunk(b"iTXt", b"workflow\0\0\0en\0workflow\0" + b"x" * 1_400_000),
    "tEXt": chunk(b"tEXt", b"workflow\0" + b"x" * 1_400_000),
    "zTXt of another packing": chunk(b"zTXt", b"workflow\0\7" + packed(1000)),
    "zTXt that is damaged": chunk(b"zTXt", b"workflow\0\0" + b"rubbish"),
    "a wrong check sum": chunk(b"tEXt", b"note\0fine")[:-1] + b"\0",
    "a chunk of nobody's": chunk(b"abCd", b"x" * 100),
    "gAMA that is cut short": chunk(b"gAMA", b"\0\1"),
    "pHYs that is cut short": chunk(b"pHYs", b"\0"),
    "acTL that is cut short": chunk(b"acTL", b"\0"),
    "fcTL of a larger frame": chunk(
        b"fcTL", struct.pack(">IIIIIHHBB", 0, 99, 99, 0, 0, 1, 1, 0, 0)
    ),
}


@pytest.mark.parametrize("last", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("kind", LARGE)
def test_a_chunk_does_not_cost_a_png_its_pixels(kind: str, last: bool) -> None:
    data = beside(encode(quarters(), "PNG"), LARGE[kind], last=last)
    assert open_picture(data).tobytes() == quarters().tobytes()


def test_a_png_that_ends_after_its_pixels() -> None:
    data = encode(quarters(), "PNG")
    assert open_picture(data[:-12]).tobytes() == quarters().tobytes()
    text = beside(data, LARGE["tEXt"], last=True)
    assert open_picture(text[:-1000]).tobytes() == quarters().tobytes()
    refusal(data[:-40])  # of the pixels something is missing


@pytest.mark.parametrize("kind", ["zTXt", "iTXt", "iCCP", "many"])
def test_bombs_beside_the_pixels_are_refused(kind: str) -> None:
    heads = {"zTXt": b"note\0\0", "iTXt": b"note\0\1\0\0\0", "iCCP": b"profile\0\0"}
    if kind == "many":
        bomb = chunk(b"zTXt", b"note\0\0" + packed(9_000_000)) * 2
    else:
        bomb = chunk(kind.encode(), heads[kind] + packed(2 * mend.MAX_BESIDE))
    for last in (False, True):
        assert "damaged" in refusal(beside(encode(quarters(), "PNG"), bomb, last=last))


def test_a_profile_of_more_than_a_megabyte_is_converted() -> None:
    large = bytearray(swapped_profile() + np.random.default_rng(0).bytes(1_300_000))
    large[:4] = struct.pack(">I", len(large))
    profile = chunk(b"iCCP", b"large\0\0" + zlib.compress(bytes(large)))
    opened = open_picture(beside(encode(quarters(), "PNG"), profile))
    assert near(opened, (4, 4), (0, 255, 0), 2) and near(opened, (44, 4), (255, 0, 0), 2)


@pytest.mark.parametrize("kind", ["tEXt", "zTXt", "iTXt", "compressed iTXt"])
def test_texts_still_say_how_a_png_is_turned(kind: str) -> None:
    exif = Image.Exif()
    exif[ORIENTATION] = 6
    plain = exif.tobytes().hex().encode()
    raw = b"\nexif\n%8d\n%s\n" % (len(plain) // 2, plain)
    xmp = b'<x:xmpmeta><rdf:Description tiff:Orientation="6"/></x:xmpmeta>'
    text = {
        "tEXt": chunk(b"tEXt", b"Raw profile type exif\0" + raw),
        "zTXt": chunk(b"zTXt", b"Raw profile type exif\0\0" + zlib.compress(raw)),
        "iTXt": chunk(b"iTXt", b"XML:com.adobe.xmp\0\0\0\0\0" + xmp),
        "compressed iTXt": chunk(b"iTXt", b"XML:com.adobe.xmp\0\1\0\0\0" + zlib.compress(xmp)),
    }[kind]
    stored = quarters().transpose(Image.Transpose.ROTATE_90)
    for last in (False, True):
        opened = open_picture(beside(encode(stored, "PNG"), text, last=last))
        assert opened.tobytes() == quarters().tobytes()


# --- PNG: gamma and transparency ----------------------------------------------------------------


def gamma(value: float) -> bytes:
    return chunk(b"gAMA", struct.pack(">I", round(value * 100_000)))


def encoded(light: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """sRGB in 0..255 of linear light in 0..1 (IEC 61966-2-1)."""
    return 255 * np.where(light <= 0.0031308, 12.92 * light, 1.055 * light ** (1 / 2.4) - 0.055)


def linear() -> np.ndarray[Any, Any]:
    """(16,256,3) of uint8: linear light whose mean is 94 of 255."""
    ramp = np.linspace(0, 1, 256) ** 1.713
    return np.tile((ramp * 255 + 0.5).astype(np.uint8)[None, :, None], (16, 1, 3))


def test_linear_pixels_with_a_gamma_of_one() -> None:
    data = beside(encode(Image.fromarray(linear()), "PNG"), gamma(1))
    opened = np.asarray(open_picture(data)).astype(float)
    assert abs(linear().mean() - 94) < 1
    assert np.abs(opened - encoded(linear() / 255)).max() <= 0.51
    assert opened.mean() > 140


@pytest.mark.parametrize("value", [1.0, 1 / 1.8, 0.7])
@pytest.mark.parametrize("mode", ["L", "LA", "P", "RGBA", "16-bit grey", "16-bit colours"])
def test_gamma_of_every_kind_of_png(mode: str, value: float) -> None:
    levels = np.tile(np.arange(256, dtype=np.uint8), (16, 1))
    if mode.startswith("16"):
        deep = ramp16() if mode.endswith("grey") else np.repeat(ramp16()[..., None], 3, 2)
        data = png(deep, 16, 0 if deep.ndim == 2 else 2, gamma(value))
    else:
        picture = Image.fromarray(levels)
        if mode == "P":
            picture.putpalette(np.repeat(np.arange(256), 3).astype(np.uint8).tobytes())
        else:
            picture = picture.convert(mode)
        data = beside(encode(picture, "PNG"), gamma(value))
    opened = np.asarray(open_picture(data)).astype(float)
    want = encoded((np.arange(256) / 255) ** (1 / value))
    assert np.abs(opened - want[None, :, None]).max() <= 0.51


@pytest.mark.parametrize("value", [0.45455, 0.4545, 0.45, 0, 0.00001, 42949])
def test_gammas_that_are_about_srgb_s_or_absurd_change_nothing(value: float) -> None:
    data = beside(encode(quarters(), "PNG"), gamma(value))
    assert open_picture(data).tobytes() == quarters().tobytes()


def test_a_profile_and_srgb_come_before_gamma() -> None:
    grey = Image.new("L", (32, 32), 128)
    named = beside(encode(grey, "PNG"), gamma(1), chunk(b"sRGB", b"\0"))
    assert open_picture(named).getpixel((9, 9)) == (128, 128, 128)
    profiled = beside(encode(grey, "PNG", icc_profile=grey_profile(1.0)), gamma(0.7))
    assert near(open_picture(profiled), (9, 9), (188, 188, 188), 1)
    named = png(np.full((32, 32), 128 * 257), 16, 0, gamma(1), chunk(b"sRGB", b"\0"))
    assert open_picture(named).getpixel((9, 9)) == (128, 128, 128)


@pytest.mark.parametrize("depth", [1, 2, 4, 8, 16])
def test_the_grey_that_is_transparent(depth: int) -> None:
    most = 2**depth - 1
    key = chunk(b"tRNS", struct.pack(">H", most // 3 if depth > 1 else 0))
    if depth < 8:
        per = 8 // depth
        row = [most // 3 if depth > 1 else 0] * 16 + [most] * 16
        line = bytes(
            sum(v << (8 - depth * (k + 1)) for k, v in enumerate(row[i : i + per]))
            for i in range(0, 32, per)
        )
        values = np.tile(np.frombuffer(line, np.uint8), (32, 1))
        data = png(values, 8, 0, key)
        head = struct.pack(">IIBBBBB", 32, 32, depth, 0, 0, 0, 0)
        data = data[:8] + chunk(b"IHDR", head) + data[33:]
    else:
        values = np.full((32, 32), most // 3)
        values[:, 16:] = most // 2
        data = png(values, depth, 0, key)
    opened = open_picture(data)
    assert opened.getpixel((4, 4)) == WHITE
    beyond = 255 if depth < 8 else 127
    assert opened.getpixel((20, 4)) == (beyond,) * 3


def test_the_transparent_grey_of_16_bits_is_exact_and_leaves_gamma_alone() -> None:
    values = np.full((32, 32), 0x8000)
    values[:, 16:] = 0x8001
    data = png(values, 16, 0, gamma(1), chunk(b"tRNS", struct.pack(">H", 0x8000)))
    opened = open_picture(data)
    assert opened.getpixel((4, 4)) == WHITE and opened.getpixel((20, 4)) == (188, 188, 188)


@pytest.mark.parametrize("depth", [8, 16])
def test_the_colour_that_is_transparent(depth: int) -> None:
    most = 2**depth - 1
    values = np.zeros((32, 32, 3), int)
    values[:, :16] = (most, most // 2, 0)
    key = chunk(b"tRNS", struct.pack(">HHH", most, most // 2, 0))
    opened = open_picture(png(values, depth, 2, key))
    assert opened.getpixel((4, 4)) == WHITE and opened.getpixel((20, 4)) == (0, 0, 0)
    short = chunk(b"tRNS", struct.pack(">H", most))
    assert open_picture(png(values, depth, 2, short)).getpixel((4, 4)) == (255, 127, 0)


# --- JPEG: without its end ----------------------------------------------------------------------


def photo() -> Image.Image:
    """(120,90) without a flat place, so that whatever is missing shows."""
    noise = np.random.default_rng(3).integers(0, 256, (90, 120, 3), np.uint8)
    return Image.fromarray(noise)


JPEGS = {
    "baseline": encode(photo(), "JPEG", quality=90),
    "4:4:4": encode(photo(), "JPEG", quality=90, subsampling=0),
    "optimised": encode(photo(), "JPEG", optimize=True),
    "progressive": encode(photo(), "JPEG", progressive=True),
    "with restarts": encode(photo(), "JPEG", restart_marker_rows=1),
    "grey": encode(photo().convert("L"), "JPEG"),
    "CMYK": encode(photo().convert("CMYK"), "JPEG"),
    "flat": encode(Image.new("RGB", (120, 90), "teal"), "JPEG"),
    "two pictures": encode(photo(), "MPO", save_all=True, append_images=[quarters()]),
}


@pytest.mark.parametrize("kind", JPEGS)
@pytest.mark.parametrize("missing", [1, 2])
def test_a_jpeg_that_lacks_its_end(kind: str, missing: int) -> None:
    data = JPEGS[kind]
    assert open_picture(data[:-missing]).tobytes() == open_picture(data).tobytes()
    exif = Image.Exif()
    exif[ORIENTATION] = 6
    turned = encode(photo(), "JPEG", exif=exif)
    assert open_picture(turned[:-missing]).tobytes() == open_picture(turned).tobytes()


@pytest.mark.parametrize("kind", [k for k in JPEGS if k not in ("flat", "two pictures")])
def test_a_jpeg_that_lacks_more_than_its_end(kind: str) -> None:
    data = JPEGS[kind]
    assert data.endswith(mend.END)
    for missing in (4, 10, 100, 1000, len(data) // 2):
        assert "cut short" in refusal(data[:-missing])


def test_a_progressive_jpeg_that_lacks_a_scan() -> None:
    data = JPEGS["progressive"]
    scans = [at for at in range(len(data)) if data[at : at + 2] == b"\xff\xda"]
    assert len(scans) == 10
    for at in range(len(data)):
        if data[at : at + 2] in (b"\xff\xda", b"\xff\xc4") and at > scans[0]:
            assert "cut short" in refusal(data[:at])


def test_the_end_of_a_preview_is_not_that_of_the_picture() -> None:
    exif = b"Exif\0\0" + encode(quarters(), "JPEG")  # whatever it says: it has all markers
    data = encode(photo(), "JPEG", exif=exif)
    assert open_picture(data[:-2]).tobytes() == open_picture(data).tobytes()
    refusal(data[:-100])


def test_a_jpeg_without_its_end_is_measured_before_it_is_decoded(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(media, "MAX_PIXELS", 120 * 90 - 1)
    assert "more pixels" in refusal(JPEGS["baseline"][:-2])


# --- TIFF: kinds of pixels that Pillow has no mode for ------------------------------------------


def deep_tiff(values: np.ndarray[Any, Any], order: str = "<", **more: Any) -> bytes:
    """A TIFF of (H,W,C) by hand; `more` are fields by name, and ``strip`` rows in each strip."""
    height, width, count = values.shape
    values = values.astype(values.dtype.newbyteorder(order))
    strip, packing = more.pop("strip", height), more.pop("packing", 1)
    parts = [values[at : at + strip].tobytes() for at in range(0, height, strip)]
    if packing == 8:
        parts = [zlib.compress(part) for part in parts]
    fields: dict[int, tuple[int, ...]] = {
        256: (width,),
        257: (height,),
        258: (values.dtype.itemsize * 8,) * count,
        259: (packing,),
        262: (2 if count > 2 else 1,),
        277: (count,),
        278: (strip,),
        279: tuple(map(len, parts)),
        339: ({"u": 1, "i": 2, "f": 3}[values.dtype.kind],) * count,
    }
    if count in (2, 4):
        fields[338] = (2,)
    names = {"turn": 274, "extra": 338, "photometric": 262, "predictor": 317, "profile": 34675}
    fields |= {names[name]: value for name, value in more.items()}
    starts = [8 + sum(map(len, parts[:k])) for k in range(len(parts))]
    fields[273] = tuple(starts)
    at = 8 + sum(map(len, parts))
    tail_at, table, tail = at + 2 + 12 * len(fields) + 4, b"", b""
    for tag, many in sorted(fields.items()):
        code, form = (7, "B") if tag == 34675 else (4, "I") if tag in (273, 279) else (3, "H")
        body = struct.pack(f"{order}{len(many)}{form}", *many)
        table += struct.pack(order + "HHI", tag, code, len(many))
        if len(body) <= 4:
            table += body.ljust(4, b"\0")
        else:
            table += struct.pack(order + "I", tail_at + len(tail))
            tail += body
    head = (b"II" if order == "<" else b"MM") + struct.pack(order + "HI", 42, at)
    count_of = struct.pack(order + "H", len(fields))
    return head + b"".join(parts) + count_of + table + bytes(4) + tail


def ramp(*channels: float) -> np.ndarray[Any, Any]:
    """(20,256,C) of floats in [0,1]: left to right, each channel multiplied by a number."""
    return np.tile(np.linspace(0, 1, 256)[None, :, None] * np.array(channels), (20, 1, 1))


@pytest.mark.parametrize("order", ["<", ">"], ids=["little", "big"])
@pytest.mark.parametrize("packing", [1, 8])
@pytest.mark.parametrize("strip", [20, 7])
@pytest.mark.parametrize("dtype", ["f2", "f4", "f8", "u4"])
def test_deep_colours_of_a_tiff(dtype: str, strip: int, packing: int, order: str) -> None:
    values = ramp(1, 0.5, 0)
    stored = values * (2.0**32 - 1) if dtype == "u4" else values
    data = deep_tiff(stored.astype(dtype), order, strip=strip, packing=packing)
    opened = open_picture(data)
    assert opened.size == (256, 20)
    assert np.abs(np.asarray(opened) - values * 255).max() <= 1


@pytest.mark.parametrize("order", ["<", ">"], ids=["little", "big"])
@pytest.mark.parametrize("packing", [1, 8])
def test_grey_of_sixteen_bits_with_alpha(packing: int, order: str) -> None:
    values = np.full((20, 256, 2), 0.25)
    values[..., 1] = np.linspace(0, 1, 256)
    data = deep_tiff((values * 65535).astype(np.uint16), order, packing=packing)
    opened = np.asarray(open_picture(data)).astype(float)
    want = 255 * (0.25 * values[..., 1] + 1 - values[..., 1])
    assert np.abs(opened - want[..., None]).max() <= 1.5


@pytest.mark.parametrize(("extra", "want"), [((2,), 191), ((1,), 255), ((0,), 128)])
def test_what_a_tiff_says_of_its_fourth_channel(extra: tuple[int], want: int) -> None:
    values = np.full((20, 20, 4), 0.5, np.float32)
    opened = open_picture(deep_tiff(values, extra=extra))
    assert near(opened, (9, 9), (want,) * 3, 1)


def differences(values: np.ndarray[Any, Any], predictor: int) -> np.ndarray[Any, Any]:
    """(H,W,C), stored as TIFF's predictors do, as an array of the same shape and type."""
    whole = values.view(f"<u{values.dtype.itemsize}")
    if predictor == 2:
        changed = whole.copy()
        changed[:, 1:] -= whole[:, :-1]
        return changed.view(values.dtype)
    height, width, count = values.shape
    size = values.dtype.itemsize
    loose = values.astype(values.dtype.newbyteorder(">")).view(np.uint8)
    planes = loose.reshape(height, width * count, size).swapaxes(1, 2).reshape(height, -1, count)
    changed = planes.copy()
    changed[:, 1:] -= planes[:, :-1]
    return np.frombuffer(changed.tobytes(), values.dtype).reshape(values.shape)


@pytest.mark.parametrize(("predictor", "dtype"), [(2, "u2"), (2, "f4"), (3, "f4"), (3, "f2")])
def test_differences_of_a_tiff_are_added_up(predictor: int, dtype: str) -> None:
    values = ramp(1, 0.5) if dtype == "u2" else ramp(1, 0.5, 0.25)
    stored = (values * 65535).astype(np.uint16) if dtype == "u2" else values.astype(dtype)
    plain = deep_tiff(stored)
    data = deep_tiff(differences(stored, predictor), packing=8, predictor=(predictor,))
    assert open_picture(data).tobytes() == open_picture(plain).tobytes()


@pytest.mark.parametrize("dtype", ["f4", "u2"])
def test_tiles_and_channels_apart(dtype: str) -> None:
    """As Pillow would be asked to write them, were they of bytes: the file says the rest."""
    count = 3 if dtype == "f4" else 2
    values = np.random.default_rng(0).random((40, 50, count))
    stored = (values * 65535).astype(np.uint16) if dtype == "u2" else values.astype(dtype)
    whole = np.zeros((48, 64, count), dtype)
    whole[:40, :50] = stored
    tiles = [
        whole[y : y + 16, x : x + 32, c].tobytes()
        for c in range(count)
        for y in (0, 16, 32)
        for x in (0, 32)
    ]
    fields = {256: 50, 257: 40, 258: stored.itemsize * 8, 259: 1, 262: 2 if count == 3 else 1}
    fields |= {277: count, 284: 2, 322: 32, 323: 16, 339: 3 if dtype == "f4" else 1}
    if count == 2:
        fields[338] = 2
    sizes = [len(tile) for tile in tiles]
    starts = [8 + sum(sizes[:k]) for k in range(len(tiles))]
    at = 8 + sum(sizes)
    tail_at = at + 2 + 12 * (len(fields) + 2) + 4
    fields |= {324: tail_at, 325: tail_at + 4 * len(tiles)}
    table = b"".join(
        struct.pack("<HHII", tag, 4, len(tiles) if tag in (324, 325) else 1, value)
        for tag, value in sorted(fields.items())
    )
    tail = struct.pack(f"<{2 * len(tiles)}I", *starts, *sizes)
    head = struct.pack("<2sHI", b"II", 42, at) + b"".join(tiles)
    data = head + struct.pack("<H", len(fields)) + table + bytes(4) + tail
    assert open_picture(data).tobytes() == open_picture(deep_tiff(stored)).tobytes()


def test_range_turn_profile_and_black_of_a_deep_tiff() -> None:
    light = ramp(1, 0.5, 0) * 12 - 2
    opened = np.asarray(open_picture(deep_tiff(light.astype(np.float32)))).astype(int)
    assert opened.min() == 0 and opened.max() == 255
    assert (opened[0, 0] == opened[0, 0, 0]).all() and opened[0, -1, 2] == opened[0, 0, 0]
    turned = deep_tiff(ramp(1, 0.5, 0).astype(np.float32), turn=(6,))
    assert open_picture(turned).size == (20, 256)
    profiled = deep_tiff(np.full((20, 20, 3), (1, 0, 0), np.float32), profile=(*swapped_profile(),))
    assert near(open_picture(profiled), (9, 9), (0, 255, 0), 2)
    grey = ramp(1, 1) * 65535
    grey[..., 1] = 65535
    below = open_picture(deep_tiff(grey.astype(np.uint16), photometric=(0,)))
    assert below.getpixel((0, 0)) == WHITE and below.getpixel((255, 0)) == (0, 0, 0)


def relabelled(data: bytes, fields: dict[int, tuple[int, int]]) -> bytes:
    """A little-endian TIFF with other values of short fields, {tag: (had, new)}."""
    for tag, values in fields.items():
        old, new = (struct.pack("<HHIH", tag, 3, 1, value) for value in values)
        assert data.count(old) == 1
        data = data.replace(old, new)
    return data


@pytest.mark.parametrize("packing", [1, 8])
def test_deep_tiffs_that_are_cut_short_or_lie(packing: int) -> None:
    values = np.random.default_rng(0).random((40, 50, 3)).astype(np.float32)
    data = deep_tiff(values, strip=8, packing=packing)
    assert open_picture(data).size == (50, 40)
    for fields in ({257: (40, 99)}, {277: (3, 9)}, {262: (2, 6)}):
        assert "damaged" in refusal(relabelled(data, fields))
    whole = deep_tiff(values, packing=packing)
    start = struct.pack("<HHII", 273, 4, 1, 8)
    assert whole.count(start) == 1
    moved = whole.replace(start, struct.pack("<HHII", 273, 4, 1, len(whole) - 500))
    assert "damaged" in refusal(moved)


@pytest.mark.parametrize("side", [5000, 65535])
def test_deep_tiffs_that_would_be_too_large_are_not_unpacked(side: int) -> None:
    small = deep_tiff(np.zeros((40, 50, 3), np.float32))
    assert "64 megapixels" in refusal(relabelled(small, {256: (50, side), 257: (40, side)}))
    white = deep_tiff(np.ones((1000, 1000, 3), np.float32), packing=8)
    assert len(white) < 100_000 and open_picture(white).getpixel((999, 999)) == WHITE


def test_integers_keep_their_upper_byte_and_floats_their_place() -> None:
    assert mend.eight_bits(np.array([0, 255, 256, 65535], np.uint16)).tolist() == [0, 0, 1, 255]
    assert mend.eight_bits(np.array([0, 2**24, 2**32 - 1], np.uint32)).tolist() == [0, 1, 255]
    assert mend.eight_bits(np.array([0.25, np.nan, np.inf])).tolist() == [64, 0, 255]
    assert mend.eight_bits(np.array([-1.0, 0.0, 1.0])).tolist() == [0, 128, 255]


def test_nothing_of_it_changes_what_a_caller_has() -> None:
    data = beside(encode(quarters(), "PNG"), gamma(1))
    with Image.open(io.BytesIO(data)) as picture:
        before = dict(picture.info)
        cleaned = media.clean(picture)
        assert picture.info == before and cleaned.info == {}
        assert not dict(cleaned.getexif()).get(ExifTags.Base.Orientation)
