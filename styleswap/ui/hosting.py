"""Who can reach the page, by which names, through which proxies, and with which login."""

from __future__ import annotations

import ipaddress
import os
import secrets
import socket
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatch
from pathlib import Path

from styleswap import limits
from styleswap.errors import StyleSwapError

LOOPBACK = ("127.0.0.1", "::1", "localhost")

Network = ipaddress.IPv4Network | ipaddress.IPv6Network


@dataclass(frozen=True)
class Hosting:
    """How a server is reached.

    Attributes:
        auth: names and passwords, of which one is needed where there are any.
        proxies: whose word is taken on where a request comes from, and by which name.
        names: what the page is called, beside the addresses of this machine; ``*`` may stand in it.
        framed: whether other sites show it inside their own, as Spaces do.
        secret: by which what this process asks of itself is known.
    """

    auth: tuple[tuple[str, str], ...] = ()
    proxies: tuple[Network, ...] = ()
    names: tuple[str, ...] = ()
    framed: bool = False
    secret: str = field(default_factory=secrets.token_urlsafe)

    @classmethod
    def chosen(
        cls,
        host: str | None,
        share: bool,
        auth: Sequence[str] = (),
        given: Mapping[str, str] = os.environ,
    ) -> Hosting:
        """What flags and environment ask for; puts limits in force that fit.

        Args:
            host: the address that the server listens at, None for this machine alone.
            auth: ``USER:PASSWORD``, or files of these.

        Raises:
            StyleSwapError: one of them cannot be read.
        """
        host = host or given.get("GRADIO_SERVER_NAME") or LOOPBACK[0]
        share = share or given.get("GRADIO_SHARE", "").lower() == "true"
        space = "SPACE_ID" in given
        limits.use(limits.read(share or space or host not in LOOPBACK, given))
        proxies = [part for part in given.get("STYLESWAP_PROXIES", "").split(",") if part.strip()]
        names = [*given.get("STYLESWAP_HOSTS", "").split(","), socket.gethostname(), host]
        if share:
            proxies.append(LOOPBACK[0])
            names.append("*.gradio.live")
        if space:  # where nothing but its proxy reaches the page
            proxies += ["0.0.0.0/0", "::/0"]
            names += [given.get("SPACE_HOST", ""), "*.hf.space", "huggingface.co"]
        logins = [*auth, *([given["STYLESWAP_AUTH"]] if given.get("STYLESWAP_AUTH") else [])]
        return cls(
            tuple(pair for text in logins for pair in _logins(text)),
            tuple(_network(text.strip()) for text in proxies),
            tuple(name.strip().lower() for name in names if name.strip()),
            space,
        )

    def is_proxy(self, address: str) -> bool:
        """Whether what this address says of a request is believed."""
        try:
            found = ipaddress.ip_address(address)
        except ValueError:
            return False
        return any(found in network for network in self.proxies)

    def is_ours(self, host: str) -> bool:
        """Whether a request for this host, which may say a port, is meant for this page.

        An address always is: another site's name may lead here, an address is nobody else's.
        """
        name = host.rpartition(":")[0] if _has_port(host) else host
        name = name.strip("[]").rstrip(".").lower()
        if name in LOOPBACK or any(fnmatch(name, known) for known in self.names):
            return True
        try:
            ipaddress.ip_address(name)
        except ValueError:
            return False
        return True


def _has_port(host: str) -> bool:
    return host.rpartition(":")[2].isdigit() and (host.count(":") == 1 or "]:" in host)


def _network(text: str) -> Network:
    try:
        return ipaddress.ip_network(text, strict=False)
    except ValueError:
        raise StyleSwapError(
            f"STYLESWAP_PROXIES must be addresses or networks, and {text!r} is none."
        ) from None


def _logins(text: str) -> list[tuple[str, str]]:
    """Names and passwords, out of one pair or a file of them."""
    lines = [text]
    if Path(text).is_file():
        lines = [line for line in Path(text).read_text("utf-8").splitlines() if line.strip()]
    pairs = [line.strip().partition(":") for line in lines]
    if not pairs or not all(name and password for name, _, password in pairs):
        raise StyleSwapError("A login is USER:PASSWORD, or a file with one a line.")
    return [(name, password) for name, _, password in pairs]
