"""Bytes, path or PIL picture -> one clean RGB picture, and back to a file.

Everything that a stranger's file can get wrong is settled here, so that the rest of the package
only ever sees upright 8-bit sRGB without alpha. Nothing here imports torch, and none of Pillow's
global limits is changed or relied upon: the package may be a guest in somebody else's process.
"""

from __future__ import annotations

import contextlib
import io
import json
import math
import os
import re
import secrets
import stat
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray
from PIL import ExifTags, Image, ImageCms, UnidentifiedImageError
from PIL.PngImagePlugin import PngInfo

from styleswap import mend
from styleswap.errors import StyleSwapError

Pixels = NDArray[np.uint8]  # of a frame, (H, W, 3), RGB

# The largest file that is read: 64 MiB.
MAX_BYTES = 64 * 2**20

# The largest picture that is decoded; telephones make 50 megapixels.
MAX_PIXELS = 64_000_000

# The longest side of a frame that a camera sends, in pixels.
LONGEST_FRAME = 1280

# The shortest side, in pixels, on which a network still has something to see.
MIN_SIDE = 16

# The most passes of a progressive JPEG: 10 are usual, and each goes over every pixel anew, so that
# a small file of very many would keep a processor busy for hours.
MAX_SCANS = 100

# Pillow's names of what is read, by content and never by extension: raster formats that start no
# outside program.
FORMATS = ("JPEG", "PNG", "WEBP", "GIF", "BMP", "TIFF", "AVIF", "HEIF")

# The name of the text in a PNG that says how it was made.
ABOUT = "styleswap"

# Extension -> Pillow's format and its settings; 4:4:4 because chroma at half size smears paint.
_WRITERS: dict[str, tuple[str, dict[str, int]]] = {
    ".png": ("PNG", {}),
    ".jpg": ("JPEG", {"quality": 95, "subsampling": 0}),
    ".jpeg": ("JPEG", {"quality": 95, "subsampling": 0}),
    ".webp": ("WEBP", {"quality": 95}),
}

# The extensions of pictures that browsers do not show.
UNSHOWN = (".tif", ".tiff", ".heic", ".heif")

# What a picture in a folder is known by before it is opened.
_SUFFIXES = {*_WRITERS, ".avif", ".bmp", ".gif", *UNSHOWN}

# Often sent in good faith: worth a sentence that names them.
_STRANGERS = (
    (re.compile(rb"%PDF-"), "a PDF"),
    (re.compile(rb"<svg", re.IGNORECASE), "an SVG drawing"),
)

# The head of a JPEG's scan with its length and number of channels, which must agree: five bytes, so
# that the video which a telephone may put behind the picture does not have them by chance.
_SCAN = re.compile(rb"\xff\xda\x00(?:\x08\x01|\x0a\x02|\x0c\x03|\x0e\x04)")

# How to undo each EXIF orientation but the first, which is upright.
_TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}

# What HEIC and HEIF files begin with, after four bytes, and the sizes of what is in them.
_HEIF = re.compile(rb"ftyp(?:hei[cxms]|hev[cxms]|mif1|msf1)")
_HEIF_SIZE = re.compile(rb"ispe\0{4}(.{4})(.{4})", re.DOTALL)


def _open_heif(file: BinaryIO, name: str | bytes) -> Image.Image:
    """`Image.open` of a HEIF, of which all is decoded however little its header says is shown.

    Raises:
        Image.DecompressionBombError: something in it has more than `MAX_PIXELS`.
    """
    from pillow_heif import HeifImageFile  # here: few pictures need it, and it takes 0.1 s

    sizes = [
        [int.from_bytes(side, "big") for side in size] for size in _HEIF_SIZE.findall(file.read())
    ]
    if any(math.prod(size) > MAX_PIXELS for size in sizes):
        raise Image.DecompressionBombError("more than is safe to decode")
    picture: Image.Image = HeifImageFile(file, name)
    return picture


# Pillow itself reads AVIF alone of that family.
Image.register_open("HEIF", _open_heif, lambda head: bool(_HEIF.match(head, 4)))  # type: ignore[arg-type]


def open_picture(source: str | os.PathLike[str] | bytes, what: str = "picture") -> Image.Image:
    """Read a picture that came from anywhere.

    Args:
        source: a path, or the bytes of a file. The content decides what it is; an animation gives
            its first frame.
        what: how the error sentence calls it, such as "content" or "style picture".

    Returns:
        What `clean` returns.

    Raises:
        StyleSwapError: nothing to read, not a picture, damaged or cut short, above `MAX_BYTES` or
            `MAX_PIXELS` (known from the header, before anything is decoded), below `MIN_SIDE`.
    """
    data = source if isinstance(source, bytes) else _read(source, what)
    if not data:
        raise StyleSwapError(f"The {what} is an empty file; send it again.")
    if len(data) > MAX_BYTES:
        raise StyleSwapError(
            f"The {what} is larger than {MAX_BYTES // 2**20} MB; save it smaller and send that."
        )
    try:
        picture = opened(data)
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as fault:
        raise _too_many_pixels(what) from fault
    except MemoryError as fault:
        raise _out_of_memory(what) from fault
    except Exception as fault:  # on hostile bytes Pillow's readers raise almost anything
        raise _unreadable(data, what) from fault
    with picture:
        if picture.format in ("JPEG", "MPO") and len(_SCAN.findall(data)) > MAX_SCANS:
            raise StyleSwapError(
                f"The {what} is a JPEG of more than {MAX_SCANS} passes, which takes too long to"
                " decode; save it as an ordinary JPEG and send that."
            )
        if picture.format in ("JPEG", "MPO") and mend.lacks_end(data):
            return _unended(data, what)
        return clean(picture, what)


def open_frame(data: bytes) -> Pixels:
    """Read a frame of a camera as browsers encode it, as JPEG or WebP.

    Returns:
        (H, W, 3).

    Raises:
        StyleSwapError: anything else, damaged or cut short, or with a side that is not from
            `MIN_SIDE` to `LONGEST_FRAME` (known from the header, before anything is decoded).
    """
    try:
        with Image.open(io.BytesIO(data), formats=("JPEG", "WEBP")) as picture:
            fits = min(picture.size) >= MIN_SIDE and max(picture.size) <= LONGEST_FRAME
            if fits and len(_SCAN.findall(data)) <= MAX_SCANS:
                return np.asarray(picture.convert("RGB"))
            width, height = picture.size
    except Exception as fault:  # on hostile bytes Pillow's readers raise almost anything
        raise StyleSwapError("The frame is no JPEG or WebP that can be read.") from fault
    raise StyleSwapError(
        f"The frame is {width} x {height} pixels; {MIN_SIDE} to {LONGEST_FRAME} a side are taken,"
        " as an ordinary JPEG or WebP."
    )


def frame_file(pixels: Pixels, quality: int = 85) -> bytes:
    """A frame (H, W, 3) as a JPEG, for a browser that shows it for a moment."""
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "JPEG", quality=quality)
    return buffer.getvalue()


def clean(picture: Image.Image, what: str = "picture") -> Image.Image:
    """Bring a PIL picture to upright 8-bit sRGB; the given picture is not changed.

    Alpha is laid over white. A colour profile, or without one a PNG's gamma, is converted to sRGB,
    and ignored where it is broken or belongs to another kind of picture. 16-bit grey is scaled, not
    clipped; 32-bit integers within 0..65535 count as 16-bit and floats within [0,1] as they stand,
    while any other range is stretched from its darkest to its lightest value.

    Args:
        picture: any mode, loaded or not; of an animation the current frame.
        what: how the error sentence calls it.

    Returns:
        A new picture of mode RGB that carries no metadata.

    Raises:
        StyleSwapError: above `MAX_PIXELS`, a side below `MIN_SIDE`, or data that do not decode.
    """
    width, height = picture.size
    tags = getattr(picture, "tag_v2", {})  # a TIFF's tile is unpacked whole, however large
    tile = [tags.get(tag) for tag in (ExifTags.Base.TileWidth, ExifTags.Base.TileLength)]
    if max(width * height, math.prod(n for n in tile if isinstance(n, int))) > MAX_PIXELS:
        raise _too_many_pixels(what)
    if min(width, height) < MIN_SIDE:
        raise StyleSwapError(
            f"The {what} is only {width} x {height} pixels; send one with at least {MIN_SIDE} on"
            " each side."
        )
    try:
        return _normal(picture)
    except MemoryError as fault:
        raise _out_of_memory(what) from fault
    except Exception as fault:  # on hostile bytes Pillow's decoders raise almost anything
        raise _cut_short(what) from fault


def fit(picture: Image.Image, size: int) -> Image.Image:
    """Resize a clean picture so that its longer side is `size` pixels, shrinking or enlarging.

    Lanczos on the sRGB values as they are, as in the field's papers, and not in linear light.

    Returns:
        A new picture of the same mode and, up to rounding, of the same aspect ratio.

    Raises:
        StyleSwapError: the shorter side would fall below `MIN_SIDE`.
    """
    longer, shorter = max(picture.size), min(picture.size)
    if round(shorter * size / longer) < MIN_SIDE:
        needed = -(-MIN_SIDE * longer // shorter)
        raise StyleSwapError(
            f"At size {size} a picture of {picture.width} x {picture.height} would be less than"
            f" {MIN_SIDE} pixels on its shorter side; choose a size of at least {needed} or crop"
            " the picture."
        )
    width, height = (round(side * size / longer) for side in picture.size)
    return picture.resize((width, height), Image.Resampling.LANCZOS)


def save_picture(
    picture: Image.Image, path: str | os.PathLike[str], about: Mapping[str, Any] | None = None
) -> None:
    """Write a picture as PNG, JPEG or WebP, as the extension says.

    The file appears whole or not at all: it is written under another name in the same folder and
    then moved into place, over a file that is there already. It carries pixels in sRGB and no
    metadata of any input.

    Args:
        about: how it was made; a PNG carries it, as JSON, in a text of the name `ABOUT`.

    Raises:
        StyleSwapError: an extension that is not one of these, a folder that is missing or may not
            be written to, a path that is a folder, a full disk.
    """
    target = check_target(path)
    format, settings = _WRITERS[target.suffix.lower()]
    plain = _normal(picture)
    extra: dict[str, Any] = {}
    if about is not None and format == "PNG":
        extra["pnginfo"] = PngInfo()
        extra["pnginfo"].add_itxt(ABOUT, json.dumps(about, ensure_ascii=False))
    with whole(target) as part, open(part, "xb") as file:
        plain.save(file, format=format, **settings, **extra)


@contextlib.contextmanager
def whole(target: Path) -> Iterator[Path]:
    """Another name in the folder of `target`, for a file that is moved there once it is written;
    on a fault nothing is left of it.

    Raises:
        StyleSwapError: whatever the system says of writing, as a sentence.
    """
    # Not tempfile's: its files are closed to everyone but the owner, and stay so once moved.
    part = target.with_name(f".{secrets.token_hex(8)}.part")
    with write_sentences(target):
        try:
            yield part
            os.replace(part, target)
        finally:
            part.unlink(missing_ok=True)


def pictures_in(folder: Path) -> list[Path]:
    """The files of a folder whose names say that they are pictures, sorted.

    Hidden ones are passed over: beside pictures on other disks macOS leaves files with their names,
    such as ``._IMG_0001.jpg``, that are none.

    Args:
        folder: as ``photos``; as ``photos/**`` those in its folders count too, but hidden ones.
    """
    deep = folder.name == "**"
    found = []
    for place, below, names in os.walk(folder.parent if deep else folder):
        below[:] = [name for name in below if deep and not name.startswith(".")]
        files = (Path(place, name) for name in names if not name.startswith("."))
        found += [file for file in files if file.suffix.lower() in _SUFFIXES]
    return sorted(found)


def target_name(file: Path) -> str:
    """The name under which what is made of `file` is saved: its own, where we write such files."""
    return file.name if file.suffix.lower() in _WRITERS else f"{file.name}.png"


def make_folder(path: Path) -> None:
    """Make a folder to save pictures in, unless it is there.

    Raises:
        StyleSwapError: it cannot be made, or not be written to.
    """
    with write_sentences(path):
        path.mkdir(parents=True, exist_ok=True)
        if not os.access(path, os.W_OK):
            raise PermissionError


def check_target(path: str | os.PathLike[str], suffixes: Collection[str] = _WRITERS.keys()) -> Path:
    """Refuse what could not be written, before minutes are spent on it.

    Args:
        suffixes: what the name may end in; `save_picture` knows the default ones.

    Raises:
        StyleSwapError: as `save_picture`, but for a full disk.
    """
    target = Path(path)
    name = repr(os.fspath(path))
    if target.suffix.lower() not in suffixes:
        raise StyleSwapError(
            f"Cannot save as {name}; give a name that ends in {', '.join(suffixes)}."
        )
    with write_sentences(path):
        if target.is_dir():
            raise StyleSwapError(f"Cannot save as {name}, which is a folder; give a file's name.")
        if not stat.S_ISDIR(os.stat(target.parent).st_mode):
            raise NotADirectoryError
        if not os.access(target.parent, os.W_OK):
            raise PermissionError
    return target


@contextlib.contextmanager
def write_sentences(path: str | os.PathLike[str]) -> Iterator[None]:
    """Turn what the system says of writing to `path` into a sentence."""
    name = repr(os.fspath(path))
    try:
        yield
    except (FileNotFoundError, NotADirectoryError) as fault:
        raise StyleSwapError(
            f"Cannot save as {name}, for its folder does not exist; make the folder first."
        ) from fault
    except PermissionError as fault:
        raise StyleSwapError(
            f"Cannot save as {name}, for writing there is not allowed; choose another folder."
        ) from fault
    except (OSError, ValueError) as fault:
        reason = (isinstance(fault, OSError) and fault.strerror) or str(fault)
        raise StyleSwapError(
            f"Cannot save as {name} ({reason}); choose another place or name."
        ) from fault


def _read(path: str | os.PathLike[str], what: str) -> bytes:
    """An ordinary file's bytes, or one more than `MAX_BYTES` of them."""
    with read_sentences(path, what):
        if not size_of(path, what):  # true of the kernel's pretended files too, which may block
            return b""
        with open(path, "rb") as opened:
            return opened.read(MAX_BYTES + 1)


def size_of(path: str | os.PathLike[str], what: str, kind: str = "picture") -> int:
    """Bytes of an ordinary file.

    Asked before opening: to open a named pipe is to wait for whoever writes to it.

    Raises:
        StyleSwapError: it is none, or cannot be found.
    """
    name = repr(os.fspath(path))
    with read_sentences(path, what):
        status = os.stat(path)
        if stat.S_ISDIR(status.st_mode):
            raise StyleSwapError(
                f"The {what} must be a {kind}, but {name} is a folder; choose a file."
            )
        if not stat.S_ISREG(status.st_mode):
            raise StyleSwapError(
                f"The {what} must be a {kind}, but {name} is not an ordinary file; choose one."
            )
        return status.st_size


@contextlib.contextmanager
def read_sentences(path: str | os.PathLike[str], what: str) -> Iterator[None]:
    """Turn what the system says of reading `path` into a sentence."""
    name = repr(os.fspath(path))
    try:
        yield
    except (FileNotFoundError, NotADirectoryError) as fault:
        raise StyleSwapError(
            f"The {what} was not found, for there is no file {name}; check its name."
        ) from fault
    except PermissionError as fault:
        raise StyleSwapError(
            f"The {what} {name} may not be read; allow reading it or choose another file."
        ) from fault
    except (OSError, ValueError) as fault:
        reason = (isinstance(fault, OSError) and fault.strerror) or str(fault)
        raise StyleSwapError(
            f"The {what} {name} could not be read ({reason}); choose another file."
        ) from fault


def opened(data: bytes) -> Image.Image:
    """A picture as Pillow has it, not decoded yet unless Pillow has no mode for it.

    Raises:
        Exception: almost anything, of what is no picture; `open_picture` says it in a sentence.
    """
    if data.startswith(mend.PNG):
        return mend.open_png(data)
    try:
        return Image.open(io.BytesIO(data), formats=_formats())
    except UnidentifiedImageError:
        if data[:2] not in (b"II", b"MM"):
            raise
        return mend.open_deep_tiff(data)


def _unended(data: bytes, what: str) -> Image.Image:
    """`clean` of a JPEG of which only the end is missing.

    Raises:
        StyleSwapError: some of its pixels are, too.
    """
    found = []
    # A decoder makes up what is missing before the end: something else of each of these.
    for more in (b"", b"\xaa" * 64):
        ended = data.removesuffix(b"\xff") + more + mend.END
        with Image.open(io.BytesIO(ended), formats=["JPEG"]) as picture:
            found.append(clean(picture, what))
    if found[0].tobytes() != found[1].tobytes():
        raise _cut_short(what)
    return found[0]


def _formats() -> list[str]:
    """Those of `FORMATS` that this Pillow knows of."""
    Image.init()
    return [name for name in FORMATS if name in Image.OPEN]


def _unreadable(data: bytes, what: str) -> StyleSwapError:
    """The sentence for bytes in which Pillow finds no picture."""
    for sign, kind in _STRANGERS:
        if sign.search(data[:1024]):
            return StyleSwapError(
                f"The {what} is {kind}, which cannot be read here; export it as PNG or JPEG."
            )
    accepts = [Image.OPEN[name][1] for name in _formats()]
    # A reader answers with a text where it knows the format but was built without its library.
    if any(accept is not None and accept(data[:16]) is True for accept in accepts):
        return StyleSwapError(
            f"The {what} is damaged, cut short or of an uncommon kind; send it again, or save it"
            " as PNG or JPEG first."
        )
    return StyleSwapError(
        f"The {what} is not a picture that can be read here; send a JPEG, PNG, WebP, GIF, BMP,"
        " TIFF, AVIF or HEIC."
    )


def _cut_short(what: str) -> StyleSwapError:
    return StyleSwapError(f"The {what} is damaged or cut short; send it again, whole.")


def _too_many_pixels(what: str) -> StyleSwapError:
    return StyleSwapError(
        f"The {what} has more pixels than are safe to open; shrink it to at most"
        f" {MAX_PIXELS // 10**6} megapixels and send that."
    )


def _out_of_memory(what: str) -> StyleSwapError:
    return StyleSwapError(
        f"The {what} needs more memory than this computer has free; shrink it and send that."
    )


def _normal(picture: Image.Image) -> Image.Image:
    """`clean` without its checks; faults in the data come up as whatever Pillow raises."""
    picture.load()
    turn = _turn(picture)
    if picture.mode in ("I", "F") or picture.mode.startswith("I;16"):
        picture = _eight_bits(picture)
    alpha = None
    if picture.has_transparency_data:
        grey = picture.mode in ("1", "L", "LA", "La")
        picture = picture.convert("LA" if grey else "RGBA")
        alpha = picture.getchannel("A")
        picture = picture.convert("L" if grey else "RGB")
    picture = _srgb(picture)
    if alpha is not None:
        white = Image.new("RGB", picture.size, "white")
        white.paste(picture, mask=alpha)
        picture = white
    if turn is not None:
        picture = picture.transpose(turn)
    picture.info = {}  # of a new picture: `_srgb` never hands back what it was given
    return picture


def _turn(picture: Image.Image) -> Image.Transpose | None:
    """What brings a loaded picture upright; broken EXIF counts as none."""
    try:
        return _TURNS.get(picture.getexif().get(ExifTags.Base.Orientation, 1))
    except Exception:  # Pillow's EXIF reader raises almost anything; the pixels are still good
        return None


def _eight_bits(picture: Image.Image) -> Image.Image:
    """Deep grey (modes I;16*, I and F) as mode L, or LA where one grey is transparent; Pillow's own
    conversion clips at 255."""
    tags: Mapping[int, Any] = getattr(picture, "tag_v2", {})  # TIFF only
    values = np.asarray(picture)  # (H,W)
    alpha = None
    if picture.mode.startswith("I;16"):
        values = values.astype(np.uint16)  # in this machine's order of bytes
        key = picture.info.get("transparency")
        if key is not None:
            alpha = Image.fromarray(np.where(values == key, 0, 255).astype(np.uint8))
        if tags.get(ExifTags.Base.BitsPerSample) == (12,):  # Pillow leaves these in the lower bits
            values = values << 4
        table = _gamma_table(picture, 65536)
        grey = mend.eight_bits(values) if table is None else table[values]
    else:
        grey = mend.eight_bits(values)
    # "White is zero": Pillow turns only 8 bits and fewer the right way.
    if tags.get(ExifTags.Base.PhotometricInterpretation) == 0:
        grey = 255 - grey
    shallow = Image.fromarray(grey)
    if alpha is not None:
        shallow = Image.merge("LA", (shallow, alpha))
    if "icc_profile" in picture.info:
        shallow.info["icc_profile"] = picture.info["icc_profile"]
    return shallow


def _srgb(picture: Image.Image) -> Image.Image:
    """A new picture in RGB of one without alpha, through its profile where that fits its mode."""
    icc = picture.info.get("icc_profile")
    if icc:
        try:
            profile = ImageCms.ImageCmsProfile(io.BytesIO(icc))
            space = profile.profile.xcolor_space.strip()
            if space == "RGB" and picture.mode not in ("CMYK", "LAB"):
                picture = picture.convert("RGB")  # grey and palette pictures carry these too
            if picture.mode == {"RGB": "RGB", "GRAY": "L", "CMYK": "CMYK"}.get(space):
                srgb = ImageCms.createProfile("sRGB")
                converted = ImageCms.profileToProfile(picture, profile, srgb, outputMode="RGB")
                if converted is not None:  # it is None only where the input itself is changed
                    return converted
        except (ImageCms.PyCMSError, OSError, TypeError, ValueError):
            pass  # a broken profile: better the plain colours than no picture
    table = _gamma_table(picture, 256)
    picture = picture.convert("RGB")
    return picture if table is None else picture.point(table.tolist() * 3)


def _gamma_table(picture: Image.Image, levels: int) -> NDArray[np.uint8] | None:
    """What becomes in sRGB of each value of a picture that says the gamma of its own; None where
    it says none, or that they are sRGB already."""
    told = picture.info
    if told.get("icc_profile") or "srgb" in told or "gamma" not in told:
        return None
    return mend.to_srgb(told["gamma"], levels)
