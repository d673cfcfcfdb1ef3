from __future__ import annotations

import math
from concurrent.futures import ThreadPoolExecutor

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from styleswap import steady
from styleswap.media import Pixels
from styleswap.metrics import warping_error
from styleswap.steady import Finder, Motion, Steadier, Steady, enlarged, inside, warped


def scene(width: int = 260, height: int = 180, seed: int = 0) -> Pixels:
    """Soft blobs of every colour and size, as a photograph has them."""
    dice = np.random.default_rng(seed)
    picture = np.zeros((height, width, 3), np.float32)
    for size in (20, 8, 3, 1.2):
        rough = dice.normal(size=(height, width, 3)).astype(np.float32)
        picture += size * np.sqrt(size) * cv2.GaussianBlur(rough, (0, 0), size)
    low, high = np.percentile(picture, (1, 99))
    return np.asarray(((picture - low) / (high - low)).clip(0, 1) * 255, np.uint8)


def window(picture: Pixels, x: int, y: int) -> Pixels:
    """160 x 96 of it."""
    return np.ascontiguousarray(picture[y : y + 96, x : x + 160])


def found(before: Pixels, now: Pixels, finder: Finder | None = None) -> Motion:
    finder = finder or Finder()
    return finder.motion(finder.seen(before), finder.seen(now))


# --- motion -------------------------------------------------------------------------------------


@settings(deadline=None, max_examples=15)
@given(st.integers(-9, 9), st.integers(-9, 9), st.integers(0, 99))
def test_a_picture_that_moved(x: int, y: int, seed: int) -> None:
    picture = scene(seed=seed)
    motion = found(window(picture, 40, 40), window(picture, 40 + x, 40 + y))
    inner = motion.flow[16:-16, 16:-16]
    # The window moved by that much: what it shows was further to the right and further down.
    assert np.abs(np.median(inner, (0, 1)) - (x, y)).max() < 0.25
    assert np.abs(inner - (x, y)).mean() < 0.4
    assert motion.trust[16:-16, 16:-16].mean() > 0.8
    assert motion.trust.dtype == np.float32 and 0 <= motion.trust.min() <= motion.trust.max() <= 1


def test_nothing_is_known_of_what_came_into_the_picture() -> None:
    picture = scene()
    motion = found(window(picture, 40, 40), window(picture, 52, 40))
    assert motion.trust[:, -11:].mean() < 0.15 < 0.8 < motion.trust[8:-8, 8:-20].mean()


def test_trust_is_low_where_something_was_uncovered() -> None:
    ground, thing = window(scene(), 0, 0), scene(seed=7)[:48, :48]
    before, now = ground.copy(), ground.copy()
    before[24:72, 40:88] = thing
    now[24:72, 46:94] = thing
    motion = found(before, now)
    uncovered, still = motion.trust[28:68, 41:45], motion.trust[:, 120:]
    assert uncovered.mean() < 0.35 and still.mean() > 0.9
    assert motion.trust[34:62, 58:82].mean() > 0.8  # the thing itself, which moved
    assert np.median(motion.flow[34:62, 58:82, 0]) == pytest.approx(-6, abs=1.2)


def test_other_scenes_are_not_trusted() -> None:
    assert found(window(scene(), 0, 0), window(scene(seed=9), 0, 0)).trust.mean() < steady.CUT
    dark = np.zeros((96, 160, 3), np.uint8)
    assert found(dark, dark + 255).trust.mean() < steady.CUT


@pytest.mark.parametrize("size", [(640, 384), (384, 640), (320, 192), (64, 48), (33, 32)])
def test_motion_is_looked_for_in_small_pictures(size: tuple[int, int]) -> None:
    frame = cv2.resize(scene(), size)
    seen = Finder().seen(frame)
    shrink = min(1, 320 / max(size))
    assert seen.shape == (round(size[1] * shrink), round(size[0] * shrink))
    assert seen.dtype == np.uint8
    assert Finder().motion(seen, seen).trust.mean() > 0.9


def test_warped_by_hand() -> None:
    picture = np.array([[0, 10, 20, 30], [40, 50, 60, 70], [80, 90, 100, 110]], np.float32)
    flow = np.zeros((3, 4, 2), np.float32)
    assert (warped(picture, flow) == picture).all()
    flow[..., 0] = 1  # each was one to the right
    assert warped(picture, flow).tolist() == [
        [10, 20, 30, 30],
        [50, 60, 70, 70],
        [90, 100, 110, 110],
    ]
    flow[..., 0], flow[..., 1] = 0, -1
    assert warped(picture, flow).tolist() == [[0, 10, 20, 30], [0, 10, 20, 30], [40, 50, 60, 70]]
    flow[...] = 0
    flow[1, 2] = (0.5, -0.5)
    assert warped(picture, flow)[1, 2] == 45 and (warped(picture, flow) != picture).sum() == 1


def test_inside_by_hand() -> None:
    flow = np.zeros((2, 3, 2), np.float32)
    flow[..., 0] = 1
    assert inside(flow).tolist() == [[True, True, False]] * 2
    flow[..., 0], flow[..., 1] = 0, -1
    assert inside(flow).tolist() == [[False] * 3, [True] * 3]


def test_motion_at_another_size() -> None:
    flow = np.full((48, 64, 2), (3, -2), np.float32)
    large = enlarged(Motion(flow, np.full((48, 64), 0.5, np.float32)), 128, 144)
    assert large.flow.shape == (144, 128, 2) and large.trust.shape == (144, 128)
    assert np.allclose(large.flow, (6, -6)) and np.allclose(large.trust, 0.5)


# --- steadiness ---------------------------------------------------------------------------------


def steadied(results: list[Pixels], films: list[Pixels], strength: float) -> list[Pixels]:
    finder, steadier = Finder(), Steadier(strength)
    before, out = None, []
    for result, film in zip(results, films, strict=True):
        seen = finder.seen(film)
        motion = None if before is None else finder.motion(before, seen)
        out.append(steadier(result, motion))
        before = seen
    return out


@pytest.fixture(scope="module")
def pan() -> list[Pixels]:
    picture = scene()
    return [window(picture, 10 + 3 * k, 20 + 2 * k) for k in range(12)]


def flickering(pan: list[Pixels], by: float = 14) -> list[Pixels]:
    """What was filmed, painted a little differently each time."""
    dice = np.random.default_rng(1)
    coarse = [dice.normal(0, by, (12, 20, 3)).astype(np.float32) for _ in pan]
    return [
        np.clip(frame + cv2.resize(spots, (160, 96)), 0, 255).astype(np.uint8)
        for frame, spots in zip(pan, coarse, strict=True)
    ]


def flicker(results: list[Pixels], films: list[Pixels]) -> float:
    return warping_error(zip(films, results, strict=True))[1]


def test_steady_results_flicker_less(pan: list[Pixels]) -> None:
    results = flickering(pan)
    by_itself = flicker(results, pan)
    half, more = (flicker(steadied(results, pan, s), pan) for s in (0.5, 0.8))
    assert half < 0.5 * by_itself and more < 0.6 * half


def test_a_moving_camera_does_not_smear(pan: list[Pixels]) -> None:
    for k, (frame, clean) in enumerate(zip(steadied(pan, pan, 0.8), pan, strict=True)):
        off = np.abs(frame.astype(int) - clean)
        assert off.mean() < 2.5, k
        assert off[8:-8, 8:-8].max() < 25, k
    stuck = np.mean([0.2 * 0.8**k * pan[11 - k] for k in range(12)], 0) * 12  # without the motion
    assert np.abs(stuck / (1 - 0.8**12) - pan[11]).mean() > 10


def test_noise_gets_less(pan: list[Pixels]) -> None:
    dice = np.random.default_rng(2)
    noisy = [
        np.clip(frame + dice.normal(0, 8, frame.shape), 0, 255).astype(np.uint8) for frame in pan
    ]
    shown = steadied(noisy, noisy, 0.5)
    before, after = (
        np.mean([np.square(a.astype(int) - b).mean() for a, b in zip(x[3:], pan[3:], strict=True)])
        for x in (noisy, shown)
    )
    assert after < 0.75 * before


def test_strength_0_changes_nothing(pan: list[Pixels]) -> None:
    results = flickering(pan)
    for frame, result in zip(steadied(results, pan, 0), results, strict=True):
        assert (frame == result).all()


def test_what_has_nothing_before_it_is_as_it_is(pan: list[Pixels]) -> None:
    steadier, motion = Steadier(1), found(pan[0], pan[1])
    assert steadier(pan[0], motion) is pan[0]  # the first of all
    assert steadier(pan[1], None) is pan[1]
    assert steadier(pan[2], motion) is not pan[2]


def test_a_cut_begins_anew(pan: list[Pixels]) -> None:
    other = [window(scene(seed=5), 20, 20 + k) for k in range(4)]
    films = pan[:4] + other
    results = flickering(films)
    shown = steadied(results, films, 0.9)
    assert (shown[4] == results[4]).all()
    assert (shown[3] != results[3]).any() and (shown[5] != results[5]).any()
    # And what comes then has nothing of what was before.
    again = steadied(results[4:], films[4:], 0.9)
    assert all((a == b).all() for a, b in zip(shown[4:], again, strict=True))


def test_full_strength_is_the_first_moved_along() -> None:
    still = window(scene(), 0, 0)
    results = [np.full_like(still, v) for v in (100, 140, 60)]
    for strength, want in ((1.0, (100, 100, 100)), (0.5, (100, 120, 90))):
        shown = steadied(results, [still] * 3, strength)
        assert [float(frame.mean()) for frame in shown] == pytest.approx(want, abs=0.6)


def test_results_may_be_larger_than_where_motion_is_looked_for() -> None:
    picture = cv2.resize(scene(), (1040, 720))
    films = [np.ascontiguousarray(picture[:480, 8 * k : 8 * k + 640]) for k in range(3)]
    for frame, clean in zip(steadied(films, films, 0.8), films, strict=True):
        assert frame.shape == (480, 640, 3)
        assert np.abs(frame.astype(int) - clean)[16:-16, 16:-32].mean() < 1.5


# --- frames and what is painted of them ---------------------------------------------------------


def noisy(pan: list[Pixels]) -> list[Pixels]:
    dice = np.random.default_rng(2)
    return [
        np.clip(frame + dice.normal(0, 8, frame.shape), 0, 255).astype(np.uint8) for frame in pan
    ]


def painted_at(frame: Pixels, times: float) -> Pixels:
    """In place of a network: the negative, at another size."""
    return np.asarray(cv2.resize(255 - frame, None, fx=times, fy=times))


@pytest.mark.parametrize("times", [1, 0.5, 2])
def test_frames_and_results_are_steadied_by_the_same_motion(
    times: float, pan: list[Pixels]
) -> None:
    both, finder = Steady(0.6, Finder()), Finder()
    frames, results, before = Steadier(0.6), Steadier(0.6), None
    for k, film in enumerate(noisy(pan)):
        clean, motion = both.filmed(film)
        assert (motion is None) == (k == 0)
        shown = both.painted(painted_at(clean, times), motion)
        seen = finder.seen(film)
        want = None if before is None else finder.motion(before, seen)
        before = seen
        by_hand = frames(film, want)
        assert (clean == by_hand).all()
        assert (shown == results(painted_at(by_hand, times), want)).all()
        assert shown.shape == (96 * times, 160 * times, 3)


def test_frames_have_less_noise_before_they_are_painted(pan: list[Pixels]) -> None:
    films, both = noisy(pan), Steady(0.5, Finder())
    clean = [both.filmed(film)[0] for film in films]
    before, after = (
        np.mean([np.square(a.astype(int) - b).mean() for a, b in zip(x[3:], pan[3:], strict=True)])
        for x in (films, clean)
    )
    assert after < 0.75 * before
    assert (clean[0] == films[0]).all()


def test_steadied_by_0_is_untouched(pan: list[Pixels]) -> None:
    both = Steady(0.0, Finder())
    for film, result in zip(noisy(pan), flickering(pan), strict=True):
        clean, motion = both.filmed(film)
        assert (clean == film).all() and (both.painted(result, motion) == result).all()


def test_filming_may_run_ahead_of_painting(pan: list[Pixels]) -> None:
    films, results = noisy(pan), flickering(pan)
    in_turn, ahead = Steady(0.6, Finder()), Steady(0.6, Finder())
    want = [
        in_turn.painted(result, in_turn.filmed(film)[1])
        for film, result in zip(films, results, strict=True)
    ]
    with ThreadPoolExecutor(1) as other:
        filmed = [other.submit(ahead.filmed, film) for film in films]
        got = [
            ahead.painted(result, found.result()[1])
            for result, found in zip(results, filmed, strict=True)
        ]
    assert all((a == b).all() for a, b in zip(got, want, strict=True))
    assert any((a != b).any() for a, b in zip(got, results, strict=True))


# --- how it is measured -------------------------------------------------------------------------


def test_warping_error_by_hand() -> None:
    still = window(scene(), 0, 0)
    light, dark = np.full_like(still, 110), np.full_like(still, 80)
    content, result = warping_error([(still, (light, dark)[k % 2]) for k in range(5)])
    assert content == pytest.approx(0, abs=1e-9)
    assert result == pytest.approx((30 / 255) ** 2, rel=1e-6)
    # Half of the changes, half of the mean.
    results = [light, dark, dark, light, light]
    _, result = warping_error((still, frame) for frame in results)
    assert result == pytest.approx(0.5 * (30 / 255) ** 2, rel=1e-6)


def test_warping_error_of_equal_frames_is_0() -> None:
    still = window(scene(), 0, 0)
    assert warping_error([(still, still)] * 4) == pytest.approx((0, 0), abs=1e-9)


def test_warping_error_of_motion_alone_is_small(pan: list[Pixels]) -> None:
    content, result = warping_error(zip(pan, pan, strict=True))
    assert content == result < 1e-4
    wrong = warping_error(zip([pan[0]] * 12, pan, strict=True))[1]  # motion that the content lacks
    assert wrong > 20 * result


def test_warping_error_does_not_count_what_is_not_known() -> None:
    ground, thing = window(scene(), 0, 0), scene(seed=7)[:48, :48]
    films, results = [], []
    for k in range(4):
        film = ground.copy()
        film[24:72, 40 + 12 * k : 88 + 12 * k] = thing
        result = np.full_like(film, 90)
        result[24:72, 40 + 12 * k : 88 + 12 * k] = 200  # it covers and uncovers, and no more
        films.append(film)
        results.append(result)
    still = [results[0], *results[:-1]]
    right = warping_error(zip(films, results, strict=True))[1]
    late = warping_error(zip(films, still, strict=True))[1]
    assert right < 0.25 * late


def test_warping_error_of_cuts_and_single_frames() -> None:
    still, other = window(scene(), 0, 0), window(scene(seed=4), 0, 0)
    assert all(math.isnan(x) for x in warping_error([(still, still)]))
    assert all(math.isnan(x) for x in warping_error([]))
    dark = np.zeros_like(still)
    assert all(math.isnan(x) for x in warping_error([(dark, still), (dark + 255, other)]))
