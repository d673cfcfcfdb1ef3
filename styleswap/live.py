"""The webcam: frames in, frames out, the newest wins.

A page sends frame after frame to a route on Gradio's own app, each with how it shall look, and
draws what comes back. Plain requests rather than a web socket: they pass every proxy that the page
itself passes, need no package of their own, and bring the page's cookies.

    Room        who may send (tickets), who is painted for and who waits, what a frame costs
    Stream      what one page sees: its painter, its pictures for any-style methods, its last frame
    routes      what Gradio's app is given: who is refused, bytes in, bytes out

The device goes round: `Engine` serves whoever asks first, and of each page one frame at most waits.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import inspect
import json
import math
import secrets
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent import futures
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, cast
from urllib.parse import urlsplit

import cv2
import numpy as np
from PIL import Image
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from styleswap import media, specs, weights
from styleswap.errors import StyleSwapError
from styleswap.media import Pixels
from styleswap.request import StyleChoice
from styleswap.specs import LiveParams, MethodSpec, Params
from styleswap.steady import Finder, Steady

if TYPE_CHECKING:
    from styleswap.engine import Engine, Painter

# Below Gradio's own prefix, which every proxy in front of it hands on.
PATH = "/gradio_api/live/frame"
# A request's header with the page's ticket, and an answer's with `Reply.facts`.
TICKET, FACTS = "X-Live-Ticket", "X-Live-Facts"
# Of a frame: a JPEG of 1280 x 720 at quality 90 has some 400 kB.
MAX_BYTES = 2 * 2**20
# A page that sends more frames a second is not one of ours.
MOST_RATE = 300

# What `auto` asks the camera for, and the longer sides that it paints at.
CAMERA = (640, 480)
SIDES = (320, 360, 400, 440, 480, 520, 560, 640)
# Frames a second that `auto` holds; fewer than `LEAST_RATE` are a slide show.
TARGET_RATE = 25.0
LEAST_RATE = 8.0
# How much cheaper than need be a larger size must look before it is taken: no to and fro.
SPARE = 0.9
# How much a new measurement of a frame's cost counts.
NEW = 0.1

# Seconds that a size lasts at least before a larger one is tried.
CALM = 8.0

# Pages that are painted for at once, however quick the machine, and that are remembered.
MOST_PEOPLE = 16
MOST_STREAMS = 256
# Sizes for which it is known what styles are ready.
MOST_PLANS = 64
# Seconds without a frame after which a place is free again.
GONE = 5.0
# Seconds after which a place goes to whoever waits for one.
SHIFT = 180.0
# Seconds that a size must have lasted before other styles are got ready for it, and between these.
SETTLED = 3.0
REST = 0.25

# What a style counts at the end of a slider: it is a mixture there, too, for which nothing needs to
# be compiled, and looks as if the style were not in it.
LEAST_WEIGHT = 1e-3

# Seconds that a frame waits for a painter that a slider asks for.
MOMENT = 0.05

# The quality of a snapshot's JPEG.
STILL = 95

# Motion is looked for in very small frames here: it must take next to no time.
FLOW_SIDE = 160
LONGEST_PICTURE = 640


class Forbidden(Exception):
    """Who may not send frames: not logged in, from another site, without a ticket that counts."""


class TooFast(Exception):
    """More frames a second than `MOST_RATE`."""


# Names of styles, each with its weight.
Mix = tuple[tuple[str, float], ...]


@dataclass(frozen=True)
class Look:
    """What frames shall look like.

    Attributes:
        styles: of each what it counts, and a trained style's name, or the key that `Stream.show`
            gave for a picture.
    """

    spec: MethodSpec
    styles: Mix
    params: Params
    live: LiveParams


def parse_look(text: str) -> Look:
    """Read ``{"method": ..., "styles": [[name, weight], ...], "settings": {...}}``.

    Raises:
        StyleSwapError: not that, or a setting that does not exist or is out of range.
    """
    try:
        found = json.loads(text)
        method, styles, settings = found["method"], found["styles"], found["settings"]
        mix = tuple((name, max(LEAST_WEIGHT, float(weight))) for name, weight in styles)
    except (ValueError, KeyError, TypeError, RecursionError):
        method = None
    if (
        not isinstance(method, str)
        or not all(isinstance(name, str) for name, _ in mix)
        or not isinstance(settings, dict)
    ):
        raise StyleSwapError(
            'A look is {"method": ..., "styles": [[name, weight], ...], "settings": {...}}.'
        )
    spec = specs.get_spec(method)
    if spec not in live_methods():
        raise StyleSwapError(
            f"{method} is too slow for a webcam; choose one of"
            f" {', '.join(spec.id for spec in live_methods())}."
        )
    params, live = specs.make_frame_params(spec, LiveParams, "A webcam", settings)
    return Look(spec, mix, params, live)


def live_methods() -> list[MethodSpec]:
    """The methods that keep up with a camera."""
    return [spec for spec in specs.stylisers() if spec.pace == "live"]


@dataclass(frozen=True)
class Reply:
    """What becomes of a frame.

    Attributes:
        picture: a JPEG of the frame's size; empty where a newer frame took this one's turn.
        place: in the line of those who wait until they are painted for; 0 for those who are.
        facts: the ``size`` that was painted, the ``styles``, the ``ms`` that it took, and the
            frames a second (``rate``) that this page can expect.
    """

    picture: bytes = b""
    place: int = 0
    facts: Mapping[str, Any] | None = None


def enlarged(pixels: Pixels, width: int, height: int) -> Pixels:
    """Larger and as sharp as paint is: its edges are steepened, and nowhere is it lighter or darker
    than its surroundings were, so that no bright lines stand along them."""
    large: Any = cv2.resize(pixels, (width, height), interpolation=cv2.INTER_CUBIC)
    soft: Any = cv2.GaussianBlur(large, (0, 0), 0.5 * width / pixels.shape[1] + 0.5)
    sharp: Any = cv2.addWeighted(large, 2.0, soft, -1.0, 0)
    around = np.ones((3, 3), np.uint8)
    lowest, highest = (
        cv2.resize(bound(pixels, around), (width, height)) for bound in (cv2.erode, cv2.dilate)
    )
    return cast(Pixels, cv2.min(cv2.max(sharp, lowest), highest))


def best_side(sides: Sequence[int], costs: Sequence[float], limit: float, now: int | None) -> int:
    """The largest of `sides` (ascending) that costs at most `limit`; the smallest in any case.

    Args:
        costs: of each side, in seconds.
        now: the side in use: one that is larger must be cheaper than `limit` by `SPARE`.
    """
    best = sides[0]
    for side, cost in zip(sides, costs, strict=True):
        if cost <= limit * (SPARE if now is not None and side > now else 1.0):
            best = side
    return best


def resized(pixels: Pixels, size: tuple[int, int]) -> Pixels:
    """With another width and height, which differ by a pixel at most."""
    if pixels.shape[1::-1] == size:
        return pixels
    return cast(Pixels, cv2.resize(pixels, size, interpolation=cv2.INTER_AREA))


def fitted(size: tuple[int, int], side: int) -> tuple[int, int]:
    """Width and height with `side` as the longer one, if it is longer; even numbers."""
    shrink = min(1.0, side / max(size))
    width, height = (max(media.MIN_SIDE, 2 * round(s * shrink / 2)) for s in size)
    return width, height


class Seats:
    """Who is painted for, and who waits for a place. Not to be called from two threads at once."""

    def __init__(self) -> None:
        # In the order of coming: since when each has a seat, and when it was last seen.
        self.taken: dict[object, tuple[float, float]] = {}
        self.line: dict[object, float] = {}

    def place(self, who: object, room: int, now: float) -> int:
        """0 for a seat, else the place in the line; to be asked anew with each frame.

        Args:
            room: how many seats there are.
            now: seconds of a clock.
        """
        self._clear(now)
        if who in self.taken:
            since, _ = self.taken[who]
            if self.line and now - since > SHIFT:
                del self.taken[who]
            else:
                self.taken[who] = since, now
                return 0
        self.line[who] = now
        place = list(self.line).index(who) + 1
        if len(self.taken) + place > room:
            return place
        del self.line[who]
        self.taken[who] = now, now
        return 0

    def leave(self, who: object) -> None:
        """Give the place up."""
        self.taken.pop(who, None)
        self.line.pop(who, None)

    def _clear(self, now: float) -> None:
        for who in [w for w, (_, seen) in self.taken.items() if now - seen > GONE]:
            del self.taken[who]
        for who in [w for w, seen in self.line.items() if now - seen > GONE]:
            del self.line[who]


class Newest:
    """One turn at a time; while it is held one may wait for the next, and the newest takes that."""

    def __init__(self) -> None:
        self._line: list[object] = []  # who holds the turn, and who waits
        self._moved = threading.Condition()

    @contextlib.contextmanager
    def turn(self) -> Iterator[bool]:
        """Wait for a turn and hold it; gives False where somebody newer took its place."""
        ticket = object()
        with self._moved:
            # Who is replaced is told so with the next turn: told at once, a page would send another
            # frame at once, and that replace the next.
            del self._line[1:]
            self._line.append(ticket)
            self._moved.wait_for(lambda: ticket not in self._line or self._line[0] is ticket)
            mine = ticket in self._line
        try:
            yield mine
        finally:
            if mine:
                with self._moved:
                    self._line.remove(ticket)
                    self._moved.notify_all()


@dataclass(frozen=True)
class Wanted:
    """What a painter is made for."""

    method: str
    styles: Mix
    params: Params
    size: tuple[int, int]  # width and height of frames

    def only_sliders_differ(self, other: Wanted) -> bool:
        """Whether it is the same styles in the same size: settings, or what each counts, differ."""
        names = [name for name, _ in self.styles] == [name for name, _ in other.styles]
        return names and self == replace(other, params=self.params, styles=self.styles)


class Stream:
    """What one page sees."""

    def __init__(self, user: str | None) -> None:
        self.user = user
        self.ticket = secrets.token_urlsafe(16)
        self.seen = time.monotonic()
        self.newest = Newest()
        self._lock = threading.Lock()
        self._second, self._count = 0, 0
        self._pictures: dict[str, Image.Image] = {}
        self._look: tuple[str, Look] | None = None
        self._have: tuple[Wanted, Painter] | None = None
        self._coming: tuple[Wanted, Future[Painter]] | None = None
        self._painted: Painter | None = None
        self._side, self._since = 0, self.seen
        self._steady = Steady(0.0, Finder(FLOW_SIDE))
        self.posing = threading.Lock()  # held while a snapshot is painted

    def show(self, pictures: Sequence[Image.Image | None]) -> list[str]:
        """Take pictures as the styles of any-style methods, in place of those before.

        Returns:
            The keys that looks name them by; empty for places without a picture.
        """
        small = [picture and media.fit(picture, LONGEST_PICTURE) for picture in pictures]
        keys = [hashlib.sha256(p.tobytes()).hexdigest()[:12] if p else "" for p in small]
        self._pictures = {key: picture for key, picture in zip(keys, small, strict=True) if picture}
        return keys

    def count(self) -> None:
        """A frame has come.

        Raises:
            TooFast: it is one too many.
        """
        with self._lock:
            self.seen = time.monotonic()
            second = int(self.seen)
            self._count = self._count + 1 if second == self._second else 1
            self._second = second
            if self._count > MOST_RATE:
                raise TooFast

    # --- what follows is called by whoever has the stream's turn ---

    def styles(self, look: Look) -> list[StyleChoice]:
        """What the engine is told of the style.

        Raises:
            StyleSwapError: a picture that is not here.
        """
        if look.spec.style == "trained":
            return [StyleChoice(name=name, weight=weight) for name, weight in look.styles]
        if not look.styles or any(key not in self._pictures for key, _ in look.styles):
            raise StyleSwapError("There is no style picture yet; choose one.")
        return [StyleChoice(self._pictures[key], weight=weight) for key, weight in look.styles]

    def look(self, text: str) -> Look:
        """`parse_look`, once for all frames that look the same."""
        if not self._look or text != self._look[0]:
            self._look = text, parse_look(text)
        return self._look[1]

    def size(
        self, frame: tuple[int, int], live: LiveParams, cost: float, people: int
    ) -> tuple[int, int]:
        """Width and height to paint at.

        Args:
            frame: width and height of what the camera sends.
            cost: seconds a pixel; 0 where that is not known yet.
            people: who share the machine.
        """
        most = max(frame)
        if live.size != "auto":
            most = min(most, int(live.size.partition("x")[0]))
        sides = [side for side in SIDES if side < most] + [most]
        if cost:
            limit = 1 / (people * (TARGET_RATE if live.size == "auto" else LEAST_RATE))
            if live.size != "auto" and people == 1:
                limit = math.inf  # who is alone may have a slide show
            costs = [cost * math.prod(fitted(frame, side)) for side in sides]
            side = best_side(sides, costs, limit, self._side or None)
            if side > self._side in sides and time.monotonic() - self._since < CALM:
                side = self._side
        else:
            side = sides[len(sides) // 2] if live.size == "auto" else most
        if side != self._side:
            self._side, self._since = side, time.monotonic()
        return fitted(frame, side)

    @property
    def shown(self) -> Mix:
        """The styles that are painted, which are those before until new ones are ready."""
        return self._have[0].styles if self._have else ()

    @property
    def settled(self) -> bool:
        """Whether the size has not changed for a while."""
        return time.monotonic() - self._since > SETTLED

    def painter(self, wanted: Wanted, make: Callable[[], Future[Painter]]) -> Painter:
        """What paints now: what is wanted once it is ready, until then what has painted so far.

        Args:
            make: begins to get it ready.
        """
        if self._coming and self._coming[1].done():
            # Even if a slider has moved on: it would never be seen to move otherwise.
            self._have = self._take()
        if self._have and self._have[0] == wanted:
            return self._have[1]
        if not self._coming or not self._coming[0].only_sliders_differ(wanted):
            self._coming = wanted, make()
        turned = self._have and not alike(self._have[0].size, wanted.size)
        if self._have and self._have[0].only_sliders_differ(wanted):
            # There in a moment, unless the processor has frames to paint meanwhile.
            futures.wait([self._coming[1]], MOMENT)
        if not self._have or turned or self._coming[1].done():
            self._have = self._take()
        return self._have[1]

    def _take(self) -> tuple[Wanted, Painter]:
        """What was coming, waited for."""
        if self._coming is None:
            raise RuntimeError("nothing is being got ready")
        (wanted, coming), self._coming = self._coming, None
        return wanted, coming.result()

    def paint(self, painter: Painter, frame: Pixels, steady: float) -> tuple[Pixels, float, bool]:
        """Repaint a frame at the painter's size.

        Args:
            steady: as in `LiveParams`.

        Returns:
            The result, the seconds that it took, waiting for the device not counted, and whether
            the same painter did the frame before.
        """
        again, began = painter is self._painted, time.monotonic()
        if not again or steady != self._steady.strength:
            self._steady = Steady(steady, Finder(FLOW_SIDE))
        small: Any = frame
        if frame.shape[1::-1] != painter.size:
            small = cv2.resize(frame, painter.size, interpolation=cv2.INTER_AREA)
        motion = None
        if steady:
            small, motion = self._steady.filmed(small)
        asked = time.monotonic()
        (made,) = painter.paint([small])
        given = time.monotonic()
        if steady:
            made = self._steady.painted(made, motion)
        self._painted = painter
        return made, painter.seconds + asked - began + time.monotonic() - given, again


def alike(one: tuple[int, int], other: tuple[int, int]) -> bool:
    """Whether two sizes have about the same proportions."""
    return abs(math.log(one[0] * other[1] / (one[1] * other[0]))) < 0.05


class Room:
    """The streams of all visitors, and what is known of the machine that they share."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self._lock = threading.Lock()
        self._streams: dict[str, Stream] = {}  # by the page's session
        self._seats = Seats()
        self._costs: dict[str, float] = {}  # of each method, in seconds a pixel
        # Trained styles that are yet to be got ready, by method and size.
        self._plans: dict[tuple[str, tuple[int, int]], list[Mix]] = {}
        self._ahead: Future[None] | None = None
        self._crew = ThreadPoolExecutor(2, thread_name_prefix="live-style")
        self._spare = ThreadPoolExecutor(1, thread_name_prefix="live-ahead")

    def enter(self, session: str, user: str | None) -> Stream:
        """The stream of a page, the same until it leaves."""
        with self._lock:
            stream = self._streams.get(session)
            if stream is None or stream.user != user:
                self._seats.leave(stream)
                stream = self._streams[session] = Stream(user)
            stream.seen = time.monotonic()
            while len(self._streams) > MOST_STREAMS:
                oldest = min(self._streams, key=lambda name: self._streams[name].seen)
                self._seats.leave(self._streams.pop(oldest))
            return stream

    def leave(self, session: str) -> None:
        """A page was closed: its ticket no longer counts."""
        with self._lock:
            if stream := self._streams.pop(session, None):
                self._seats.leave(stream)

    def find(self, ticket: str, user: str | None) -> Stream:
        """The stream that a ticket was given for.

        Raises:
            Forbidden: there is none, or it is somebody else's.
        """
        given = ticket.encode()
        with self._lock:
            for stream in self._streams.values():
                if secrets.compare_digest(stream.ticket.encode(), given) and stream.user == user:
                    return stream
        raise Forbidden

    def frame(self, stream: Stream, data: bytes, text: str) -> Reply:
        """Repaint a frame.

        Args:
            data: a JPEG or WebP.
            text: its look, see `parse_look`.

        Raises:
            StyleSwapError: of `parse_look`, `media.open_frame` and `Engine.painter`.
            TooFast: more frames than any of our pages sends.
        """
        stream.count()
        place, people = self._place(stream)
        if place:
            return Reply(place=place)
        frame = media.open_frame(data)
        with stream.newest.turn() as mine:
            if not mine:
                return Reply()
            look = stream.look(text)
            made, seconds = self._paint(stream, frame, look, people)
        height, width = frame.shape[:2]
        size = made.shape[1::-1]
        if size != (width, height):
            made = enlarged(made, width, height)
        cost = self._costs.get(look.spec.id, 0.0) * math.prod(size) * people
        facts = {
            "size": size,
            "styles": stream.shown,
            "ms": round(1000 * seconds, 1),
            "rate": round(1 / cost, 1) if cost else None,
        }
        return Reply(media.frame_file(made), facts=facts)

    def still(self, stream: Stream, data: bytes, text: str) -> Reply:
        """Repaint a frame as large as it is, for a snapshot: by a painter of its own, so that what
        the stream is painted by stays as it is.

        Args:
            data: a JPEG or WebP.
            text: its look, see `parse_look`.

        Raises:
            StyleSwapError: as `frame`, or another snapshot is not ready yet.
            TooFast: as `frame`.
        """
        stream.count()
        place, _ = self._place(stream)
        if place:
            return Reply(place=place)
        frame = media.open_frame(data)
        look = parse_look(text)
        if not stream.posing.acquire(blocking=False):
            raise StyleSwapError("A snapshot is being painted already; wait until it is there.")
        try:
            size = fitted(frame.shape[1::-1], max(frame.shape))
            wanted = Wanted(look.spec.id, look.styles, look.params, size)
            painter = self._make(wanted, stream.styles(look))
            (made,) = painter.paint([resized(frame, size)])
        finally:
            stream.posing.release()
        facts = {"size": size, "styles": look.styles}
        return Reply(media.frame_file(resized(made, frame.shape[1::-1]), STILL), facts=facts)

    def _place(self, stream: Stream) -> tuple[int, int]:
        """A stream's place in the line, and how many people are painted for."""
        with self._lock:
            cost = max(self._costs.values(), default=0.0) * math.prod(fitted(CAMERA, SIDES[0]))
            room = min(MOST_PEOPLE, int(1 / (LEAST_RATE * cost))) if cost else MOST_PEOPLE
            place = self._seats.place(stream, max(1, room), time.monotonic())
            return place, max(1, len(self._seats.taken))

    def _paint(
        self, stream: Stream, frame: Pixels, look: Look, people: int
    ) -> tuple[Pixels, float]:
        """A frame repainted at a size that the machine can bear, and in how many seconds."""
        method = look.spec.id
        size = stream.size(frame.shape[1::-1], look.live, self._costs.get(method, 0.0), people)
        wanted = Wanted(method, look.styles, look.params, size)
        painter = stream.painter(wanted, lambda: self._begin(wanted, stream.styles(look)))
        made, seconds, again = stream.paint(painter, frame, look.live.steady)
        if stream.settled and look.spec.style == "trained":
            self._get_ready(look.spec, size)
        # The first frame of a painter takes longer, and so do others while a style is got ready.
        if again and (self._ahead is None or self._ahead.done()):
            cost = seconds / math.prod(painter.size)
            before = self._costs.get(method, cost)
            self._costs[method] = before + NEW * (cost - before)
        return made, seconds

    def _begin(self, wanted: Wanted, styles: list[StyleChoice]) -> Future[Painter]:
        return self._crew.submit(self._make, wanted, styles)

    def _make(self, wanted: Wanted, styles: list[StyleChoice]) -> Painter:
        never = threading.Event()
        painter = self.engine.painter(wanted.method, wanted.size, styles, wanted.params, never)
        painter.prepare()
        return painter

    def _get_ready(self, spec: MethodSpec, size: tuple[int, int]) -> None:
        """One more trained style, if there is one: to switch to it shall take no time.

        The first is a mixture: what is compiled for one serves all.
        """
        with self._lock:
            if self._ahead and not self._ahead.done():
                return
            if len(self._plans) > MOST_PLANS:  # a stranger's camera may have any size
                self._plans.clear()
            if (spec.id, size) not in self._plans:
                alone: list[Mix] = [((e.name, 1.0),) for e in weights.styles_of(spec.id)]
                self._plans[spec.id, size] = [alone[0] + alone[1], *alone] if alone[1:] else alone
            if plan := self._plans[spec.id, size]:
                wanted = Wanted(spec.id, plan.pop(0), spec.params(), size)
                self._ahead = self._spare.submit(self._make_ahead, wanted)

    def _make_ahead(self, wanted: Wanted) -> None:
        with contextlib.suppress(StyleSwapError):
            self._make(wanted, [StyleChoice(name=n, weight=w) for n, w in wanted.styles])
        time.sleep(REST)  # the stream that runs shall hardly feel it


# --- the route ---


def routes(room: Room) -> list[Route]:
    """What Gradio's app is given, for ``launch(app_kwargs={"routes": ...})``."""
    threads = ThreadPoolExecutor(2 * MOST_PEOPLE, thread_name_prefix="live")

    async def frame(request: Request) -> Response:
        try:
            if not same_origin(request):
                raise Forbidden
            stream = room.find(request.headers.get(TICKET, ""), await user_of(request))
        except Forbidden:
            return JSONResponse({"error": "This page may not send frames; load it anew."}, 403)
        data = await body(request, MAX_BYTES)
        if data is None:
            return JSONResponse({"error": f"A frame has {MAX_BYTES} bytes at most."}, 413)
        look = request.query_params.get("look", "")
        paint = room.still if "still" in request.query_params else room.frame
        loop = asyncio.get_running_loop()
        try:
            reply = await loop.run_in_executor(threads, paint, stream, data, look)
        except TooFast:
            return JSONResponse({"error": f"{MOST_RATE} frames a second are the most."}, 429)
        except StyleSwapError as error:
            # It may quote what was sent, and that be half a character, which no answer can hold.
            sentence = str(error).encode(errors="replace").decode()
            return JSONResponse({"error": sentence}, 400)
        if reply.place:
            return JSONResponse({"place": reply.place}, 202)
        if not reply.picture:
            return Response(status_code=204)
        headers = {FACTS: json.dumps(reply.facts), "Cache-Control": "no-store"}
        return Response(reply.picture, media_type="image/jpeg", headers=headers)

    return [Route(PATH, frame, methods=["POST"])]


async def user_of(request: Request) -> str | None:
    """Who is logged in, as Gradio itself decides it; None where nobody needs to be.

    Raises:
        Forbidden: somebody needs to be and is not.
    """
    app = request.app
    user: str | None
    if app.auth_dependency is not None:
        found = app.auth_dependency(request)
        user = await found if inspect.isawaitable(found) else found
    elif app.auth is None:
        return None
    else:
        names = (f"access-token-{app.cookie_id}", f"access-token-unsecure-{app.cookie_id}")
        tokens = [request.cookies[name] for name in names if name in request.cookies]
        user = next((app.tokens[token] for token in tokens if token in app.tokens), None)
    if user is None:
        raise Forbidden
    return user


def same_origin(request: Request) -> bool:
    """Whether no other site's page sent this. Programs say no origin; they need a ticket, too."""
    origin = request.headers.get("origin")
    if origin is None:
        return True
    # A proxy says in a header of its own which host the browser asked for.
    host = request.headers.get("x-forwarded-host") or request.headers.get("host", "")
    return urlsplit(origin).netloc == host.partition(",")[0].strip()


async def body(request: Request, most: int) -> bytes | None:
    """The bytes of a request; None where there are more than `most`, which are not read."""
    data = bytearray()
    with contextlib.suppress(ClientDisconnect):
        async for part in request.stream():
            data += part
            if len(data) > most:
                return None
    return bytes(data)
