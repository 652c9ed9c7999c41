"""The sound of a video: taken from a WAV file, or from the video in which the face was recorded."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from kfzoo.errors import InputError

RATE = 48000
"""Samples a second: Opus has no other near it, and AAC's players have it."""


def check_sound(sound: str) -> None:
    """Checks that a file can be opened and has sound.

    Raises:
        InputError: Otherwise.
    """
    import av

    if not Path(sound).is_file():
        raise InputError("--sound", f"{sound} is no file", "name a WAV file, or the video of the face")
    try:
        with av.open(sound) as file:
            found = bool(file.streams.audio)
    except (OSError, av.FFmpegError) as error:
        problem = f"{sound} is neither sound nor video ({getattr(error, 'strerror', '') or error})"
        raise InputError("--sound", problem, "name a WAV file, or the video of the face") from None
    if not found:
        raise InputError("--sound", f"{sound} has no sound", "leave --sound out, or name another file")


@dataclass
class SoundTrack:
    """The sound stream of a video that is being written.

    Attributes:
        file: The video, as PyAV's container.
        stream: Its sound stream.
    """

    file: Any
    stream: Any

    def copy(self, sound: str, seconds: float) -> None:
        """Encodes the beginning of a file's sound; what is longer than the video is cut, silence is not added.

        Args:
            sound: The file.
            seconds: Length of the video.
        """
        import av

        layout = self.stream.layout.name
        resampler = av.AudioResampler(self.stream.format, layout, RATE, frame_size=self.stream.frame_size or 1024)
        left = round(seconds * RATE)
        try:
            with av.open(sound) as source:
                for frame in source.decode(source.streams.audio[0]):
                    frame.pts = None  # counted on from 0: a recording's own clock starts anywhere
                    left = self._encode(resampler.resample(frame), left)
                    if left <= 0:
                        break
                else:
                    self._encode(resampler.resample(None), left)
        except av.FFmpegError as error:
            raise InputError("--sound", f"{sound} cannot be decoded ({error.strerror})", "convert it to WAV") from None
        self.file.mux(self.stream.encode())

    def _encode(self, frames: list[Any], left: int) -> int:
        for frame in frames:
            if left > 0:
                self.file.mux(self.stream.encode(frame))
                left -= frame.samples
        return left


def add_sound(file: Any, codec: str) -> SoundTrack:
    """Adds a stereo sound stream to a video before its first picture.

    Args:
        file: The video, as PyAV's container.
        codec: By FFmpeg's name.
    """
    return SoundTrack(file, file.add_stream(codec, rate=RATE, layout="stereo"))
