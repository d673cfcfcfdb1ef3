"""Every kind of picture file, made here, against the colours that must come out of it."""

from __future__ import annotations

import io
import os
import struct
import subprocess
import sys
import textwrap
import warnings
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pillow_heif
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import ExifTags, Image, ImageCms, ImageFile

from styleswap import media
from styleswap.errors import StyleSwapError
from styleswap.media import clean, fit, open_picture, save_picture

# For writing alone: what reads these is the package's.
READER = Image.OPEN["HEIF"]
pillow_heif.register_heif_opener()
Image.OPEN["HEIF"] = READER

# What Pillow has to say of the damaged files below.
pytestmark = pytest.mark.filterwarnings("ignore::UserWarning:PIL")

ORIENTATION = ExifTags.Base.Orientation
WHITE = (255, 255, 255)


# --- making files -------------------------------------------------------------------------------


def encode(picture: Image.Image, format: str, **settings: Any) -> bytes:
    buffer = io.BytesIO()
    picture.save(buffer, format=format, **settings)
    return buffer.getvalue()


def quarters() -> Image.Image:
    """48 x 32 with a colour in each corner, so that every flip and turn shows."""
    pixels = np.zeros((32, 48, 3), np.uint8)
    pixels[:16, :24] = (255, 0, 0)
    pixels[:16, 24:] = (0, 255, 0)
    pixels[16:, :24] = (0, 0, 255)
    pixels[16:, 24:] = (255, 255, 0)
    return Image.fromarray(pixels)


def chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def png(values: np.ndarray[Any, Any], depth: int, colour: int, *extra: bytes) -> bytes:
    """A PNG of any depth, by hand: Pillow writes no 16-bit colour."""
    height, width = values.shape[:2]
    rows = b"".join(b"\0" + row.astype(f">u{depth // 8}").tobytes() for row in values)
    return b"".join(
        [
            b"\x89PNG\r\n\x1a\n",
            chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, 0)),
            *extra,
            chunk(b"IDAT", zlib.compress(rows)),
            chunk(b"IEND", b""),
        ]
    )


def tiff(side: int, data: bytes, tags: dict[int, int]) -> bytes:
    """A square one-channel TIFF by hand, for what Pillow reads but does not write."""
    base = {256: side, 257: side, 258: 8, 259: 1, 262: 1, 277: 1}
    fields = {**base, **tags, (324 if 322 in tags else 273): 0}
    fields[325 if 322 in tags else 279] = len(data)
    start = 8 + 2 + 12 * len(fields) + 4
    for offset in (273, 324):
        if offset in fields:
            fields[offset] = start
    entries = b"".join(struct.pack("<HHII", tag, 4, 1, fields[tag]) for tag in sorted(fields))
    head = struct.pack("<2sHIH", b"II", 42, 8, len(fields))
    return head + entries + struct.pack("<I", 0) + data


def ramp16() -> np.ndarray[Any, Any]:
    """(16,256) of uint16: all of the range from left to right."""
    return np.tile(np.linspace(0, 65535, 256).astype(np.uint16), (16, 1))


def profile(space: bytes, kind: bytes, pcs: bytes, tags: dict[bytes, bytes]) -> bytes:
    """An ICC profile, version 2."""
    table, body = struct.pack(">I", len(tags)), b""
    for name, data in tags.items():
        table += struct.pack(">4sII", name, 128 + 4 + 12 * len(tags) + len(body), len(data))
        body += data + bytes(-len(data) % 4)
    head = struct.pack(
        ">I4sI4s4s4s12s4s28sIIIII44s",
        128 + len(table) + len(body),
        b"",
        0x02400000,
        kind,
        space,
        pcs,
        struct.pack(">6H", 2024, 1, 1, 0, 0, 0),
        b"acsp",
        b"",
        0,
        *WHITE_POINT,
        0,
        b"",
    )
    return head[:128] + table + body


WHITE_POINT = (0x0000F6D6, 0x00010000, 0x0000D32D)
LAB_RED = (138, 209, 198)  # 8-bit L, a, b of sRGB's red as seen under D50: 54.3, 80.8, 69.9
XYZ_WHITE = struct.pack(">4sI3I", b"XYZ ", 0, *WHITE_POINT)


def grey_profile(gamma: float) -> bytes:
    curve = struct.pack(">4sIIHxx", b"curv", 0, 1, round(gamma * 256))
    return profile(b"GRAY", b"mntr", b"XYZ ", {b"wtpt": XYZ_WHITE, b"kTRC": curve})


def cmyk_profile() -> bytes:
    """CMYK -> Lab of a press with one strange ink: what ought to be cyan prints as sRGB's red."""
    white, black = (255, 128, 128), (0, 128, 128)
    inks = (black if corner & 1 else LAB_RED if corner & 8 else white for corner in range(16))
    grid = b"".join(map(bytes, inks))
    straight = bytes(range(256))
    table = struct.pack(">4sIBBBx", b"mft1", 0, 4, 3, 2)
    table += struct.pack(">9i", 65536, 0, 0, 0, 65536, 0, 0, 0, 65536)
    table += straight * 4 + grid + straight * 3
    return profile(b"CMYK", b"prtr", b"Lab ", {b"wtpt": XYZ_WHITE, b"A2B0": table})


def swapped_profile() -> bytes:
    """sRGB whose red and green primaries have changed places."""
    data = bytearray(ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes())
    (count,) = struct.unpack(">I", data[128:132])
    for at in range(132, 132 + 12 * count, 12):
        name = bytes(data[at : at + 4])
        data[at : at + 4] = {b"rXYZ": b"gXYZ", b"gXYZ": b"rXYZ"}.get(name, name)
    return bytes(data)


def near(picture: Image.Image, at: tuple[int, int], colour: tuple[int, ...], by: int = 0) -> bool:
    found = picture.getpixel(at)
    assert isinstance(found, tuple) and len(found) == 3
    return all(abs(a - b) <= by for a, b in zip(found, colour, strict=True))


# --- what comes in ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("format", "settings", "by"),
    [
        ("PNG", {}, 0),
        ("BMP", {}, 0),
        ("TIFF", {}, 0),
        ("TIFF", {"compression": "tiff_lzw"}, 0),
        ("GIF", {}, 0),
        ("WEBP", {"lossless": True}, 0),
        ("WEBP", {"quality": 100}, 12),
        ("AVIF", {"quality": 100, "subsampling": "4:4:4"}, 12),
        ("HEIF", {"quality": 95, "chroma": 444}, 12),
        ("JPEG", {"quality": 95, "subsampling": 0}, 4),
        ("JPEG", {"quality": 95, "subsampling": 0, "progressive": True}, 4),
    ],
)
def test_every_format_by_content_and_not_by_extension(
    format: str, settings: dict[str, Any], by: int, tmp_path: Path
) -> None:
    data = encode(quarters(), format, **settings)
    misnamed = tmp_path / "picture.txt"
    misnamed.write_bytes(data)
    for picture in (open_picture(data), open_picture(misnamed), open_picture(str(misnamed))):
        assert type(picture) is Image.Image and picture.mode == "RGB" and picture.info == {}
        assert picture.size == (48, 32)
        assert near(picture, (4, 4), (255, 0, 0), by) and near(picture, (44, 4), (0, 255, 0), by)
        assert near(picture, (4, 28), (0, 0, 255), by)
        assert near(picture, (44, 28), (255, 255, 0), by)


@pytest.mark.parametrize("format", ["JPEG", "PNG", "WEBP", "TIFF", "AVIF", "HEIF"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_exif_orientation_is_undone(format: str, orientation: int) -> None:
    undo = {2: 0, 3: 3, 4: 1, 5: 5, 6: 2, 7: 6, 8: 4}  # orientation -> the inverse transposition
    stored = quarters()
    if orientation > 1:
        stored = stored.transpose(Image.Transpose(undo[orientation]))
    exif = Image.Exif()
    exif[ORIENTATION] = orientation
    picture = open_picture(encode(stored, format, exif=exif.tobytes()))
    assert picture.size == (48, 32)
    for at in ((6, 6), (42, 6), (6, 26), (42, 26)):
        assert near(picture, at, quarters().getpixel(at), 40)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "rubbish", [b"", b"no TIFF header", b"MM\0*\xff\xff\xff\xff nothing there"]
)
def test_broken_exif_does_not_cost_the_picture(rubbish: bytes) -> None:
    data, exif = encode(quarters(), "PNG"), chunk(b"eXIf", rubbish)
    assert open_picture(data[:33] + exif + data[33:]).tobytes() == quarters().tobytes()


@pytest.mark.parametrize("format", ["PNG", "WEBP", "TIFF", "HEIF"])
def test_alpha_lies_over_white(format: str) -> None:
    pixels = np.zeros((32, 32, 4), np.uint8)
    pixels[..., 0] = 255
    pixels[:, :16, 3] = 128
    lossless = {"lossless": True, "exact": True} if format == "WEBP" else {}
    picture = open_picture(encode(Image.fromarray(pixels), format, **lossless))
    by = 3 if format == "HEIF" else 1
    assert near(picture, (4, 4), (255, 127, 127), by) and near(picture, (22, 4), WHITE, by // 2)


def test_grey_with_alpha() -> None:
    pixels = np.zeros((32, 32, 2), np.uint8)
    pixels[:, :16, 1] = 255
    picture = open_picture(encode(Image.fromarray(pixels, "LA"), "PNG"))
    assert picture.getpixel((4, 4)) == (0, 0, 0) and picture.getpixel((20, 4)) == WHITE


@pytest.mark.parametrize("format", ["PNG", "GIF"])
def test_palette_with_one_transparent_entry(format: str) -> None:
    picture = Image.new("P", (32, 32), 0)
    picture.putpalette([255, 0, 0, 0, 0, 255])
    picture.paste(1, (16, 0, 32, 32))
    opened = open_picture(encode(picture, format, transparency=1))
    assert opened.getpixel((4, 4)) == (255, 0, 0) and opened.getpixel((20, 4)) == WHITE


def test_palette_with_an_alpha_for_each_entry() -> None:
    picture = Image.new("P", (32, 32), 0)
    picture.putpalette([255, 0, 0, 0, 0, 255])
    picture.paste(1, (16, 0, 32, 32))
    opened = open_picture(encode(picture, "PNG", transparency=bytes([255, 51])))
    assert opened.getpixel((4, 4)) == (255, 0, 0)
    assert near(opened, (20, 4), (204, 204, 255), 1)


def test_colour_key_of_a_truecolour_png() -> None:
    opened = open_picture(encode(quarters(), "PNG", transparency=(255, 0, 0)))
    assert opened.getpixel((4, 4)) == WHITE and opened.getpixel((44, 4)) == (0, 255, 0)


@pytest.mark.parametrize("format", ["PNG", "BMP", "TIFF", "GIF"])
def test_one_bit(format: str) -> None:
    picture = Image.new("1", (32, 32), 0)
    picture.paste(1, (16, 0, 32, 32))
    opened = open_picture(encode(picture, format))
    assert opened.getpixel((4, 4)) == (0, 0, 0) and opened.getpixel((20, 4)) == WHITE


def grey_of(picture: Image.Image) -> np.ndarray[Any, Any]:
    """(W,) of ints: the first row, once it is known to be grey."""
    values = np.asarray(picture).astype(int)
    assert (values == values[..., :1]).all()
    return values[0, :, 0]


@pytest.mark.parametrize("format", ["PNG", "TIFF"])
def test_sixteen_bit_grey_keeps_its_ramp(format: str) -> None:
    opened = open_picture(encode(Image.fromarray(ramp16()), format))
    assert (grey_of(opened) == np.arange(256)).all()


def test_big_endian_sixteen_bit_grey() -> None:
    opened = clean(Image.frombytes("I;16B", (256, 16), ramp16().astype(">u2").tobytes()))
    assert (grey_of(opened) == np.arange(256)).all()


def test_sixteen_bit_colour_and_alpha() -> None:
    ramp = ramp16()
    colour = np.stack([ramp, ramp[:, ::-1], np.zeros_like(ramp)], -1)
    opened = np.asarray(open_picture(png(colour, 16, 2))).astype(int)
    assert (opened[0, :, 0] == np.arange(256)).all()
    assert (opened[0, :, 1] == np.arange(256)[::-1]).all() and not opened[..., 2].any()
    veiled = open_picture(png(np.stack([np.zeros_like(ramp), ramp], -1), 16, 4))
    assert (np.abs(grey_of(veiled) - np.arange(256)[::-1]) <= 1).all()


def test_twelve_bit_tiff_fills_the_range() -> None:
    first = np.linspace(0, 4095, 256).astype(int)
    packed = np.stack([first[::2] >> 4, (first[::2] & 15) << 4 | first[1::2] >> 8, first[1::2]], -1)
    data = (packed & 255).astype(np.uint8).tobytes() * 256
    assert (grey_of(open_picture(tiff(256, data, {258: 12}))) == np.arange(256)).all()


@pytest.mark.parametrize("bits", [8, 16])
def test_tiff_where_white_is_zero(bits: int) -> None:
    values = np.tile(np.linspace(0, 2**bits - 1, 256), (256, 1)).astype(f"<u{bits // 8}")
    opened = open_picture(tiff(256, values.tobytes(), {258: bits, 262: 0}))
    assert (grey_of(opened) == np.arange(256)[::-1]).all()


@pytest.mark.parametrize(
    ("low", "high"), [(0.0, 1.0), (0.0, 255.0), (-3.0, 5.0), (1e30, 3e38), (1e-3, 1.5)]
)
def test_float_tiff_shows_all_of_its_range(low: float, high: float) -> None:
    values = np.tile(np.linspace(low, high, 256).astype(np.float32), (16, 1))
    opened = grey_of(open_picture(encode(Image.fromarray(values), "TIFF")))
    assert (np.abs(opened - np.arange(256)) <= 1).all()


def test_floats_within_one_are_not_stretched() -> None:
    values = np.full((16, 16), 0.25, np.float32)
    values[0, 1] = 0.75
    assert grey_of(open_picture(encode(Image.fromarray(values), "TIFF")))[:2].tolist() == [64, 191]


def test_floats_that_are_no_numbers() -> None:
    values = np.full((16, 16), 0.5, np.float32)
    values[0, :3] = np.nan, np.inf, -np.inf
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # NumPy's, of a number that does not fit into 8 bits
        opened = grey_of(clean(Image.fromarray(values)))
        everywhere = clean(Image.fromarray(np.full((16, 16), np.nan, np.float32)))
    assert opened.tolist() == [0, 255, 0] + [128] * 13
    assert everywhere.getpixel((0, 0)) == (0, 0, 0)


def test_integers_of_thirty_two_bits() -> None:
    sixteen = Image.fromarray(ramp16().astype(np.int32))
    assert (grey_of(clean(sixteen)) == np.arange(256)).all()
    signed = Image.fromarray((ramp16().astype(np.int32) - 32768) * 1000)
    assert (grey_of(clean(signed)) == np.arange(256)).all()


def test_cmyk_red_is_red() -> None:
    red = Image.new("CMYK", (32, 32), (0, 255, 255, 0))
    assert near(open_picture(encode(red, "JPEG", quality=95)), (9, 9), (255, 0, 0), 3)
    assert near(open_picture(encode(red, "TIFF")), (9, 9), (255, 0, 0))
    half_black = Image.new("CMYK", (32, 32), (0, 0, 0, 128))
    assert near(open_picture(encode(half_black, "JPEG", quality=95)), (9, 9), (127, 127, 127), 3)


@pytest.mark.parametrize("format", ["JPEG", "TIFF"])
def test_cmyk_goes_through_its_profile(format: str) -> None:
    cyan = Image.new("CMYK", (32, 32), (255, 0, 0, 0))
    paper = Image.new("CMYK", (32, 32), (0, 0, 0, 0))
    naive = open_picture(encode(cyan, format))
    assert near(naive, (9, 9), (0, 255, 255), 3)
    printed = open_picture(encode(cyan, format, icc_profile=cmyk_profile()))
    assert near(printed, (9, 9), (255, 0, 0), 6)
    blank = open_picture(encode(paper, format, icc_profile=cmyk_profile()))
    assert near(blank, (9, 9), WHITE, 2)


@pytest.mark.parametrize("format", ["PNG", "JPEG", "WEBP", "TIFF", "AVIF", "HEIF"])
def test_colour_profile_is_converted(format: str) -> None:
    settings = {"quality": 100} if format in ("WEBP", "AVIF", "HEIF") else {}
    data = encode(
        Image.new("RGB", (32, 32), "red"), format, icc_profile=swapped_profile(), **settings
    )
    assert near(open_picture(data), (9, 9), (0, 255, 0), 6)


def test_profile_and_alpha_and_palette_together() -> None:
    veiled = Image.new("RGBA", (32, 32), (255, 0, 0, 128))
    data = encode(veiled, "PNG", icc_profile=swapped_profile())
    assert near(open_picture(data), (9, 9), (127, 255, 127), 2)
    palette = Image.new("RGB", (32, 32), "red").quantize(4)
    data = encode(palette, "PNG", icc_profile=swapped_profile())
    assert near(open_picture(data), (9, 9), (0, 255, 0), 2)


def test_grey_profile_is_converted() -> None:
    grey = Image.new("L", (32, 32), 128)
    linear = encode(grey, "PNG", icc_profile=grey_profile(1.0))
    assert near(open_picture(linear), (9, 9), (188, 188, 188), 1)  # sRGB of 128/255 in linear light
    opaque = Image.merge("LA", (grey, Image.new("L", (32, 32), 255)))
    data = encode(opaque, "PNG", icc_profile=grey_profile(1.0))
    assert near(open_picture(data), (9, 9), (188, 188, 188), 1)
    deep = Image.fromarray(np.full((32, 32), 128 * 257, np.uint16))
    data = encode(deep, "PNG", icc_profile=grey_profile(1.0))
    assert near(open_picture(data), (9, 9), (188, 188, 188), 1)


def test_grey_picture_with_a_colour_profile() -> None:
    data = encode(Image.new("L", (32, 32), 128), "JPEG", icc_profile=swapped_profile())
    assert near(open_picture(data), (9, 9), (128, 128, 128), 2)


@pytest.mark.parametrize(
    "icc", [b"rubbish", swapped_profile()[:200], grey_profile(1.0), cmyk_profile()]
)
def test_profile_that_is_broken_or_of_another_kind_is_ignored(icc: bytes) -> None:
    data = encode(quarters(), "PNG", icc_profile=icc)
    assert open_picture(data).tobytes() == quarters().tobytes()


def test_lab_tiff() -> None:
    red = Image.new("LAB", (32, 32), LAB_RED)
    assert near(open_picture(encode(red, "TIFF")), (9, 9), (255, 0, 0), 6)


@pytest.mark.parametrize("format", ["GIF", "WEBP", "PNG"])
def test_animation_gives_its_first_frame(format: str) -> None:
    frames = [Image.new("RGB", (32, 32), colour) for colour in ("red", "lime", "blue")]
    lossless = {"lossless": True} if format == "WEBP" else {}
    data = encode(frames[0], format, save_all=True, append_images=frames[1:], **lossless)
    with Image.open(io.BytesIO(data)) as animated:
        assert animated.n_frames == 3  # type: ignore[attr-defined]
    assert open_picture(data).getpixel((9, 9)) == (255, 0, 0)


def test_picture_with_another_after_it() -> None:
    """MPO: two JPEGs in one file, as telephones write them."""
    second = Image.new("RGB", (48, 32), "blue")
    data = encode(quarters(), "MPO", save_all=True, append_images=[second])
    assert near(open_picture(data), (4, 4), (255, 0, 0), 6)


# --- clean --------------------------------------------------------------------------------------


MODES = ["1", "L", "P", "RGB", "RGBA", "RGBX", "CMYK", "YCbCr", "LAB", "HSV", "I", "F", "LA", "PA"]
MODES += ["La", "RGBa", "I;16", "I;16L", "I;16B", "I;16N"]


@pytest.mark.parametrize("mode", MODES)
def test_clean_takes_every_mode_and_leaves_its_input_alone(mode: str) -> None:
    given = Image.new(mode, (20, 30))
    exif = given.getexif()
    exif[ORIENTATION] = 6
    given.info = {"exif": exif.tobytes(), "comment": "mine"}
    before = given.mode, given.size, given.tobytes(), dict(given.info), dict(given.getexif())
    cleaned = clean(given)
    assert (given.mode, given.size, given.tobytes(), given.info, dict(given.getexif())) == before
    assert cleaned.mode == "RGB" and cleaned.size == (30, 20)
    assert cleaned.info == {} and not dict(cleaned.getexif())


def test_clean_of_a_clean_picture_is_an_equal_copy() -> None:
    given = quarters()
    cleaned = clean(given)
    assert cleaned.tobytes() == given.tobytes()
    cleaned.putpixel((0, 0), (1, 2, 3))
    assert given.getpixel((0, 0)) == (255, 0, 0)


def test_clean_of_a_picture_that_pillow_has_not_decoded_yet() -> None:
    data = encode(quarters(), "PNG")
    with Image.open(io.BytesIO(data)) as picture:
        assert clean(picture).tobytes() == quarters().tobytes()
    with (
        Image.open(io.BytesIO(data[:-40])) as picture,
        pytest.raises(StyleSwapError, match=r"^The frame is damaged or cut short"),
    ):
        clean(picture, "frame")


# --- hostile files ------------------------------------------------------------------------------


def refusal(source: Any) -> str:
    with pytest.raises(StyleSwapError) as caught:
        open_picture(source, "content")
    sentence = str(caught.value)
    assert sentence.startswith("The content ") and sentence.endswith(".") and "\n" not in sentence
    return sentence


def test_nothing_at_all(tmp_path: Path) -> None:
    (tmp_path / "empty.png").touch()
    assert "empty" in refusal(b"") and "empty" in refusal(tmp_path / "empty.png")


def test_text_with_a_picture_s_name(tmp_path: Path) -> None:
    (tmp_path / "note.jpg").write_text("Dear diary")
    assert "not a picture" in refusal(tmp_path / "note.jpg")


@pytest.mark.parametrize(
    ("data", "kind"),
    [
        (b"%PDF-1.7\n%\xe2\xe3", "PDF"),
        (b'<?xml version="1.0"?>\n<svg xmlns="http://www.w3.org/2000/svg"/>', "SVG"),
    ],
)
def test_strangers_are_named(data: bytes, kind: str) -> None:
    assert kind in refusal(data)


def test_formats_that_are_not_on_the_list() -> None:
    for format in ("PPM", "TGA", "EPS", "ICO", "PCX", "PDF", "JPEG2000"):
        refusal(encode(quarters(), format))


TURNED = b"Exif\0\0MM\0*\0\0\0\x08\0\1\1\x12\0\3\0\0\0\1\0\6\0\0\0\0\0\0"
FILES = {
    "JPEG": encode(quarters(), "JPEG"),
    "progressive JPEG": encode(quarters(), "JPEG", progressive=True),
    "PNG": encode(quarters(), "PNG"),
    "WebP": encode(quarters(), "WEBP"),
    "lossless WebP": encode(quarters(), "WEBP", lossless=True),
    "GIF": encode(quarters(), "GIF"),
    "BMP": encode(quarters(), "BMP"),
    "TIFF": encode(quarters(), "TIFF"),
    "LZW TIFF": encode(quarters(), "TIFF", compression="tiff_lzw"),
    "AVIF": encode(quarters(), "AVIF"),
    "HEIF": encode(quarters(), "HEIF"),
    "profiled PNG": encode(quarters(), "PNG", icc_profile=swapped_profile()),
    "turned JPEG": encode(
        quarters(), "JPEG", exif=b"Exif\0\0MM\0*\0\0\0\x08\0\1\1\x12\0\3\0\0\0\1\0\6"
    ),
}


@pytest.mark.parametrize("kind", FILES)
@pytest.mark.parametrize("share", [0.02, 0.4, 0.8])
def test_files_cut_short(kind: str, share: float) -> None:
    data = FILES[kind]
    sentence = refusal(data[: max(16, int(len(data) * share))])
    assert "damaged" in sentence and "cut short" in sentence and "again" in sentence


@pytest.mark.parametrize("size", [(1, 1), (1, 4000), (4000, 15), (15, 16)])
def test_too_small(size: tuple[int, int]) -> None:
    sentence = refusal(encode(Image.new("RGB", size), "PNG"))
    assert f"{size[0]} x {size[1]}" in sentence and "at least 16" in sentence


def test_the_smallest_and_the_longest_pass() -> None:
    assert open_picture(encode(Image.new("RGB", (16, 16)), "PNG")).size == (16, 16)
    assert open_picture(encode(Image.new("RGB", (16, 9000)), "PNG")).size == (16, 9000)


def test_folder_and_missing_file(tmp_path: Path) -> None:
    assert "is a folder" in refusal(tmp_path)
    assert "no file" in refusal(tmp_path / "nowhere.png")
    assert "no file" in refusal(str(tmp_path / "nowhere" / "at all.png"))
    (tmp_path / "file").write_text("x")
    assert "no file" in refusal(tmp_path / "file" / "below.png")
    refusal("")
    refusal("null\0byte.png")
    refusal("x" * 5000)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs named pipes")
def test_pipes_and_devices_do_not_hang(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.png")
    assert "ordinary file" in refusal(tmp_path / "pipe.png")
    assert "ordinary file" in refusal("/dev/zero")
    (tmp_path / "loop.png").symlink_to("loop.png")
    refusal(tmp_path / "loop.png")


@pytest.fixture
def locked(tmp_path: Path) -> Iterator[Path]:
    """A folder with a picture in it, where this process may neither read nor write."""
    if not hasattr(os, "geteuid"):
        pytest.skip("needs POSIX permissions")
    folder = tmp_path / "locked"
    folder.mkdir()
    save_picture(quarters(), folder / "picture.png")
    folder.chmod(0)
    root = os.geteuid() == 0
    if root:  # whom no permission stops
        os.seteuid(65534)
    yield folder
    if root:
        os.seteuid(0)
    folder.chmod(0o700)


def test_no_permission(locked: Path) -> None:
    assert "may not be read" in refusal(locked / "picture.png")
    with pytest.raises(StyleSwapError, match="not allowed; choose another folder"):
        save_picture(quarters(), locked / "new.png")


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="needs Linux's /proc")
def test_files_that_the_kernel_makes_up_are_not_read() -> None:
    assert "empty" in refusal("/proc/self/status")  # its neighbour kmsg would block for ever


def test_too_many_bytes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with (tmp_path / "sparse.png").open("wb") as file:
        file.truncate(media.MAX_BYTES * 1000)  # 64 GB on paper: none of it may be kept
    assert "64 MB" in refusal(tmp_path / "sparse.png")
    data = encode(quarters(), "PNG")
    monkeypatch.setattr(media, "MAX_BYTES", len(data))
    open_picture(data)
    refusal(data + b"\0")


def large(kind: str) -> bytes:
    """A small file whose header announces more than `MAX_PIXELS`."""
    if kind == "TIFF tile":
        tile = {259: 8, 322: 30000, 323: 30000}
        return tiff(64, zlib.compress(bytes(1 << 20)), tile)
    if kind == "WebP":
        frames = [Image.new("RGB", (32, 32), colour) for colour in ("red", "blue")]
        data = encode(frames[0], "WEBP", save_all=True, append_images=frames[1:])
        canvas = b"\x1f\0\0" * 2  # one less than the size, in three bytes
        assert canvas in data[:40]
        return data.replace(canvas, b"\x20\x4e\0" * 2, 1)
    data = encode(Image.new("RGB", (48, 32)), kind)
    header, side = struct.pack(">IIBBBBB", 9000, 9000, 8, 2, 0, 0, 0), 9000
    pairs = {
        "PNG": [(data[12:33], chunk(b"IHDR", header)[4:])],
        "JPEG": [(struct.pack(">HH", 32, 48), struct.pack(">HH", side, side))],
        "GIF": [(b"GIF87a" + struct.pack("<HH", 48, 32), b"GIF87a" + b"\xff" * 4)],
        "BMP": [(struct.pack("<II", 48, 32), struct.pack("<II", side, side))],
        "TIFF": [
            (struct.pack("<HHII", tag, 4, 1, old), struct.pack("<HHII", tag, 4, 1, side))
            for tag, old in ((256, 48), (257, 32))
        ],
        "AVIF": [
            (b"ispe" + struct.pack(">III", 0, 48, 32), b"ispe" + struct.pack(">III", 0, side, side))
        ],
        "HEIF": [
            (b"ispe" + struct.pack(">III", 0, 64, 64), b"ispe" + struct.pack(">III", 0, side, side))
        ],
    }[kind]
    for old, new in pairs:
        assert data.count(old) == 1
        data = data.replace(old, new)
    return data


@pytest.mark.parametrize("limit", [None, "Pillow's"])
@pytest.mark.parametrize(
    "kind", ["PNG", "JPEG", "WebP", "GIF", "BMP", "TIFF", "TIFF tile", "AVIF", "HEIF"]
)
def test_bombs_are_refused_from_the_header(
    kind: str, limit: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    def load(self: ImageFile.ImageFile) -> None:
        raise AssertionError("decoded")

    if limit is None:  # as many a library sets it
        monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", None)
    data = large(kind)
    assert len(data) < 10_000
    monkeypatch.setattr(ImageFile.ImageFile, "load", load)
    assert "64 megapixels" in refusal(data)


@pytest.mark.parametrize("brand", [b"heic", b"heix", b"mif1", b"msf1"])
def test_every_brand_of_heif(brand: bytes) -> None:
    data = FILES["HEIF"].replace(b"ftypheic", b"ftyp" + brand, 1)
    assert open_picture(data).tobytes() == open_picture(FILES["HEIF"]).tobytes()
    assert "damaged" in refusal(b"\0\0\0\x18ftyp" + brand + b"\0\0\0\0mif1heic" + bytes(64))


def test_a_heif_of_more_pixels_than_its_header_says() -> None:
    data = encode(Image.new("RGB", (2048, 2048)), "HEIF")
    size = b"ispe" + struct.pack(">III", 0, 2048, 2048)
    assert data.count(size) == 1 and len(data) < 10_000
    assert "damaged" in refusal(data.replace(size, b"ispe" + struct.pack(">III", 0, 64, 64)))


@pytest.mark.skipif(sys.platform != "linux", reason="counts memory as Linux does")
def test_a_picture_of_900_megapixels_costs_neither_time_nor_memory(tmp_path: Path) -> None:
    row = b"\0" + bytes(30000 // 8)
    header = struct.pack(">IIBBBBB", 30000, 30000, 1, 0, 0, 0, 0)
    squeeze = zlib.compressobj(1)
    rows = b"".join(squeeze.compress(row * 1000) for _ in range(30)) + squeeze.flush()
    bomb = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", rows)
    (tmp_path / "bomb.png").write_bytes(bomb + chunk(b"IEND", b""))
    script = """
        import resource, sys, time
        from PIL import Image
        from styleswap.errors import StyleSwapError
        from styleswap.media import open_picture
        Image.MAX_IMAGE_PIXELS = None
        peak = lambda: resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        before, start = peak(), time.process_time()
        try:
            open_picture(sys.argv[1])
        except StyleSwapError as refused:
            print(time.process_time() - start, peak() - before, Image.MAX_IMAGE_PIXELS)
    """
    command = [sys.executable, "-c", textwrap.dedent(script), str(tmp_path / "bomb.png")]
    root = Path(__file__).parents[1]
    answer = subprocess.run(command, capture_output=True, text=True, check=True, cwd=root)
    seconds, kilobytes, limit = answer.stdout.split()
    assert float(seconds) < 0.5 and int(kilobytes) < 64 * 1024 and limit == "None"


def test_bomb_in_the_text_of_a_png() -> None:
    data = encode(quarters(), "PNG")
    text = chunk(b"zTXt", b"note\0\0" + zlib.compress(bytes(1 << 25)))
    assert "damaged" in refusal(data[:33] + text + data[33:])


def test_pillow_s_warning_as_an_error_is_a_sentence_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 1000)  # 48 x 32 is between it and its double
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert "64 megapixels" in refusal(FILES["PNG"])


def test_jpeg_of_very_many_passes() -> None:
    data = encode(quarters(), "JPEG", progressive=True)
    last = data[data.rindex(b"\xff\xda") : -2]
    assert open_picture(data[:-2] + last * 50 + b"\xff\xd9").size == (48, 32)
    assert "passes" in refusal(data[:-2] + last * 200 + b"\xff\xd9")
    # Telephones put a video behind the picture, where the marker alone turns up by chance.
    assert open_picture(data + b"\xff\xda" * 1000).size == (48, 32)


def test_out_of_memory_is_a_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    def load(self: ImageFile.ImageFile) -> None:
        raise MemoryError

    data = encode(quarters(), "PNG")
    monkeypatch.setattr(ImageFile.ImageFile, "load", load)
    assert "more memory" in refusal(data)


def survives(data: bytes) -> Image.Image | None:
    """A clean picture, or None for one sentence; anything else escapes and fails the test."""
    try:
        picture = open_picture(data)
    except StyleSwapError as refused:
        assert str(refused).startswith("The picture ")
        return None
    assert picture.mode == "RGB" and min(picture.size) >= media.MIN_SIDE
    return picture


@settings(deadline=None, max_examples=150)
@given(st.sampled_from(["", *sorted(FILES)]), st.binary(max_size=300))
def test_random_bytes(kind: str, tail: bytes) -> None:
    survives((FILES[kind][:24] if kind else b"") + tail)


@settings(deadline=None, max_examples=150)
@given(st.sampled_from(sorted(FILES)), st.floats(0, 1))
def test_random_truncation(kind: str, share: float) -> None:
    picture = survives(FILES[kind][: int(len(FILES[kind]) * share)])
    # Some formats end in bytes that the pixels do not need; never is half a picture taken.
    assert picture is None or picture.tobytes() == open_picture(FILES[kind]).tobytes()


@settings(deadline=None, max_examples=300)
@given(
    st.sampled_from(sorted(FILES)),
    st.lists(st.tuples(st.floats(0, 0.999), st.integers(0, 255)), min_size=1, max_size=6),
)
def test_random_damage(kind: str, damage: list[tuple[float, int]]) -> None:
    data = bytearray(FILES[kind])
    for share, value in damage:
        data[int(share * len(data))] = value
    survives(bytes(data))


@st.composite
def pictures(draw: st.DrawFn) -> Image.Image:
    mode = draw(st.sampled_from(["1", "L", "LA", "P", "RGB", "RGBA", "I;16"]))
    width, height = draw(st.integers(16, 60)), draw(st.integers(16, 60))
    noise = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    if mode == "I;16":
        return Image.fromarray(noise.integers(0, 65536, (height, width), np.uint16))
    channels = {"LA": (2,), "RGB": (3,), "RGBA": (4,)}.get(mode, ())
    pixels = noise.integers(0, 256, (height, width, *channels), np.uint8)
    if mode == "1":
        return Image.fromarray(pixels > 127)
    if mode == "P":
        picture = Image.fromarray(pixels)
        picture.putpalette(noise.integers(0, 256, 768, np.uint8).tobytes())
        return picture
    return Image.fromarray(pixels)


def expected(picture: Image.Image) -> np.ndarray[Any, Any]:
    """(H,W,3) of floats in [0,255]: what a clean picture holds, from the definition."""
    values = np.asarray(picture).astype(float)
    if picture.mode == "I;16":
        values = values // 256
    elif picture.mode == "1":
        values = values * 255
    elif picture.mode == "P":
        palette = picture.getpalette()
        assert palette is not None
        colours = np.asarray(palette, float).reshape(-1, 3)
        return np.take(colours, values.astype(int), axis=0)
    elif picture.mode in ("LA", "RGBA"):
        alpha = values[..., -1:] / 255
        values = values[..., :-1] * alpha + 255 * (1 - alpha)
    values = values if values.ndim == 3 else values[..., None]
    return np.broadcast_to(values, (*values.shape[:2], 3))


@settings(deadline=None, max_examples=100)
@given(pictures())
def test_every_mode_comes_through_png(picture: Image.Image) -> None:
    opened = open_picture(encode(picture, "PNG"))
    assert opened.size == picture.size
    assert np.abs(np.asarray(opened) - expected(picture)).max() <= 1


# --- fit ----------------------------------------------------------------------------------------


@settings(deadline=None, max_examples=100)
@given(st.integers(16, 300), st.integers(16, 300), st.integers(1, 400))
def test_fit_keeps_the_aspect_ratio(width: int, height: int, size: int) -> None:
    shorter = min(width, height) * size / max(width, height)
    picture = Image.new("RGB", (width, height), (10, 200, 30))
    if round(shorter) < media.MIN_SIDE:
        with pytest.raises(StyleSwapError, match="choose a size of at least") as caught:
            fit(picture, size)
        needed = int(str(caught.value).split("at least ")[1].split()[0])
        assert min(fit(picture, needed).size) >= media.MIN_SIDE
    else:
        fitted = fit(picture, size)
        assert max(fitted.size) == size and abs(min(fitted.size) - shorter) <= 0.5
        assert (fitted.width >= fitted.height) == (width >= height) or fitted.width == fitted.height
        assert fitted.getcolors() == [(fitted.width * fitted.height, (10, 200, 30))]


def test_fit_averages_and_does_not_pick() -> None:
    board = np.indices((256, 256)).sum(0) % 2 * 255
    picture = Image.fromarray(np.repeat(board[..., None], 3, -1).astype(np.uint8))
    values = np.asarray(fit(picture, 64)).astype(int)
    assert np.abs(values - 127.5).max() < 3


def test_fit_gives_a_new_picture_even_at_the_same_size() -> None:
    picture = quarters()
    same = fit(picture, 48)
    assert same is not picture and same.tobytes() == picture.tobytes()


# --- save_picture -------------------------------------------------------------------------------


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


@pytest.mark.parametrize(
    ("name", "format", "by"),
    [("a.png", "PNG", 0), ("a.jpg", "JPEG", 4), ("a.JPEG", "JPEG", 4), ("a.webp", "WEBP", 12)],
)
def test_saved_by_extension_and_read_back(name: str, format: str, by: int, tmp_path: Path) -> None:
    save_picture(quarters(), tmp_path / name)
    assert names(tmp_path) == [name]
    with Image.open(tmp_path / name) as stored:
        assert stored.format == format
    for at in ((4, 4), (44, 4), (4, 28), (44, 28)):
        assert near(open_picture(tmp_path / name), at, quarters().getpixel(at), by)  # type: ignore[arg-type]


def test_jpeg_keeps_its_colour_at_full_size(tmp_path: Path) -> None:
    stripes = np.zeros((32, 32, 3), np.uint8)
    stripes[:, ::2] = (255, 0, 0)
    stripes[:, 1::2] = (0, 0, 255)
    save_picture(Image.fromarray(stripes), tmp_path / "a.jpg")
    back = np.asarray(open_picture(tmp_path / "a.jpg")).astype(int)
    assert np.abs(back - stripes).mean() < 12  # 4:2:0 mixes them to purple, some 85 off


@pytest.mark.parametrize("name", ["a.png", "a.jpg", "a.webp"])
def test_nothing_of_the_input_but_its_pixels_is_saved(name: str, tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[ExifTags.Base.Artist] = "Somebody at home"
    loaded = Image.open(
        io.BytesIO(encode(quarters(), "JPEG", exif=exif, comment=b"secret", dpi=(300, 300)))
    )
    loaded.info["icc_profile"] = swapped_profile()
    save_picture(loaded, tmp_path / name)
    data = (tmp_path / name).read_bytes()
    assert b"Somebody" not in data and b"secret" not in data and b"acsp" not in data
    with Image.open(tmp_path / name) as stored:
        assert not dict(stored.getexif()) and "icc_profile" not in stored.info
    assert near(open_picture(tmp_path / name), (4, 4), (0, 255, 0), 12)  # converted, not dropped


def test_saving_replaces_what_is_there_and_leaves_it_when_it_fails(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    target = tmp_path / "a.png"
    target.write_bytes(b"old")

    def full(self: Image.Image, file: io.BufferedWriter, **settings: Any) -> None:
        file.write(b"half")
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(Image.Image, "save", full)
        with pytest.raises(StyleSwapError, match="No space left on device"):
            save_picture(quarters(), target)
    assert target.read_bytes() == b"old" and names(tmp_path) == ["a.png"]
    save_picture(quarters(), target)
    assert open_picture(target).tobytes() == quarters().tobytes()


@pytest.mark.skipif(not hasattr(os, "umask"), reason="needs POSIX permissions")
def test_saved_file_has_ordinary_permissions(tmp_path: Path) -> None:
    old = os.umask(0o022)
    try:
        save_picture(quarters(), tmp_path / "a.png")
    finally:
        os.umask(old)
    assert (tmp_path / "a.png").stat().st_mode & 0o777 == 0o644


def test_places_where_nothing_can_be_saved(tmp_path: Path) -> None:
    (tmp_path / "folder.png").mkdir()
    (tmp_path / "file").write_text("x")
    for path, words in [
        (tmp_path / "a.gif", "ends in .png"),
        (tmp_path / "a", "ends in .png"),
        (tmp_path, "ends in .png"),
        (tmp_path / "folder.png", "is a folder"),
        (tmp_path / "nowhere" / "a.png", "make the folder first"),
        (tmp_path / "file" / "a.png", "make the folder first"),
        (tmp_path / ("x" * 300 + ".png"), "too long"),
        (tmp_path / "null\0byte.png", "null"),
    ]:
        with pytest.raises(StyleSwapError, match=words) as caught:
            save_picture(quarters(), path)
        assert str(caught.value).endswith(".") and "\n" not in str(caught.value)
    assert names(tmp_path) == ["file", "folder.png"]


def test_what_a_folder_holds(tmp_path: Path) -> None:
    for name in ("b.JPG", "a.png", "c.heic", "words.txt", ".hidden", "d.jpg.part"):
        (tmp_path / name).write_bytes(b"x")
    for name in ("._a.png", ".trash/f.png", "deeper/e.png", "deeper/.g/h.png", "z.png/i.png"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(b"x")
    (tmp_path / "deeper" / "again").symlink_to(tmp_path)
    assert [file.name for file in media.pictures_in(tmp_path)] == ["a.png", "b.JPG", "c.heic"]
    deep = [file.relative_to(tmp_path).as_posix() for file in media.pictures_in(tmp_path / "**")]
    assert deep == ["a.png", "b.JPG", "c.heic", "deeper/e.png", "z.png/i.png"]
    assert [file.name for file in media.pictures_in(tmp_path / ".trash")] == ["f.png"]
    for folder in ("nowhere", "nowhere/**", "a.png"):
        assert media.pictures_in(tmp_path / folder) == []
    named = {name: media.target_name(Path(name)) for name in ("a.png", "b.JPG", "c.heic", "c.bmp")}
    assert list(named.values()) == ["a.png", "b.JPG", "c.heic.png", "c.bmp.png"]


def test_making_a_folder(tmp_path: Path) -> None:
    for _ in range(2):
        media.make_folder(tmp_path / "a" / "b")
        assert (tmp_path / "a" / "b").is_dir()
    (tmp_path / "file").write_text("x")
    for bad in (tmp_path / "file", tmp_path / "file" / "below"):
        with pytest.raises(StyleSwapError, match="Cannot save as"):
            media.make_folder(bad)


def test_a_picture_wider_than_webp_allows(tmp_path: Path) -> None:
    with pytest.raises(StyleSwapError, match="16383"):
        save_picture(Image.new("RGB", (16400, 16)), tmp_path / "a.webp")
    assert names(tmp_path) == []


# --- frames of a camera -------------------------------------------------------------------------


def frame_refusal(data: bytes) -> str:
    with pytest.raises(StyleSwapError) as caught:
        media.open_frame(data)
    sentence = str(caught.value)
    assert sentence.startswith("The frame is ") and sentence.endswith(".") and "\n" not in sentence
    return sentence


def photo(width: int, height: int) -> Image.Image:
    """Smooth, so that no format changes it much."""
    y, x = np.mgrid[:height, :width]
    pixels = np.stack([x * 255 // width, y * 255 // height, 255 - x * 255 // width], axis=-1)
    return Image.fromarray(pixels.astype(np.uint8))


def away(pixels: Any, picture: Image.Image) -> float:
    """How far a frame is from a picture at its worst, of 255."""
    assert pixels.dtype == np.uint8 and pixels.shape == (picture.height, picture.width, 3)
    return float(np.abs(pixels.astype(int) - np.asarray(picture)).max())


@pytest.mark.parametrize(
    "size", [(48, 32), (47, 33), (16, 16), (17, 300), (1280, 720), (719, 1280)]
)
@pytest.mark.parametrize("kind", ["JPEG", "WEBP", "lossless"])
def test_frames_come_as_jpeg_or_webp(kind: str, size: tuple[int, int]) -> None:
    picture = photo(*size)
    if kind == "lossless":
        assert away(media.open_frame(encode(picture, "WEBP", lossless=True)), picture) == 0
    else:
        assert away(media.open_frame(encode(picture, kind, quality=95)), picture) < 24


@pytest.mark.parametrize("mode", ["L", "CMYK"])
def test_frames_of_other_colours_become_rgb(mode: str) -> None:
    data = encode(photo(48, 32).convert(mode), "JPEG", quality=95)
    want = photo(48, 32).convert(mode).convert("RGB")
    assert away(media.open_frame(data), want) < 24
    turned = encode(quarters(), "JPEG", progressive=True, quality=95)
    assert near(Image.fromarray(media.open_frame(turned)), (44, 4), (0, 255, 0), 12)


def test_frames_are_not_turned() -> None:
    exif = Image.Exif()
    exif[ORIENTATION] = 6
    data = encode(quarters(), "JPEG", exif=exif)
    assert open_picture(data).size == (32, 48)
    frame = Image.fromarray(media.open_frame(data))
    assert frame.size == (48, 32) and near(frame, (4, 4), (255, 0, 0), 12)


@pytest.mark.parametrize("kind", sorted(FILES))
def test_frames_come_as_nothing_else(kind: str) -> None:
    if kind.endswith(("JPEG", "WebP")):
        assert media.open_frame(FILES[kind]).shape == (32, 48, 3)
    else:
        assert "no JPEG or WebP" in frame_refusal(FILES[kind])


def test_frames_that_are_none() -> None:
    for data in (b"", b"\0", b"only words", b"\xff\xd8\xff", b"RIFF\0\0\0\0WEBP", bytes(10_000)):
        assert "no JPEG or WebP" in frame_refusal(data)


def test_sides_of_a_frame() -> None:
    for size in ((1281, 720), (720, 1281), (15, 48), (48, 15), (1, 1)):
        for kind in ("JPEG", "WEBP"):
            sentence = frame_refusal(encode(photo(*size), kind))
            assert f"{size[0]} x {size[1]} pixels" in sentence and "16 to 1280" in sentence
    for size in ((1280, 1280), (1280, 16), (16, 1280)):
        assert media.open_frame(encode(photo(*size), "JPEG")).shape == (*size[::-1], 3)


@pytest.mark.parametrize("kind", ["JPEG", "WebP"])
def test_a_frame_whose_header_is_too_large_is_not_decoded(
    kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    decoded: list[object] = []
    monkeypatch.setattr(ImageFile.ImageFile, "load", lambda self: decoded.append(self))
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", None)  # as many a library sets it
    frame_refusal(large(kind))
    assert not decoded
    frame_refusal(FILES["JPEG"].replace(struct.pack(">HH", 32, 48), struct.pack(">HH", 9, 1281), 1))
    assert not decoded


def test_a_frame_of_very_many_passes() -> None:
    data = encode(quarters(), "JPEG", progressive=True)
    last = data[data.rindex(b"\xff\xda") : -2]
    assert media.open_frame(data[:-2] + last * 50 + b"\xff\xd9").shape == (32, 48, 3)
    assert "ordinary JPEG" in frame_refusal(data[:-2] + last * 200 + b"\xff\xd9")


def taken(data: bytes) -> Any:
    """The frame, or None for one sentence; anything else escapes and fails the test."""
    try:
        frame = media.open_frame(data)
    except StyleSwapError as refused:
        assert str(refused).startswith("The frame is ") and "\n" not in str(refused)
        return None
    assert frame.dtype == np.uint8 and frame.ndim == 3 and frame.shape[2] == 3
    assert min(frame.shape[:2]) >= media.MIN_SIDE and max(frame.shape[:2]) <= media.LONGEST_FRAME
    return frame


@pytest.mark.parametrize("kind", ["JPEG", "progressive JPEG", "WebP", "lossless WebP"])
def test_random_bytes_cuts_and_damage_of_a_frame(kind: str) -> None:
    dice, whole = np.random.default_rng(0), FILES[kind]
    for head in (0, 3, 12, 24):
        for _ in range(40):
            taken(whole[:head] + dice.bytes(int(dice.integers(300))))
    for _ in range(150):
        frame = taken(whole[: dice.integers(len(whole))])
        assert frame is None or (frame == media.open_frame(whole)).all()
    for _ in range(150):
        data = bytearray(whole)
        for _ in range(dice.integers(1, 7)):
            data[dice.integers(len(data))] = dice.integers(256)
        taken(bytes(data))


@pytest.mark.parametrize("size", [(64, 48), (63, 47), (1280, 720), (16, 17)])
def test_a_frame_s_file_is_a_plain_jpeg(size: tuple[int, int]) -> None:
    picture = photo(*size)
    pixels = np.asarray(picture).copy()
    data = media.frame_file(pixels)
    assert (pixels == np.asarray(picture)).all()
    with Image.open(io.BytesIO(data)) as stored:
        assert (stored.format, stored.mode, stored.size) == ("JPEG", "RGB", size)
        assert not dict(stored.getexif()) and "progressive" not in stored.info
    assert away(media.open_frame(data), picture) < 40
    assert abs(media.open_frame(data).astype(int) - np.asarray(picture)).mean() < 5
    assert media.frame_file(pixels[:, ::-1]) != data  # whatever way it lies in memory
    assert away(media.open_frame(media.frame_file(pixels[:, ::-1])), mirrored(picture)) < 40


def mirrored(picture: Image.Image) -> Image.Image:
    return picture.transpose(Image.Transpose.FLIP_LEFT_RIGHT)


def test_a_frame_s_file_of_a_hard_picture_is_one_that_a_frame_may_have() -> None:
    noise = np.random.default_rng(1).integers(0, 256, (720, 1280, 3)).astype(np.uint8)
    data = media.frame_file(noise)
    assert len(data) < 2 * 2**20 and media.open_frame(data).shape == noise.shape
