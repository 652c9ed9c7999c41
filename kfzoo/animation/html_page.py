"""`HtmlPage`: the animation as a page that plays in a browser (`kfzoo.animation.page`)."""

from __future__ import annotations

from pathlib import Path

from kfzoo.animation.exporter import Exporter
from kfzoo.animation.face_animation import FaceAnimation


class HtmlPage(Exporter):
    """The animation as a page that plays in a browser, without a network."""

    ending = "html"

    def write(self, animation: FaceAnimation, path: Path) -> None:
        """Writes one page."""
        from kfzoo.animation.page.shown_take import ShownTake
        from kfzoo.animation.page.writer import write_page

        write_page([ShownTake.of_animation(animation, path.stem)], path)
