"""What Gradio's page says of its icon and its manifest, by addresses that hold behind a subpath.

Gradio names no icon, so that browsers ask the host's own root for one, and its manifest by a path
from there. To be deleted when its template does better, which a test tells.
"""

from __future__ import annotations

from collections.abc import Callable

from gradio.routes import templates
from jinja2 import BaseLoader, Environment

GRADIOS = '<link rel="manifest" href="/manifest.json" />'
OURS = '<link rel="icon" href="./favicon.ico" /><link rel="manifest" href="./manifest.json" />'


class _Mended(BaseLoader):
    """Gives Gradio's templates with `OURS` in place of `GRADIOS`."""

    def __init__(self, plain: BaseLoader) -> None:
        self.plain = plain

    def get_source(
        self, environment: Environment, template: str
    ) -> tuple[str, str | None, Callable[[], bool] | None]:
        text, file, is_fresh = self.plain.get_source(environment, template)
        return text.replace(GRADIOS, OURS), file, is_fresh


def mend() -> None:
    """Have every page of this process say it, whichever was served before."""
    env = templates.env
    if env.loader is not None and not isinstance(env.loader, _Mended):
        env.loader = _Mended(env.loader)
        if env.cache is not None:
            env.cache.clear()
