"""Weights: where they are, whether they are whole, and how they get here.

Our own networks stand in ``pretrained/MANIFEST.toml``, one table each, and lie beside it or, where
the table names a `repo` and a `revision`, on the Hugging Face Hub. VGG-19 is not ours: of
torchvision's weights only the convolutions up to conv5_1 are fetched, 52 of 575 MB, on the first
use and never on import. Only safetensors is read, and every file's SHA-256 is checked on each load.
torch is imported where tensors are made: a page that lists the styles shall not wait for it.
"""

from __future__ import annotations

import hashlib
import json
import math
import os
import re
import time
import tomllib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import tomlkit
from filelock import FileLock
from huggingface_hub import (
    constants,
    get_hf_file_metadata,
    get_session,
    hf_hub_download,
    hf_hub_url,
    hf_raise_for_status,
    try_to_load_from_cache,
)

# huggingface_hub 1.x speaks through httpx and 2.x through httpx2: HTTPError is the base of the
# faults of whichever it is.
from huggingface_hub.errors import (  # type: ignore[attr-defined]
    HfHubHTTPError,
    HTTPError,
    LocalEntryNotFoundError,
    OfflineModeIsEnabled,
)
from huggingface_hub.utils import build_hf_headers  # type: ignore[attr-defined]
from safetensors import SafetensorError
from tomlkit.items import Comment, Table, Whitespace
from tqdm import tqdm

from styleswap.errors import StyleSwapError
from styleswap.specs import nearest

if TYPE_CHECKING:
    from torch import Tensor

PRETRAINED = Path(__file__).resolve().parent.parent / "pretrained"
MANIFEST = "MANIFEST.toml"
# What the weights in it are called, and a trained style is asked for by.
NAME = r"[A-Za-z0-9_-]+"

VGG19_REPO = "timm/vgg19.tv_in1k"
VGG19_FILE = "model.safetensors"
# "Add model", the commit that brought the file; a commit never changes, unlike "main".
VGG19_REVISION = "128d4708565b3a414bcbb9bbad440b2fe37b9f18"

# VGG-19's convolutions up to conv5_1: torchvision's number of each, and its output channels.
VGG19_CONVS = {
    **{"conv1_1": (0, 64), "conv1_2": (2, 64)},
    **{"conv2_1": (5, 128), "conv2_2": (7, 128)},
    **{"conv3_1": (10, 256), "conv3_2": (12, 256), "conv3_3": (14, 256), "conv3_4": (16, 256)},
    **{"conv4_1": (19, 512), "conv4_2": (21, 512), "conv4_3": (23, 512), "conv4_4": (25, 512)},
    "conv5_1": (28, 512),
}


def _vgg19_shapes() -> dict[str, tuple[int, ...]]:
    shapes: dict[str, tuple[int, ...]] = {}
    channels = 3
    for number, width in VGG19_CONVS.values():
        shapes[f"features.{number}.weight"] = (width, channels, 3, 3)
        shapes[f"features.{number}.bias"] = (width,)
        channels = width
    return shapes


VGG19_SHAPES = _vgg19_shapes()

TIMEOUT = 10.0  # seconds without a sign of life from the Hub
TRIES = 3  # requests in a row that bring no byte before a download is given up
PAUSE = 0.5  # seconds before the second of those, doubled for each further one
MAX_HEADER = 1_000_000  # bytes; VGG-19's own header has some 4,000

Progress = Callable[[int, int], None]

_OFFLINE = (
    "VGG-19's weights are not on this machine and the Hub cannot be reached; connect once and try"
    " again, or choose the network 'small'."
)
_NO_RANGES = (
    "The Hub's server sent something else than the part of VGG-19's weights that was asked for; try"
    " again without a proxy or a mirror, or choose the network 'small'."
)


@dataclass(frozen=True)
class Entry:
    """One weights file as the manifest describes it.

    Attributes:
        name: the table's name, by which `load` finds it.
        file: file name in the manifest's folder or in the Hub's repository.
        kind: what it is for: ``perceptual``, ``style``, ...
        title: what a person sees.
        sha256: 64 hexadecimal digits over the whole file.
        about: every other key of the table; `repo` and `revision` say where on the Hub it lies.
    """

    name: str
    file: str
    kind: str
    title: str
    sha256: str
    about: dict[str, Any]


def sha256_of(path: Path) -> str:
    """SHA-256 of a file, as 64 hexadecimal digits."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def manifest(folder: Path = PRETRAINED) -> dict[str, Entry]:
    """Every weights file that `folder`'s manifest lists, in its order.

    Raises:
        StyleSwapError: the manifest is missing, is not TOML, or a table lacks what `Entry` needs.
    """
    path = folder / MANIFEST
    try:
        tables = tomllib.loads(path.read_text("utf-8"))
    except FileNotFoundError:
        raise StyleSwapError(
            f"{path} is missing; get the whole of StyleSwap again, its folder pretrained included."
        ) from None
    except (OSError, ValueError) as error:
        raise StyleSwapError(
            f"{path} cannot be read ({error}); put it right or get it again."
        ) from None
    return {name: _entry(name, table) for name, table in tables.items()}


def _entry(name: str, table: Any) -> Entry:
    """Check one table of the manifest."""
    about = dict(table) if isinstance(table, Mapping) else {}
    texts = {key: about.pop(key, None) for key in ("file", "kind", "title", "sha256")}
    on_hub = "repo" in about or "revision" in about
    faults = {
        "a name of letters, digits, - and _": not re.fullmatch(NAME, name),
        "the keys file, kind, title and sha256": not all(
            isinstance(text, str) and text for text in texts.values()
        ),
        # A bare name, so that no manifest can reach outside its folder.
        "a file name that ends in .safetensors": not re.fullmatch(
            r"[\w-][\w.-]*\.safetensors", str(texts["file"])
        ),
        "a sha256 of 64 hexadecimal digits": not re.fullmatch(
            r"[0-9a-f]{64}", str(texts["sha256"])
        ),
        "a repo and a revision of 40 hexadecimal digits": on_hub
        and not (
            isinstance(about.get("repo"), str)
            and re.fullmatch(r"[0-9a-f]{40}", str(about.get("revision")))
        ),
    }
    for need, fault in faults.items():
        if fault:
            raise StyleSwapError(f"The weights {name!r} in {MANIFEST} need {need}; add that.")
    return Entry(name=name, about=about, **texts)


def write_entry(name: str, fields: Mapping[str, Any], folder: Path = PRETRAINED) -> Entry:
    """Put the table `name` into the manifest, in place of one of that name.

    Every other table and comment stays as it is, and a reader sees the old manifest or the new one.

    Args:
        fields: the table's keys; without `sha256`, it is taken from the file in `folder`.

    Raises:
        StyleSwapError: `fields` lacks what `Entry` needs, the file is missing, or the manifest
            cannot be read or written.
    """
    fields = dict(fields)
    if "sha256" not in fields:
        try:
            fields["sha256"] = sha256_of(folder / str(fields.get("file")))
        except OSError as error:
            raise StyleSwapError(
                f"The weights {name!r} cannot be listed because their file cannot be read"
                f" ({error}); save them in {folder} first."
            ) from None
    entry = _entry(name, fields)

    path = folder / MANIFEST
    document = tomlkit.document()
    if path.exists():
        manifest(folder)
        document = tomlkit.parse(path.read_text("utf-8"))
    table = tomlkit.table()
    for key, value in fields.items():
        if isinstance(value, Mapping):
            # Inline, so that the table ends where its keys end.
            inline = tomlkit.inline_table()
            inline.update(value)
            value = inline
        table.add(key, value)
    if name in document:
        for item in _tail(document[name]):
            table.add(item)
        table.add(tomlkit.ws(""))  # or tomlkit would put a blank line below the last comment
        document[name] = table
    else:
        if document:
            document.add(tomlkit.nl())
        document.add(name, table)
    try:
        _replace(path, tomlkit.dumps(document).encode())
    except OSError as error:
        raise StyleSwapError(
            f"{path} cannot be written ({error.strerror or error}); it is as it was, so make that"
            " possible and try again."
        ) from None
    return entry


def _tail(table: Any) -> list[Comment | Whitespace]:
    """The comments and blank lines after a table's last key: tomlkit counts what stands above the
    next table as part of this one."""
    body = table.value.body
    while body and isinstance(body[-1][1], Table):
        body = body[-1][1].value.body
    tail: list[Comment | Whitespace] = []
    for key, item in reversed(body):
        if key is not None:
            break
        tail.insert(0, item)
    return tail


def _replace(path: Path, data: bytes) -> None:
    """Write a file so that it is never seen half-written."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        temporary.write_bytes(data)
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def load(name: str, folder: Path = PRETRAINED) -> dict[str, Tensor]:
    """The tensors of the weights that the manifest calls `name`, float16 widened to float32.

    Raises:
        StyleSwapError: no such entry, no such file, not the file that the manifest describes, or
            the Hub cannot be reached for one that lies only there.
    """
    import safetensors.torch
    import torch

    entries = manifest(folder)
    if name not in entries:
        raise StyleSwapError(
            f"There are no weights called {name!r}; choose one of {', '.join(entries) or 'none'}."
        )
    entry = entries[name]
    path = folder / entry.file
    if path.is_file():
        data = path.read_bytes()
        if hashlib.sha256(data).hexdigest() != entry.sha256:
            raise StyleSwapError(
                f"{path} is not the file that {MANIFEST} describes (its SHA-256 differs); get it"
                " again."
            )
    elif "repo" in entry.about:
        data = _from_hub(entry)
    else:
        raise StyleSwapError(f"The weights {path} are missing; get the file again.")
    try:
        tensors = safetensors.torch.load(data)
    except SafetensorError as error:
        raise StyleSwapError(
            f"{entry.file} is not a safetensors file ({error}); get it again."
        ) from None
    return {
        key: tensor.float() if tensor.dtype == torch.float16 else tensor
        for key, tensor in tensors.items()
    }


def styles(folder: Path = PRETRAINED) -> list[Entry]:
    """The trained styles, in the manifest's order.

    Raises:
        StyleSwapError: as `manifest`.
    """
    return [entry for entry in manifest(folder).values() if entry.kind == "style"]


def styles_of(method: str) -> list[Entry]:
    """The trained styles of one method, likewise."""
    return [entry for entry in styles() if entry.about.get("method") == method]


def trained_from(method: str, picture: Path) -> Entry | None:
    """A method's trained style whose style picture was this file, if there is one.

    Raises:
        StyleSwapError: as `manifest`.
    """
    digest = sha256_of(picture)
    found = (entry for entry in styles_of(method) if entry.about.get("style_sha256") == digest)
    return next(found, None)


def describe(entry: Entry) -> dict[str, Any]:
    """A trained style as plain data, for programs."""
    return {
        "id": entry.name,
        "method": entry.about.get("method"),
        "title": entry.title,
        "artist": entry.about.get("artist"),
        "year": entry.about.get("year"),
        "width": entry.about.get("width"),
        "files": [entry.file, *filter(None, [entry.about.get("picture")])],
    }


def find_style(name: str, folder: Path = PRETRAINED) -> Entry:
    """The trained style of that name.

    Raises:
        StyleSwapError: there is none, or as `manifest`.
    """
    found = {entry.name: entry for entry in styles(folder)}
    if name not in found:
        near = near_style(name, folder)
        hint = f". Did you mean {near}?" if near else f"; choose one of {', '.join(found)}."
        raise StyleSwapError(f"There is no trained style called {name!r}{hint if found else '.'}")
    return found[name]


def near_style(name: str, folder: Path = PRETRAINED) -> str | None:
    """The trained style that a wrong name probably means: by its own name or by its title, also as
    that of a file.

    Raises:
        StyleSwapError: as `manifest`.
    """
    known = {entry.name: entry.name for entry in styles(folder)}
    known |= {_plain(entry.title): entry.name for entry in styles(folder)}
    near = nearest(_plain(Path(name).stem), known)
    return known[near] if near else None


def _plain(name: str) -> str:
    """A name as those of the trained styles are written."""
    return "-".join(name.casefold().replace("_", " ").split())


def load_style(name: str, folder: Path = PRETRAINED) -> dict[str, Tensor]:
    """The tensors of a trained style.

    Raises:
        StyleSwapError: as `find_style` and `load`.
    """
    return load(find_style(name, folder).name, folder)


def _from_hub(entry: Entry) -> bytes:
    """The file of an entry that lies on the Hub, from the Hub's cache where that has it whole."""
    repo, revision = entry.about["repo"], entry.about["revision"]

    def whole(path: Any) -> bytes | None:
        data = Path(path).read_bytes() if isinstance(path, str) else b""
        return data if hashlib.sha256(data).hexdigest() == entry.sha256 else None

    cached = try_to_load_from_cache(repo, entry.file, revision=revision)
    data = whole(cached)
    if data is None:
        try:
            # hf_hub_download goes on trying for minutes where there is no network; this does not.
            get_hf_file_metadata(hf_hub_url(repo, entry.file, revision=revision), timeout=TIMEOUT)
            data = whole(
                hf_hub_download(
                    repo, entry.file, revision=revision, force_download=isinstance(cached, str)
                )
            )
        except (HTTPError, OfflineModeIsEnabled, LocalEntryNotFoundError) as error:
            raise StyleSwapError(
                f"The weights {entry.title!r} are not on this machine and {repo} on the Hub"
                f" {_status(error) or 'cannot be reached'}; connect once and try again."
            ) from None
        except OSError as error:
            raise StyleSwapError(
                f"The weights {entry.title!r} cannot be kept in {constants.HF_HUB_CACHE}"
                f" ({error.strerror or error}); make room there, or name another folder in the"
                " environment variable HF_HOME."
            ) from None
        if data is None:
            raise StyleSwapError(
                f"{entry.file} of {repo} on the Hub is not the file that {MANIFEST} describes (its"
                " SHA-256 differs); update StyleSwap."
            )
    return data


def _status(error: Exception) -> str:
    """What the Hub answered, or nothing where it did not answer."""
    if isinstance(error, HfHubHTTPError):
        return f"answers with error {error.response.status_code}"
    return ""


def cache_dir() -> Path:
    """Where downloads are kept: $STYLESWAP_CACHE, or `styleswap` in the Hub client's home.

    That home is ``~/.cache/huggingface`` unless $HF_HOME or $XDG_CACHE_HOME says otherwise, so
    whoever has moved the one to a larger disk has moved the other.
    """
    own = os.environ.get("STYLESWAP_CACHE")
    return Path(own).expanduser() if own else Path(constants.HF_HOME) / "styleswap"


def _vgg19_path() -> Path:
    return cache_dir() / "vgg19-features.safetensors"


def _sidecar(path: Path) -> Path:
    """The file beside a download that `sha256sum --check` understands."""
    return path.with_name(f"{path.name}.sha256")


def has_vgg19() -> bool:
    """Whether VGG-19 has been downloaded before; looks for the files and does not read them."""
    path = _vgg19_path()
    return path.is_file() and _sidecar(path).is_file()


def vgg19_features(progress: Progress | None = None) -> dict[str, Tensor]:
    """VGG-19's convolutions up to conv5_1, trained on ImageNet, by torchvision's names.

    Simonyan & Zisserman, Very Deep Convolutional Networks for Large-Scale Image Recognition, ICLR
    2015. They expect RGB in [0,1], less ImageNet's mean, over its standard deviation. What is not
    in the cache is downloaded; a download that broke off goes on where it stopped.

    Args:
        progress: called with the bytes that are here and the bytes in all; without it, a bar in the
            terminal. An exception that it raises ends the download, which can go on later.

    Returns:
        ``features.N.weight`` (out, in, 3, 3) and ``features.N.bias`` (out), float32.

    Raises:
        StyleSwapError: the Hub cannot be reached or breaks off, serves something else than VGG-19,
            or the cache cannot be written.
    """
    path = _vgg19_path()
    try:
        tensors = _cached(path)
        if tensors is None:
            path.parent.mkdir(parents=True, exist_ok=True)
            with FileLock(f"{path}.lock"):
                # Another process may have fetched them while this one waited.
                tensors = _cached(path)
                if tensors is None:
                    path.unlink(missing_ok=True)
                    _sidecar(path).unlink(missing_ok=True)
                    _download(path, progress)
                    tensors = _cached(path)
    except OSError as error:
        raise StyleSwapError(
            f"VGG-19's weights cannot be kept in {path.parent} ({error.strerror or error}); make"
            " room there, or name another folder in the environment variable STYLESWAP_CACHE."
        ) from None
    if tensors is None:
        raise StyleSwapError(
            f"VGG-19's weights came back damaged from {path.parent}; check that disk, or name"
            " another folder in the environment variable STYLESWAP_CACHE."
        )
    return tensors


def _cached(path: Path) -> dict[str, Tensor] | None:
    """The tensors of the cache, or None where they are missing, damaged or not those we want."""
    import safetensors.torch

    try:
        data = path.read_bytes()
        wanted = _sidecar(path).read_bytes()[:64]
    except FileNotFoundError:
        return None
    if hashlib.sha256(data).hexdigest().encode() != wanted:
        return None
    tensors = safetensors.torch.load(data)
    shapes = {name: tuple(tensor.shape) for name, tensor in tensors.items()}
    return tensors if shapes == VGG19_SHAPES else None


def _download(path: Path, progress: Progress | None) -> None:
    """Fetch the convolutions into `path` and write the sidecar.

    The bytes gather in a ``.part`` file in the order in which they lie on the Hub, so that its
    length says where to go on.
    """
    url = hf_hub_url(VGG19_REPO, VGG19_FILE, revision=VGG19_REVISION)
    pieces = _locate(url)
    total = sum(end - start for _, start, end in pieces)
    part = path.with_name(f"{path.stem}-{VGG19_REVISION[:12]}.part")
    with part.open("ab") as file:
        done = file.tell()
        if done > total:
            file.truncate(0)
            done = 0
        bar = tqdm(
            desc="VGG-19",
            total=total,
            initial=done,
            unit="B",
            unit_scale=True,
            disable=bool(progress),
        )
        try:
            with bar:
                if progress:
                    progress(done, total)
                for start, end in _runs(pieces, skip=done):
                    for chunk in _fetch(url, start, end, TRIES):
                        file.write(chunk)
                        done += len(chunk)
                        bar.update(len(chunk))
                        if progress:
                            progress(done, total)
        except HTTPError:
            raise StyleSwapError(
                f"The download of VGG-19's weights broke off at {done / 1e6:.0f} of"
                f" {total / 1e6:.0f} MB; try again and it goes on from there, or choose the network"
                " 'small'."
            ) from None

    import safetensors.torch
    import torch

    data = bytearray(part.read_bytes())
    tensors = {}
    offset = 0
    for name, start, end in pieces:
        flat = torch.frombuffer(data, dtype=torch.float32, count=(end - start) // 4, offset=offset)
        tensors[name] = flat.reshape(VGG19_SHAPES[name])
        offset += end - start
    whole = safetensors.torch.save(tensors, {"repo": VGG19_REPO, "revision": VGG19_REVISION})
    _replace(path, whole)
    _replace(_sidecar(path), f"{hashlib.sha256(whole).hexdigest()}  {path.name}\n".encode())
    part.unlink()


def _locate(url: str) -> list[tuple[str, int, int]]:
    """Name, first byte and end of each wanted tensor in the Hub's file, in that file's order.

    A safetensors file begins with the length of its header, 8 bytes, little end first, and the
    header, JSON; what the header calls offsets count from its end.
    """
    try:
        # The first request is not tried again: without a network the answer should come at once.
        length = int.from_bytes(b"".join(_fetch(url, 0, 8, tries=1)), "little")
        text = b"".join(_fetch(url, 8, 8 + length, TRIES)) if length <= MAX_HEADER else b""
    except (HTTPError, OfflineModeIsEnabled) as error:
        reason = _status(error)
        if not reason:
            raise StyleSwapError(_OFFLINE) from None
        raise StyleSwapError(
            f"VGG-19's weights are not on this machine and {VGG19_REPO} on the Hub {reason}; try"
            " again later, or choose the network 'small'."
        ) from None
    pieces = []
    try:
        header = json.loads(text)
        for name, shape in VGG19_SHAPES.items():
            info = header[name]
            start, end = (8 + length + int(offset) for offset in info["data_offsets"])
            if (info["dtype"], tuple(info["shape"])) != ("F32", shape):
                raise ValueError(name)
            if not 8 + length <= start == end - 4 * math.prod(shape):
                raise ValueError(name)
            pieces.append((name, start, end))
    except (KeyError, TypeError, ValueError):
        raise StyleSwapError(
            f"The file {VGG19_FILE} of {VGG19_REPO} on the Hub does not hold VGG-19's layers; try"
            " again without a mirror, or choose the network 'small'."
        ) from None
    return sorted(pieces, key=lambda piece: piece[1])


def _runs(pieces: list[tuple[str, int, int]], skip: int) -> list[tuple[int, int]]:
    """What to ask for, in as few requests as can be: neighbours together, `skip` bytes left out."""
    runs: list[tuple[int, int]] = []
    for _, start, end in pieces:
        here = min(skip, end - start)
        skip -= here
        start += here
        if runs and runs[-1][1] == start:
            runs[-1] = (runs[-1][0], end)
        elif start < end:
            runs.append((start, end))
    return runs


def _fetch(url: str, start: int, end: int, tries: int) -> Iterator[bytes]:
    """Bytes `start` to `end` of a file, asked for again from where a connection broke.

    Raises:
        HTTPError: `tries` requests in a row brought nothing.
        OfflineModeIsEnabled: the person has told the Hub's client to stay offline.
        StyleSwapError: the server does not serve parts of a file.
    """
    empty = 0
    while start < end:
        fault: Exception = StyleSwapError(_NO_RANGES)
        begun = start
        try:
            for chunk in _request(url, start, end):
                start += len(chunk)
                yield chunk
        except HTTPError as error:
            fault = error
        if start > begun:
            empty = 0
            continue
        empty += 1
        if empty == tries:
            raise fault
        time.sleep(PAUSE * 2 ** (empty - 1))


def _request(url: str, start: int, end: int) -> Iterator[bytes]:
    """One request for bytes `start` to `end`; the Hub's client follows it to the file's server."""
    # HfFileSystem reads ranges too, but whole ones: no progress within a tensor of 9 MB, nothing
    # kept of one that breaks off, and half a minute of retries where there is no network.
    headers = build_hf_headers() | {
        "Range": f"bytes={start}-{end - 1}",
        # A server that compresses on the fly sends the whole file instead of a part.
        "Accept-Encoding": "identity",
    }
    with get_session().stream(
        "GET", url, headers=headers, timeout=TIMEOUT, follow_redirects=True
    ) as response:
        hf_raise_for_status(response)
        # Without this, a server that knows no ranges would send all 575 MB.
        served = response.headers.get("Content-Range", "")
        if response.status_code != 206 or not served.startswith(f"bytes {start}-"):
            raise StyleSwapError(_NO_RANGES)
        for chunk in response.iter_bytes():
            yield chunk[: end - start]
            start += len(chunk)
            if start >= end:
                return
