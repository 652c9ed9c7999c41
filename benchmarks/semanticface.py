"""SemanticFace's tables 1 to 7 in form: trains and tests its estimators and their rivals on rendered faces.

    python -m benchmarks.semanticface --landmarker face_landmarker.task [--facekit FOLDER]
    python -m benchmarks.semanticface                  # without the estimators that need landmarks

The evaluator first; then A2, A1, A0, a direct regressor, SBCA, DeadFace (compat and fixed) and the mean face, as many
at a time as `--jobs` says, all on the same drawn faces and, where they learn by gradient, for the same steps. People
are held out. Then all of them on faces that stand for images in the wild (table 2): of another make, rendered in
three dimensions from ICT-FaceKit's meshes, in rooms and lights; without the meshes drawn ones of other people. Killed
at any point, the same command goes on where it stopped. The tables are made from the results files
(`benchmarks.semanticface_tables`). Options behind `--` go to every command. To be run in the project's folder.
"""

from __future__ import annotations

import argparse
import os
import shlex
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path

from benchmarks.leaderboard import RESULTS, Board, keep, write_pages
from benchmarks.semanticface_tables import write_tables
from kfzoo.runs import RunFolder

_SOURCE = "--data.init_args.source.init_args"
SCENES = f"{_SOURCE}.scenes=true"
MESHES = (f"{_SOURCE}.renderer.class_path=kfzoo.rendering.mesh.mesh_faces.MeshFaces", SCENES)
"""In the wild: faces of another make, in rooms and lights that no training image shows."""

OTHER_PEOPLE = (f"{_SOURCE}.renderer.init_args.seed=1", SCENES)
"""In the wild without meshes."""

LANDMARKS = ("sbca", "mediapipe_landmarks")
LONGEST_FIRST = ("vlm_estimator", "image_regressor", "sbca", "mediapipe_landmarks", "mean_face")
WILD = "-wild"


@dataclass(frozen=True)
class Plan:
    """What is to be run.

    Attributes:
        board: The estimators' configurations and the options of all.
        runs: Folder of the runs.
        wild: Options that make the data those of table 2.
        landmarks: Whether there is a model file for the estimators that need landmarks.
        more: Options of every command.
        only: Estimators that are wanted, by their runs' names; empty for all.
    """

    board: Board
    runs: Path
    wild: tuple[str, ...]
    landmarks: bool
    more: tuple[str, ...] = ()
    only: tuple[str, ...] = ()

    def evaluator(self) -> tuple[str, list[str]]:
        """Name and command of the evaluator."""
        return next(self.board.commands(self.runs, self.more))

    def fits(self) -> Iterator[tuple[str, list[str]]]:
        """Yields names and commands of the estimators, those that take longest first."""
        _, *found = self.board.commands(self.runs, self.more)
        if self.only:
            found = [each for each in found if each[0] in self.only]
        for name, command in sorted(found, key=_place):
            if self.landmarks or not name.startswith(LANDMARKS):
                yield name, command

    def tests(self) -> Iterator[tuple[str, list[str]]]:
        """Yields names and commands of the estimators in the wild."""
        evaluator, _ = self.evaluator()
        for name, _ in self.fits():
            run = RunFolder(self.runs / name)
            trained = (f"--config={run.config}", f"--ckpt_path={run.checkpoint()}")
            options = (f"--run_dir={run.path}{WILD}", f"--evaluator={self.runs / evaluator}", *self.wild)
            yield name + WILD, ["test", *trained, *options]


def _place(command: tuple[str, list[str]]) -> tuple[int, str]:
    """Where a command stands among the others: what takes long begins early; new kinds come last."""
    name, _ = command
    kinds = [number for number, kind in enumerate(LONGEST_FIRST) if name.startswith(f"{kind}-")]
    return (kinds[0] if kinds else len(LONGEST_FIRST), name)


def main(arguments: Sequence[str] | None = None) -> None:
    """Reads the arguments, trains, tests and writes the tables."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    cut = given.index("--") if "--" in given else len(given)
    parser = argparse.ArgumentParser(
        "python -m benchmarks.semanticface", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--facekit", type=Path, help="folder of ICT-FaceKit, for table 2")
    parser.add_argument("--landmarker", type=Path, help="MediaPipe's face_landmarker.task")
    parser.add_argument("--runs", type=Path, default=Path("runs/semanticface"), help="folder of the runs")
    parser.add_argument("--out", type=Path, default=RESULTS, help="folder of the tables and the kept results")
    parser.add_argument("--jobs", type=int, default=2, help="commands at a time, each on one thread")
    parser.add_argument("--only", nargs="+", default=[], metavar="NAME", help="estimators, such as sbca-builtin")
    chosen = parser.parse_args(given[:cut])
    name_files(chosen.facekit, chosen.landmarker)
    wild = OTHER_PEOPLE if chosen.facekit is None else MESHES
    landmarks, more = chosen.landmarker is not None, tuple(given[cut + 1 :])
    plan = Plan(Board("builtin", condition="image"), chosen.runs, wild, landmarks, more)
    known = [name for name, _ in plan.fits()]
    for name in chosen.only:
        if name not in known:
            parser.error(f"--only: '{name}' is no estimator that can be run so; there are {', '.join(known)}")
    plan = replace(plan, only=tuple(chosen.only))
    kept = [*_run([plan.evaluator()], 1), *_run(plan.fits(), chosen.jobs), *_run(plan.tests(), chosen.jobs)]
    for name in kept:
        keep(chosen.runs / name, chosen.out / ("wild" if name.endswith(WILD) else "runs") / name)
    write_tables(chosen.out)
    write_pages(chosen.out)


def name_files(facekit: Path | None, landmarker: Path | None) -> None:
    """Names the files that configurations leave open in the environment, for this process and those it starts."""
    for variable, path in (("KFZOO_ICT_FACEKIT", facekit), ("KFZOO_FACE_LANDMARKER", landmarker)):
        if path is not None:
            os.environ[variable] = str(path.resolve())


def _run(commands: Iterator[tuple[str, list[str]]] | Sequence[tuple[str, list[str]]], jobs: int) -> list[str]:
    """Runs commands, some at a time; each alone has all threads. Returns their names."""
    environment = os.environ | ({"OMP_NUM_THREADS": "1"} if jobs > 1 else {})

    def one(command: tuple[str, list[str]]) -> str:
        name, words = command
        print(f"$ python -m kfzoo {shlex.join(words)}", flush=True)
        started = time.monotonic()
        done = subprocess.run([sys.executable, "-m", "kfzoo", *words], env=environment, check=False)
        if done.returncode:
            raise SystemExit(f"{name} ended with {done.returncode}; the same command goes on")
        print(f"{name}: {(time.monotonic() - started) / 60:.1f} min", flush=True)
        return name

    with ThreadPoolExecutor(jobs) as pool:
        return list(pool.map(one, commands))


if __name__ == "__main__":
    main()
