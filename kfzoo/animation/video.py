"""`Mp4Video`, `WebmVideo`: the curves as a video, drawn or rendered, by PyAV (the extra `video`)."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from importlib.util import find_spec
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from kfzoo.animation.exporter import Exporter, check_curves
from kfzoo.animation.face_animation import FaceAnimation
from kfzoo.animation.pictures import Pixels, make_renderer, pictures
from kfzoo.animation.sound import add_sound, check_sound
from kfzoo.errors import InputError
from kfzoo.files import replacing

SIZE = 512
"""Side in pixels where none is chosen."""


class Video(Exporter):
    """The curves as a video, one picture a frame.

    Attributes:
        codec: Of the pictures, by FFmpeg's name.
        settings: Of the codec.
        sound_codec: Of the sound.
        container: Settings of the file.
    """

    reads = ("size", "sound", "captions", "head")
    codec: ClassVar[str]
    settings: ClassVar[dict[str, str]]
    sound_codec: ClassVar[str]
    container: ClassVar[dict[str, str]] = {}

    def check(self) -> None:
        """Checks PyAV, its encoders, the sound and ICT-FaceKit's folder."""
        if find_spec("av") is None:
            remedy = "pip install 'kfzoo[video]'"
            raise InputError(f"--formats {self.ending}", "needs the package av (PyAV), which is missing", remedy)
        import av

        for name in (self.codec, self.sound_codec):
            if name not in av.codecs_available:
                others = ", ".join(each.ending for each in (Mp4Video, WebmVideo) if each is not type(self))
                problem = f"needs the encoder {name}, which this build of PyAV lacks"
                raise InputError(
                    f"--formats {self.ending}", problem, f"choose {others}, or install PyAV from its wheel"
                )
        if self.options.sound:
            check_sound(self.options.sound)
        make_renderer(self.options.size or SIZE, self._folder())

    def write(self, animation: FaceAnimation, path: Path) -> None:
        """Writes one video, with square pixels and a key picture every second."""
        self.check()
        check_curves(animation, path)
        import av

        rate = Fraction(animation.fps).limit_denominator(1001)
        size = self.options.size or SIZE
        with (
            replacing(path) as temporary,
            av.open(str(temporary), "w", format=self.ending, options=self.container) as file,
        ):
            settings = self.settings | {"g": str(max(1, round(animation.fps)))}
            stream: Any = file.add_stream(self.codec, rate=rate, options=settings)
            stream.width, stream.height, stream.pix_fmt = size, size, "yuv420p"
            sound = add_sound(file, self.sound_codec) if self.options.sound else None
            for picture in self._pictures(animation, size):
                file.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
            file.mux(stream.encode())
            if sound is not None:
                sound.copy(self.options.sound, len(animation.curves) / animation.fps)

    def _pictures(self, animation: FaceAnimation, size: int) -> Iterator[Pixels]:
        """Yields each frame's picture, (size, size, 3)."""
        for index, picture in enumerate(pictures(animation.curves, size, self._folder())):
            words = _words(animation, animation.start + index / animation.fps) if self.options.captions else ""
            yield _captioned(picture, words) if words else picture

    def _folder(self) -> str:
        """Returns ICT-FaceKit's folder, or nothing where the head is a GLB file, which is for glb alone."""
        return "" if Path(self.options.head).is_file() else self.options.head


class Mp4Video(Video):
    """H.264 and AAC: what every player and browser plays."""

    ending = "mp4"
    codec, sound_codec = "libx264", "aac"
    settings: ClassVar[dict[str, str]] = {"crf": "20", "preset": "veryfast"}
    container: ClassVar[dict[str, str]] = {"movflags": "+faststart"}  # plays while it loads


class WebmVideo(Video):
    """VP9 and Opus, without patents."""

    ending = "webm"
    codec, sound_codec = "libvpx-vp9", "libopus"
    settings: ClassVar[dict[str, str]] = {"crf": "30", "b": "0", "deadline": "realtime", "cpu-used": "8"}


def _words(animation: FaceAnimation, seconds: float) -> str:
    """Returns the words of the nearest keyframe, or those of the whole animation."""
    if not animation.texts:
        return animation.text
    return animation.texts[int(np.argmin(np.abs(animation.times - seconds)))]


def _captioned(picture: Pixels, words: str) -> Pixels:
    """Writes words at the lower edge, white on a dark band."""
    from PIL import Image, ImageDraw

    from kfzoo.rendering.contact_sheet import LEADING, load_font, wrap

    size = len(picture)
    text_size = max(9, size // 24)
    font = load_font(text_size)
    lines = wrap(" ".join(words.split()), font, 0.92 * size)[:3]
    image = Image.fromarray(picture)
    pencil = ImageDraw.Draw(image, "RGBA")
    top = size - round((len(lines) + 0.6) * LEADING * text_size)
    pencil.rectangle((0, top, size, size), fill=(0, 0, 0, 150))
    for number, line in enumerate(lines):
        at = ((size - font.getlength(line)) / 2, top + round((number + 0.3) * LEADING * text_size))
        pencil.text(at, line, font=font, fill=(255, 255, 255, 255))
    return np.asarray(image)
