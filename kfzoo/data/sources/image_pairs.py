"""`ImageArkitPairs`: images of faces whose ground truth a phone recorded."""

from __future__ import annotations

import math
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Literal

import numpy as np

from kfzoo.arkit.channels import clamp
from kfzoo.data.image_listing import list_images
from kfzoo.data.image_numbers import image_numbers
from kfzoo.data.image_problems import ImageProblems
from kfzoo.data.keyframe_selection import at_rate
from kfzoo.data.recording_folder import compiled_pattern, subject_of
from kfzoo.data.script import UNSPECIFIED, Script
from kfzoo.data.sources.base import CachedSource
from kfzoo.data.sources.image_labels import Labels, read_labels
from kfzoo.data.sources.live_link import describe_recorded_face
from kfzoo.errors import InputError

LOOSE = 0.03
"""Share of a take's length by which images may last longer or shorter; 24 and 25 images a second differ by more."""


class ImageArkitPairs(CachedSource):
    """Images joined to recorded coefficients; a script of one keyframe for each.

    The images of one folder are a session, with its own take and its own face at rest; a script is named
    `<session>/<image>`, so that `Script.recording` is the session. Descriptions say what can be seen, as for
    `LiveLinkTakes`.

    - Joined by *time*, an image's number (`kfzoo.data.image_numbers`: the one by which all names of the session differ)
      counts images at `image_fps` from the session's first one, which shows the first row's moment; it gets the row
      nearest to its time, if one is within half an image. Images must last as long as the take: another length
      means another rate.
    - Joined by *name*, a row of JSON Lines names its image under "image"; a row of a take is named by its timecode,
      as in `10_49_40_22.123.png`.

    What does not fit is logged, one line each kind, and left out: an image without a row, a session without ground
    truth or of another length, an image that cannot be read. When joined by name, rows without an image are counted.

    Args:
        folder: The images.
        coefficients: A Live Link Face CSV, a folder with `<session>.csv` for each folder of images, or JSON Lines of
            `{"image": …, "coefficients": …}`, which may hold "time" in seconds and "session".
        join: What they are joined on.
        image_fps: Images a second, to join by time.
        fps: Images a second that are kept (SemanticFace keeps 2 of 60); null for all.
        neutral: What each session is calibrated by (`kfzoo.data.calibration`): nothing, "first" for its first row, the
            path of a take of the face at rest, or of a folder of those by session.
        subject_pattern: Regular expression with a group `subject`, searched in the session's name; every session must
            match. Without it all are of one subject, "unspecified".
        strict: Whether the first thing that does not fit ends the work instead.
        partial: Whether images and take may cover only a part of each other, when joined by time.

    Raises:
        InputError: For an argument out of range, and no images; on reading, for coefficients that cannot be read, a
            session that does not match, no pair at all, or when strict.
    """

    def __init__(
        self,
        folder: str | os.PathLike[str],
        coefficients: str | os.PathLike[str],
        join: Literal["time", "name"] = "time",
        image_fps: float = 60.0,
        fps: float | None = 2.0,
        neutral: str | None = None,
        subject_pattern: str | None = None,
        strict: bool = False,
        partial: bool = False,
    ) -> None:
        for name, rate in (("image_fps", image_fps), ("fps", fps)):
            if rate is not None and not (math.isfinite(rate) and rate > 0):
                raise InputError(name, f"is {rate}, expected a positive number of images a second")
        if join not in ("time", "name"):
            raise InputError("join", f"is '{join}', expected time or name")
        if neutral not in (None, "first") and not Path(str(neutral)).exists():
            raise InputError("neutral", f"there is no '{neutral}'", "expected null, 'first', a take or a folder")
        self.folder, self.coefficients = Path(folder), Path(coefficients)
        self.join: Literal["time", "name"] = join
        self.image_fps, self.fps, self.neutral = image_fps, fps, neutral
        self.strict, self.partial = strict, partial
        self._subject = None if subject_pattern is None else compiled_pattern("subject", subject_pattern)
        list_images(self.folder)

    def _read(self) -> Iterator[Script]:
        problems = ImageProblems(self.folder, self.strict)
        listing = list_images(self.folder)
        problems.pass_over(listing)
        sessions: dict[str, list[Path]] = {}
        for path in listing.images:
            name = path.parent.relative_to(self.folder).as_posix()
            sessions.setdefault("" if name == "." else name, []).append(path)
        labels = read_labels(self.coefficients, list(sessions))
        used = 0
        for session, paths in sessions.items():
            if session not in labels:
                problem = f"has no ground truth in {self.coefficients} ({len(paths)} images)"
                error = InputError(self.folder / session, problem, f"add '{session}' there")
                problems.leave_out(self.folder / session, error)
                continue
            for script in self._pairs(session, paths, labels[session], problems):
                used += 1
                yield script
        problems.summarise(used)

    def _pairs(self, session: str, paths: list[Path], labels: Labels, problems: ImageProblems) -> Iterator[Script]:
        values = clamp(labels.calibrated(self.neutral, session))
        pairs = list(self._joined(paths, labels, problems))
        rows = len({row for _, row in pairs})
        if rows < len(values) and self.join == "name":
            problems.warn(labels.path, f"{len(values) - rows} of {len(values)} rows of '{session}' have no image")
        remedy = "change the pattern or move the folder away"
        subject = subject_of(self._subject, session, self.folder / session, remedy)
        for path, row in self._sampled(pairs, labels):
            if problems.usable(path):
                second = 0.0 if labels.seconds is None else float(labels.seconds[row])
                yield Script(
                    id=f"{session or self.coefficients.stem}/{path.name}",
                    subject=subject,
                    background="",
                    emotion=UNSPECIFIED,
                    keyframes=(describe_recorded_face(0, second, values[row], image_path=str(path)),),
                )

    def _joined(self, paths: list[Path], labels: Labels, problems: ImageProblems) -> Iterator[tuple[Path, int]]:
        """Yields images with their rows; logs those that have none."""
        if self.join == "name":
            for path in paths:
                row = labels.row_named(path.relative_to(self.folder).as_posix())
                if row is not None:
                    yield path, row
                else:
                    problem = f"{labels.path.name} names it in no row, or in several"
                    problems.leave_out(path, InputError(path, problem, "rename it"))
            return
        start = _start(labels)
        try:
            numbers = self._numbers(paths, labels)
        except InputError as error:
            problems.leave_out(paths[0].parent, error)
            return
        for path in paths:
            if path not in numbers:
                problem = "has no number in its name"
                problems.leave_out(path, InputError(path, problem, "number the images, or join by name"))
        first = min(numbers.values(), default=0)
        for path in sorted(numbers, key=lambda path: numbers[path]):
            second = (numbers[path] - first) / self.image_fps
            row = labels.row_at(start + second, 0.5 / self.image_fps)
            if row is not None:
                yield path, row
            else:
                problem = f"no row of {labels.path.name} is at its time, {second:.3f} s"
                remedy = "check image_fps, and that both start together"
                problems.leave_out(path, InputError(path, problem, remedy))

    def _numbers(self, paths: list[Path], labels: Labels) -> dict[Path, int]:
        """Returns the images' numbers.

        Raises:
            InputError: When they are not known, or the images last longer or shorter than the take.
        """
        folder = paths[0].parent
        numbers = image_numbers(folder, paths)
        if self.partial or len(numbers) < 2 or labels.seconds is None:
            return numbers
        ordered = np.sort(np.array(list(numbers.values()), dtype=np.float64))
        images = float(ordered[-1] - ordered[0]) / self.image_fps
        step = float(np.median(np.diff(ordered))) / self.image_fps
        take = float(np.ptp(labels.seconds))
        if abs(images - take) <= max(LOOSE * take, step + take / max(len(labels.seconds) - 1, 1)):
            return numbers
        fitting = f"image_fps {self.image_fps * images / take:.4g}" if take else "another image_fps"
        problem = f"{len(numbers)} images last {images:.2f} s at image_fps {self.image_fps:g}, and {labels.path.name}"
        remedy = f"give the rate that the numbers count at ({fitting} would fit), or partial: true for parts of a take"
        raise InputError(folder, f"{problem} lasts {take:.2f} s", remedy)

    def _sampled(self, pairs: list[tuple[Path, int]], labels: Labels) -> list[tuple[Path, int]]:
        """Pairs at `fps`."""
        if self.fps is None or len(pairs) < 2:
            return pairs
        if labels.seconds is None:
            problem = f"is {self.fps}, but {labels.path.name} has no time for some rows"
            raise InputError("fps", problem, "set it to null, or add the key 'time'")
        seconds = labels.seconds
        pairs = sorted(pairs, key=lambda pair: float(seconds[pair[1]]))
        return [pairs[place] for place in at_rate(np.array([seconds[row] for _, row in pairs]), self.fps)]


def _start(labels: Labels) -> float:
    """Returns the time of the first row.

    Raises:
        InputError: When no time is known.
    """
    if labels.seconds is None:
        raise InputError(labels.path, "has no time for some rows", "add the key 'time', or join by name")
    return float(labels.seconds[0])
