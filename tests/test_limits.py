"""How much a visitor may ask of the machine, and who may reach the page by which name."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator
from pathlib import Path

import pytest

from styleswap import limits
from styleswap.errors import StyleSwapError
from styleswap.ui.hosting import Hosting
from tests.helpers import ROOT


@pytest.fixture(autouse=True)
def as_before() -> Iterator[None]:
    before = limits.now()
    yield
    limits.use(before)


def test_the_table_stands_in_the_documentation() -> None:
    assert limits.table() in (ROOT / "docs" / "hosting.md").read_text("utf-8")


def test_variables_set_limits_and_strangers_have_less() -> None:
    gentle, strict = limits.read(False, {}), limits.read(True, {})
    assert gentle == limits.Limits() and strict.jobs < gentle.jobs and strict.disk < gentle.disk
    assert limits.read(True, {"STYLESWAP_JOBS": "7", "STYLESWAP_DISK": ""}).jobs == 7
    for wrong in ("x", "0", "-1", "nan", "inf"):
        with pytest.raises(StyleSwapError, match="STYLESWAP_JOBS must be a number above 0"):
            limits.read(True, {"STYLESWAP_JOBS": wrong})


@pytest.mark.parametrize(
    "host, share, given, strict",
    [
        (None, False, {}, False),
        ("127.0.0.1", False, {}, False),
        ("0.0.0.0", False, {}, True),
        (None, True, {}, True),
        (None, False, {"SPACE_ID": "a/b"}, True),
        (None, False, {"GRADIO_SERVER_NAME": "0.0.0.0"}, True),
        (None, False, {"GRADIO_SHARE": "True"}, True),
    ],
)
def test_strict_wherever_others_can_reach_it(
    host: str | None, share: bool, given: dict[str, str], strict: bool
) -> None:
    Hosting.chosen(host, share, given=given)
    assert limits.now() == limits.read(strict, {})


def test_whose_word_is_taken() -> None:
    given = {"STYLESWAP_PROXIES": "10.0.0.0/8, ::1"}
    hosting = Hosting.chosen(None, False, given=given)
    assert hosting.is_proxy("10.1.2.3") and hosting.is_proxy("::1")
    assert not hosting.is_proxy("127.0.0.1") and not hosting.is_proxy("") and not hosting.auth
    assert Hosting.chosen(None, True, given={}).is_proxy("127.0.0.1")
    assert Hosting.chosen(None, False, given={"SPACE_ID": "x"}).is_proxy("8.8.8.8")
    with pytest.raises(StyleSwapError, match="'nonsense' is none"):
        Hosting.chosen(None, False, given={"STYLESWAP_PROXIES": "nonsense"})


def test_by_which_names() -> None:
    given = {"STYLESWAP_HOSTS": "a.example, *.b.example"}
    hosting = Hosting.chosen("0.0.0.0", False, given=given)
    for host in ("a.example", "A.EXAMPLE:80", "x.b.example", "localhost", "[::1]:1", "1.2.3.4:5"):
        assert hosting.is_ours(host), host
    for host in ("b.example", "a.example.evil", "evil", "", ":80", "a.example@evil", "[evil]"):
        assert not hosting.is_ours(host), host
    assert Hosting.chosen(None, True, given={}).is_ours("1234.gradio.live")
    assert not Hosting.chosen(None, False, given={}).is_ours("1234.gradio.live")


def test_logins(tmp_path: Path) -> None:
    file = tmp_path / "logins"
    file.write_text("bob:a:b\n\ncid:c\n")
    hosting = Hosting.chosen(None, False, ["ann:secret", str(file)], {"STYLESWAP_AUTH": "dan:d"})
    assert hosting.auth == (("ann", "secret"), ("bob", "a:b"), ("cid", "c"), ("dan", "d"))
    for wrong in ("ann", "ann:", ":secret", str(tmp_path)):
        with pytest.raises(StyleSwapError, match="A login is USER:PASSWORD"):
            Hosting.chosen(None, False, [wrong], {})


def test_a_secret_of_its_own() -> None:
    assert Hosting().secret != Hosting().secret and len(Hosting().secret) > 30
    assert Hosting(proxies=(ipaddress.ip_network("1.2.3.4"),)).is_proxy("1.2.3.4")
