"""The only way from picture to picture: device, networks in memory, taking turns, stopping."""

from __future__ import annotations

import contextlib
import functools
import hashlib
import importlib
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import Any, Generic, TypeVar

import torch
from PIL import Image
from torch import Tensor

from styleswap import media, metrics, tensors, weights
from styleswap.errors import StyleSwapError
from styleswap.media import Pixels
from styleswap.methods import denoise
from styleswap.methods.base import Job, PaintFrames, Repaint, Step, Style, Weights
from styleswap.nets import adain, inverse, meta, perceptual
from styleswap.nets.adain import AdainNetwork
from styleswap.nets.inverse import InverseNetwork
from styleswap.nets.meta import MetaNetwork
from styleswap.nets.perceptual import PerceptualNetwork, Pooling
from styleswap.nets.transformer import TransformerNetwork
from styleswap.request import Request, Stopped, StyleChoice, check_styles, check_thin, sized
from styleswap.runtimes import bf16_is_fast, for_films, prepare
from styleswap.specs import MethodSpec, Params, StylisingParams, get_spec

T = TypeVar("T")
M = TypeVar("M", bound=torch.nn.Module)

# Jobs of seconds, and of minutes, that may be under way at once, step by step in turn: each keeps
# its memory until its end, up to 2 GB. The former do not wait for the latter to end.
MOST_BEGUN = 3
MOST_LONG = 2
# Quick jobs that a step of a long one lets go first, one after the other, before it has its turn.
MOST_LET_BY = 20
# Frames that go through a trained network together on a GPU.
BATCH = 8
# Styles whose weights are kept, and mixtures that may paint again at once: 2 MB, and 5 MB, each.
WEIGHTS, MIXTURES = 32, 16
# Style pictures are never used larger than this: twice the largest result of Gatys.
LONGEST_STYLE = 4096


@dataclass
class Painter:
    """What repaints frames (H, W, 3), uint8, of one size.

    Attributes:
        size: width and height of the frames.
        paint: of a film's frames, at most `batch`, what becomes of them.
        batch: how many are best repainted together.
        ready: whether `paint` has nothing to compile first; at once.
        prepare: compiles it. Does not take the device: others may paint meanwhile.
        seconds: that `paint` worked the last time, waiting not counted.
    """

    size: tuple[int, int]
    paint: PaintFrames
    batch: int
    ready: Callable[[], bool]
    prepare: Callable[[], None]
    seconds: float = 0.0


@dataclass(frozen=True)
class Progress:
    """How far a job is. The last one of a run holds the result.

    Attributes:
        i, n: steps done and steps in all.
        losses: by name; empty for methods that have none.
        seconds: of work so far; waiting for the device is not counted.
        network: the perceptual network that the method took, if any.
        image: the state, (1, 3, h, w); smaller than the result while a method works coarsely.
        size: width and height of the result.
    """

    i: int
    n: int
    losses: Mapping[str, float]
    seconds: float
    network: str | None
    image: Tensor
    size: tuple[int, int]

    def picture(self) -> Image.Image:
        """The state as an RGB picture, of the size that it has: for previews and snapshots."""
        return tensors.to_pil(self.image)

    def result(self) -> Image.Image:
        """The state at the result's full size, which a job stopped early had not reached."""
        picture = self.picture()
        if picture.size != self.size:
            picture = picture.resize(self.size, Image.Resampling.LANCZOS)
        return picture

    def facts(self, method: str) -> dict[str, Any]:
        """The numbers of the result, for ``--json`` and the API."""
        return {
            "method": method,
            "width": self.size[0],
            "height": self.size[1],
            "seconds": round(self.seconds, 3),
            "perceptual": self.network,
            "content_loss": self.losses.get("content"),
            "style_loss": self.losses.get("style"),
        }


@dataclass(eq=False)
class _Ticket:
    """A place in a line, whether quick ones pass it by, and how many have."""

    patient: bool
    passed: int = 0


class Turns:
    """Who may use something, such as the device: in the order in which they asked, but that quick
    ones pass by others, of which each lets `MOST_LET_BY` go first.

    Args:
        room: how many may at once.
    """

    def __init__(self, room: int = 1) -> None:
        self.room = room
        self._line: list[_Ticket] = []
        self._moved = threading.Condition()

    @contextlib.contextmanager
    def turn(self, cancel: threading.Event, quick: bool = False) -> Iterator[bool]:
        """Wait for a turn and hold it; gives False where `cancel` was set before it came."""
        ticket = _Ticket(patient=not quick)
        with self._moved:
            place = len(self._line)
            while quick and place > self.room:  # whoever has a turn keeps it
                before = self._line[place - 1]
                if not before.patient or before.passed == MOST_LET_BY:
                    break
                before.passed += 1
                place -= 1
            self._line.insert(place, ticket)
            while ticket not in self._line[: self.room] and not cancel.is_set():
                self._moved.wait(0.1)
            mine = ticket in self._line[: self.room] and not cancel.is_set()
        try:
            yield mine
        finally:
            with self._moved:
                self._line.remove(ticket)
                self._moved.notify_all()


class Recent(Generic[T]):
    """What was asked for last, for whoever asks again; any thread may.

    Args:
        most: things that are kept.
    """

    def __init__(self, most: int) -> None:
        self.most = most
        self._lock = threading.Lock()
        self._made: OrderedDict[Hashable, T] = OrderedDict()

    def get(self, key: Hashable, make: Callable[[], T]) -> T:
        """What belongs to `key`. It is made where it is not here; nobody waits for that else."""
        with self._lock:
            if key in self._made:
                self._made.move_to_end(key)
                return self._made[key]
        made = make()
        with self._lock:
            self._made[key] = made
            if len(self._made) > self.most:
                self._made.popitem(last=False)
        return made


class Engine:
    """Runs methods on one device, one step at a time, and keeps networks that were loaded.

    Jobs take turns, step by step. What they share is as another's step left it: networks are
    frozen, and AdaIN's is told its style in the step that runs it.

    All that takes a turn is done in one thread, whichever asks for it. On a processor each thread
    that computes with torch has helpers of its own, and where there are more than cores they all
    sleep between two operations: Gatys takes a third longer.
    """

    def __init__(self, device: str | None = None) -> None:
        self.device = torch.device(device or ("cuda" if torch.cuda.is_available() else "cpu"))
        self._turns = Turns()
        self._hand = ThreadPoolExecutor(1, "device")
        self._begun = {"seconds": Turns(MOST_BEGUN), "minutes": Turns(MOST_LONG)}
        self._loaded: dict[tuple[str, ...], Any] = {}
        self._weights: Recent[Weights] = Recent(WEIGHTS)
        self._mixtures: Recent[Repaint] = Recent(MIXTURES)
        self._loading = threading.RLock()

    def run(self, request: Request, cancel: threading.Event | None = None) -> Iterator[Progress]:
        """Make a picture; yields after each step of the method.

        Closing the generator, or setting `cancel`, stops the work at the next step; what was
        yielded last is then the result. Each step waits for its turn at the device.

        Raises:
            StyleSwapError: a method that does not exist, too few or too many styles, a picture too
                thin for the size, weights that are missing, or not enough memory.
        """
        spec = get_spec(request.method)
        cancel = cancel or threading.Event()
        check_styles(spec, request.styles)
        content = sized(request.content, request.params)
        at_once = contextlib.nullcontext(True)
        with at_once if spec.pace == "live" else self._begun[spec.pace].turn(cancel) as mine:
            if mine:
                yield from self._run(spec, request, content, cancel)

    def _run(
        self, spec: MethodSpec, request: Request, content: Image.Image, cancel: threading.Event
    ) -> Iterator[Progress]:
        """`run`, now that it may begin."""
        used: list[str] = []

        def begun() -> Iterator[Step]:
            x = tensors.from_pil(content).to(self.device)
            job = self._job(x, request.styles, request.params, used)
            yield from with_finish(_module(spec).run(job), job)

        steps, seconds = begun(), 0.0

        def work() -> tuple[Step | None, float]:
            began = time.monotonic()
            return next(steps, None), time.monotonic() - began

        while True:
            try:
                step, took = self.take_turn(work, cancel, spec.pace != "minutes")
            except Stopped:
                return
            if step is None:
                return
            seconds += took
            yield Progress(
                step.i,
                step.n,
                dict(step.losses),
                seconds,
                used[-1] if used else None,
                step.image,
                content.size,
            )
            if cancel.is_set():
                return

    def painter(
        self,
        method: str,
        size: tuple[int, int],
        styles: Sequence[StyleChoice],
        params: Params,
        cancel: threading.Event,
    ) -> Painter:
        """What repaints the frames of a film. What is the same for all of them is done once.

        Others may have the device between two calls, and while weights are loaded. The settings'
        own `size` does not count.

        Args:
            size: width and height of the frames.

        Raises:
            StyleSwapError: as `run`.
            Stopped: `cancel` was set while waiting; so does what is given.
        """
        spec = get_spec(method)
        check_styles(spec, styles)
        check_thin(size)
        module = _module(spec)

        def begin() -> tuple[PaintFrames, Repaint | None]:
            blank = torch.zeros((), device=self.device).expand(1, 3, *size[::-1])
            job = self._job(blank, styles, params, [], for_films(self.device))
            if hasattr(module, "painter"):
                made: tuple[PaintFrames, Repaint | None] = module.painter(job)
                return made

            def run(x: Tensor) -> Tensor:
                *_, last = module.run(replace(job, content=x))
                y: Tensor = last.image
                return y

            return functools.partial(tensors.through, run, device=self.device), None

        # There are weights to load, or to write, and a processor does not mind who does.
        if self.device.type == "cpu" and hasattr(module, "painter"):
            repaint, network = self._aside(begin)
        else:
            repaint, network = self.take_turn(begin, cancel)

        def work(frames: Sequence[Pixels]) -> list[Pixels]:
            began = time.monotonic()
            found = repaint(frames)
            painter.seconds = time.monotonic() - began
            return found

        def paint(frames: Sequence[Pixels]) -> list[Pixels]:
            return self.take_turn(functools.partial(work, frames), cancel)

        def ready() -> bool:
            return network is None or network.is_ready(*size)

        def make_ready() -> None:
            if network is not None:
                self._aside(functools.partial(network.make_ready, *size))

        together = self.device.type == "cuda" and network is not None
        painter = Painter(size, paint, BATCH if together else 1, ready, make_ready)
        return painter

    def measure(
        self,
        result: Image.Image,
        content: Image.Image,
        style: Image.Image,
        cancel: threading.Event,
    ) -> dict[str, float]:
        """`metrics.figures` of a result, by `small`.

        Args:
            content: the photograph, of the result's size.

        Raises:
            StyleSwapError: not enough memory.
            Stopped: `cancel` was set while waiting for the device.
        """

        def work() -> dict[str, float]:
            net = self._perceptual("small", "average")
            x, photograph, look = (
                tensors.from_pil(picture).to(self.device) for picture in (result, content, style)
            )
            return metrics.figures(net, x, photograph, look)

        return self.take_turn(work, cancel)

    def take_turn(self, work: Callable[[], T], cancel: threading.Event, quick: bool = False) -> T:
        """Wait for the device, and do `work` with it.

        Args:
            quick: whether it goes before steps of jobs that take minutes.

        Raises:
            StyleSwapError: not enough memory, or what `work` raises.
            Stopped: `cancel` was set while waiting.
        """
        with self._turns.turn(cancel, quick) as mine, self._sentences():
            if not mine:
                raise Stopped
            return self._hand.submit(work).result()

    def _aside(self, work: Callable[[], T]) -> T:
        """Do `work`, which does not need the device, in a thread of its own.

        torch's helpers, which it may call, end with that thread.
        """
        with ThreadPoolExecutor(1) as once, self._sentences():
            return once.submit(work).result()

    def _job(
        self,
        content: Tensor,
        styles: Sequence[StyleChoice],
        params: Params,
        used: list[str],
        runtime: str = "auto",
    ) -> Job:
        """What a method is given.

        Args:
            used: the perceptual networks that it takes are put into this.
            runtime: of trained styles.
        """

        def network(name: str, pooling: Pooling) -> PerceptualNetwork:
            used.append(perceptual.choose(name))
            return self._perceptual(used[-1], pooling)

        return Job(
            content=content,
            styles=tuple(self._style(s) for s in styles),
            params=params,
            device=self.device,
            half=bf16_is_fast(self.device),
            perceptual=network,
            inverse=self._inverse,
            adain=self._any_style,
            trained=functools.partial(self._trained, runtime=runtime),
            weights=self._weights_of,
            write=self._write,
            written=functools.partial(self._written, runtime=runtime),
        )

    @contextlib.contextmanager
    def _sentences(self) -> Iterator[None]:
        """Turn running out of memory, which a person can put right, into a sentence."""
        try:
            yield
        except (MemoryError, RuntimeError) as error:
            kinds = (MemoryError, torch.OutOfMemoryError)
            # On a CPU torch raises a plain RuntimeError that says so.
            if not isinstance(error, kinds) and "not enough memory" not in str(error):
                raise
            raise StyleSwapError(
                "There is not enough memory for this size; choose a smaller one."
            ) from None

    def _style(self, choice: StyleChoice) -> Style:
        if choice.picture is None:
            return Style(None, choice.name, choice.weight)
        picture = choice.picture
        if max(picture.size) > LONGEST_STYLE:
            picture = media.fit(picture, LONGEST_STYLE)
        return Style(tensors.from_pil(picture).to(self.device), None, choice.weight)

    def _perceptual(self, name: str, pooling: Pooling) -> PerceptualNetwork:
        return self._once(
            ("perceptual", name, pooling), lambda: self._placed(perceptual.load(name, pooling))
        )

    def _inverse(self, layer: str) -> InverseNetwork:
        return self._once(("inverse", layer), lambda: self._placed(inverse.load(layer)))

    def _any_style(self) -> tuple[AdainNetwork, Repaint]:
        def make() -> tuple[AdainNetwork, Repaint]:
            decoder = self._placed(adain.load())
            net = AdainNetwork(self._perceptual("small", "average"), decoder)
            return net, prepare(net, self.device)

        return self._once(("adain",), make)

    def _trained(self, name: str, runtime: str) -> Repaint:
        def make() -> Repaint:
            net = TransformerNetwork.from_weights(self._weights_of(name))
            return prepare(net, self.device, runtime)

        return self._once(("trained", name, runtime), make)

    def _once(self, key: tuple[str, ...], make: Callable[[], T]) -> T:
        """What is kept for good under `key`, made where it is not there yet."""
        # Also asked outside of turns. What is there is given without waiting for another's.
        if key not in self._loaded:
            with self._loading:
                if key not in self._loaded:
                    self._loaded[key] = make()
        found: T = self._loaded[key]
        return found

    def _placed(self, net: M) -> M:
        net.to(self.device, memory_format=torch.channels_last)  # type: ignore[call-overload]
        return net

    def _weights_of(self, name: str) -> Weights:
        return self._weights.get(name, lambda: weights.load_style(name))

    def _write(self, picture: Tensor) -> Weights:
        def write() -> Weights:
            net: MetaNetwork = self._once(("meta",), lambda: self._placed(meta.load()))
            with torch.autocast(
                self.device.type, torch.bfloat16, enabled=bf16_is_fast(self.device)
            ):
                return net.write(picture.contiguous(memory_format=torch.channels_last))

        return self._weights.get(_digest(picture), write)

    def _written(self, found: Weights, runtime: str) -> Repaint:
        def make() -> Repaint:
            net = TransformerNetwork.from_weights(found)
            return prepare(net, self.device, runtime, shared=True)

        return self._mixtures.get((_digest(*found.values()), runtime), make)


def _digest(*tensors: Tensor) -> bytes:
    """What tells contents apart."""
    found = hashlib.blake2b()
    for x in tensors:
        found.update(repr(x.shape).encode())
        found.update(x.cpu().numpy().tobytes())
    return found.digest()


def _module(spec: MethodSpec) -> Any:
    return importlib.import_module(f"styleswap.methods.{spec.id}")


def with_finish(steps: Iterator[Step], job: Job) -> Iterator[Step]:
    """A method's steps, and those of the last step that its settings ask for."""
    if not isinstance(job.params, StylisingParams) or job.params.finish == "none":
        yield from steps
        return
    more = denoise.PRESETS[denoise.FINISH].steps + 1
    last = None
    for last in steps:
        yield replace(last, n=last.n + more)
    if last is None:
        return
    for step in denoise.finished(job, last.image):
        yield Step(last.n + step.i, last.n + more, step.image, last.losses)
