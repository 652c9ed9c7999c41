"""The page in Chromium, from a file and offline; runs where Chromium and the extra `browser` are installed."""

from __future__ import annotations

import io
import shutil
from base64 import b64decode
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from PIL import Image

from kfzoo.animation.face_animation import FaceAnimation
from kfzoo.animation.page.shown_take import ShownTake
from kfzoo.animation.page.writer import write_page
from kfzoo.rendering.drawing.draw import draw_face
from tests.animation.page.test_page import FACES, WORDS

playwright = pytest.importorskip("playwright.sync_api", reason="without the extra `browser`")
CHROMIUM = shutil.which("chromium")
pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="without Chromium")

ANIMATION = FaceAnimation.of_keyframes([0.5, 1.2, 2], FACES, texts=WORDS, hold=0.2, ease=0.4)


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """Opens a page at a time; in the end nothing was requested and nothing was wrong."""
    path = tmp_path_factory.mktemp("page") / "two.html"
    write_page([ShownTake.of_animation(ANIMATION, "one"), ShownTake.of_animation(ANIMATION.scaled(0.5), "two")], path)
    seen: list[str] = []
    with playwright.sync_playwright() as starter:
        browser = starter.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])

        def opened(address: str = "", **settings: Any) -> Any:
            page = browser.new_context(offline=True, **settings).new_page()
            page.on("console", lambda message: seen.append(message.text))
            page.on("pageerror", lambda error: seen.append(str(error)))
            page.on("request", lambda request: seen.append(request.url))
            page.goto(path.as_uri() + address)
            page.wait_for_selector("body.ready")
            return page

        yield opened
        browser.close()
    assert [line for line in seen if not line.startswith(path.as_uri())] == []


def canvas(page: Any, name: str) -> np.ndarray:
    """The pixels of a canvas on white."""
    address = page.evaluate("name => document.getElementById(name).toDataURL()", name)
    image = Image.open(io.BytesIO(b64decode(address.partition(",")[2]))).convert("RGBA")
    return np.asarray(Image.alpha_composite(Image.new("RGBA", image.size, "white"), image).convert("RGB")).astype(int)


def test_the_canvas_shows_the_drawing(pages: Any) -> None:
    for seconds in (0.5, 1.2, 1.6):
        page = pages(f"#t={seconds}", viewport={"width": 1400, "height": 1200})
        for name, strength in (("face-0", 1.0), ("face-1", 0.5)):
            shown = canvas(page, name)
            target = draw_face(ANIMATION.scaled(strength).curves[round(seconds * 60)], len(shown))
            apart = np.abs(shown - np.asarray(target)).max(axis=2)
            assert len(shown) > 250
            assert apart.mean() < 0.8
            assert (apart > 24).mean() < 0.01


def test_keys_and_buttons_move_both_takes(pages: Any) -> None:
    page = pages("#t=0", viewport={"width": 390, "height": 844}, color_scheme="dark")

    def now() -> str:
        return str(page.text_content("#now"))

    still = canvas(page, "face-1")
    for key, seconds in (("ArrowRight", "0.03 s"), ("End", "2.60 s"), ("ArrowLeft", "2.57 s"), ("Home", "0.00 s"),
                         ("Shift+ArrowRight", "0.50 s"), ("Shift+ArrowRight", "1.20 s")):  # fmt: skip
        page.keyboard.press(key)
        assert now() == seconds
    assert page.text_content("#caption-0") == ""
    page.keyboard.press("Shift+ArrowLeft")
    assert page.text_content("#caption-1") == WORDS[0]
    assert (canvas(page, "face-1") != still).any()
    page.keyboard.press(" ")
    page.wait_for_selector("body.playing")
    page.wait_for_timeout(150)
    page.keyboard.press(" ")
    assert now() > "0.55"
    at = now()
    page.wait_for_timeout(150)
    assert now() == at
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    page.click("#theme")
    assert page.get_attribute("html", "data-theme") == "light"


def test_curves_are_chosen_by_name(pages: Any) -> None:
    page = pages("#t=1.2", viewport={"width": 1200, "height": 1400})
    assert page.locator(".row").count() == 6
    page.click("summary")
    page.fill("#filter", "jawo")
    page.locator("#chips button:visible").click()
    row = page.locator(".row", has_text="JawOpen")
    shown = row.count()
    if not shown:  # it was among the strongest
        page.locator("#chips button:visible").click()
    assert row.locator("output").all_text_contents() == ["0.80", "0.40"]
