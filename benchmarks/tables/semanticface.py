"""SemanticFace's tables 1 to 7 on rendered faces: trains and tests its estimators and the methods it compares with.

    python -m benchmarks.tables.semanticface --landmarker face_landmarker.task [--facekit FOLDER] [-- OPTION ...]
    python -m benchmarks.tables.semanticface              # without the estimators that need landmarks
    python -m benchmarks.tables.semanticface --page       # only the page, from the results that are kept
    python -m benchmarks.tables.semanticface --figure     # only the figure, from the checkpoints of the runs

The evaluator is trained first; then A2, A1, A0, a direct regressor, SBCA, DeadFace (compat and fixed) and the mean
face, `--jobs` at a time, on the same drawn faces and, where they learn by gradient, for the same steps. People are held
out. Then all are tested on faces that take the place of images in the wild (table 2): rendered in three dimensions from
ICT-FaceKit's meshes, in rooms and lights; without the meshes, drawn faces of other people. The same command resumes an
interrupted run. Options after `--` go to every command. Run it in the project's folder.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path

from benchmarks.tables.leaderboard import Board
from benchmarks.tables.runs import Command, keep, kfzoo, parse, parser, write_leaderboard
from benchmarks.tables.semanticface_page import WILD, write_page
from kfzoo.errors import InputError
from kfzoo.runs import RunFolder

_SOURCE = "--data.init_args.source.init_args"
SCENES = f"{_SOURCE}.scenes=true"
MESHES = (f"{_SOURCE}.renderer.class_path=kfzoo.rendering.mesh.mesh_faces.MeshFaces", SCENES)
"""In the wild: faces of another renderer, in rooms and lights that no training image shows."""

OTHER_PEOPLE = (f"{_SOURCE}.renderer.init_args.seed=1", SCENES)
"""In the wild without meshes."""

LANDMARKS = ("sbca", "mediapipe_landmarks")
LONGEST_FIRST = ("vlm_estimator", "image_regressor", "sbca", "mediapipe_landmarks", "mean_face")
"""Models in the order in which they start; others follow."""


@dataclass(frozen=True)
class Plan:
    """What is run.

    Attributes:
        board: The estimators' configurations and the options of all.
        runs: Folder of the runs.
        wild: Options that make the data those of table 2.
        landmarks: Whether there is a model file for the estimators that need landmarks.
        more: Options of every command.
        only: Names of the runs that are wanted; empty for all.
    """

    board: Board
    runs: Path
    wild: tuple[str, ...]
    landmarks: bool
    more: tuple[str, ...] = ()
    only: tuple[str, ...] = ()

    def evaluator(self) -> Command:
        """Returns the command of the evaluator."""
        return next(self.board.commands(self.runs, self.more))

    def fits(self) -> list[Command]:
        """Returns the commands of the estimators, the longest first."""
        _, *found = self.board.commands(self.runs, self.more)
        left_out = () if self.landmarks else LANDMARKS
        wanted = [each for each in found if each[0] in (self.only or [each[0]]) and not each[0].startswith(left_out)]
        return sorted(wanted, key=lambda command: (_place(command[0]), command[0]))

    def tests(self) -> Iterator[Command]:
        """Yields the commands that test the estimators in the wild."""
        evaluator, _ = self.evaluator()
        for name, _ in self.fits():
            run = RunFolder(self.runs / name)
            trained = (f"--config={run.config}", f"--ckpt_path={run.checkpoint()}")
            options = (f"--run_dir={run.path}{WILD}", f"--evaluator={self.runs / evaluator}", *self.wild)
            yield name + WILD, ["test", *trained, *options]


def _place(name: str) -> int:
    model = name.partition("-")[0]
    return LONGEST_FIRST.index(model) if model in LONGEST_FIRST else len(LONGEST_FIRST)


def main(arguments: Sequence[str] | None = None) -> None:
    """Reads the arguments, trains, tests and writes the tables."""
    options = parser("semanticface", __doc__, "runs/semanticface")
    options.add_argument("--facekit", type=Path, help="folder of ICT-FaceKit, for table 2")
    options.add_argument("--landmarker", type=Path, help="MediaPipe's face_landmarker.task")
    options.add_argument("--jobs", type=int, default=2, help="commands at a time, each on one thread")
    options.add_argument("--only", nargs="+", default=[], metavar="NAME", help="estimators, such as sbca-builtin")
    options.add_argument("--page", action="store_true", help="only write the page from the kept results")
    options.add_argument("--figure", action="store_true", help="only draw the figure from the runs' checkpoints")
    chosen, more = parse(options, arguments)
    for variable, path in (("KFZOO_ICT_FACEKIT", chosen.facekit), ("KFZOO_FACE_LANDMARKER", chosen.landmarker)):
        if path is not None:  # configurations read it, in this process and in those that it starts
            os.environ[variable] = str(path.resolve())
    wild = OTHER_PEOPLE if chosen.facekit is None else MESHES
    plan = Plan(Board("builtin", condition="image"), chosen.runs, wild, chosen.landmarker is not None, more)
    known = [name for name, _ in plan.fits()]
    for name in chosen.only:
        if name not in known:
            options.error(f"--only: '{name}' is not an estimator that can run; there are {', '.join(known)}")
    try:
        if chosen.figure:
            from benchmarks.tables.semanticface_figure import draw

            draw(chosen.runs, chosen.out / "semanticface.png")
        elif chosen.page:
            write_page(chosen.out)
        else:
            run_all(replace(plan, only=tuple(chosen.only)), chosen.out, chosen.jobs)
    except InputError as error:
        options.error(str(error))


def run_all(plan: Plan, out: Path, jobs: int) -> None:
    """Trains and tests everything, keeps the results and writes the pages."""
    for name in [*_run([plan.evaluator()], 1), *_run(plan.fits(), jobs), *_run(plan.tests(), jobs)]:
        keep(plan.runs / name, out / ("wild" if name.endswith(WILD) else "runs") / name)
    write_page(out)
    write_leaderboard(out)


def _run(commands: Iterable[Command], jobs: int) -> list[str]:
    """Runs commands, some at a time; one command alone has all threads. Returns their names."""

    def one(command: Command) -> str:
        name, words = command
        kfzoo(words, one_thread=jobs > 1)
        return name

    with ThreadPoolExecutor(jobs) as pool:
        return list(pool.map(one, commands))


if __name__ == "__main__":
    main()
