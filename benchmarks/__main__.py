"""Runs the named benchmarks and writes `benchmarks/results/<name>.md`, for some with a `.png` or `.json` beside it.

    python -m benchmarks [startup] [livelink] [rendering] [training] [evaluation] [generation] [--sizes N ...]
                         [--out FOLDER]
    python -m benchmarks llm_decoding [--checkpoint FILE] [--merged] [--scripts N] [--slow N]
    python -m benchmarks llm_training [--scripts N] [--steps N] [--rows N] [--precisions P ...] [--ways WAY ...]
    python -m benchmarks llm_gpu [--scripts N] [--steps N] [--architecture NAME]
    python -m benchmarks mdm_sampling --checkpoint FILE [--prompts N] [--seeds N] [--timed N] [--guidance S]
    python -m benchmarks mdm_training [--steps N] [--rounds N]
    python -m benchmarks estimators [--runs FOLDER] [--rounds N]

Let nothing else run beside it. By default the first six run, about 20 minutes on two cores: `generation` 8,
`evaluation` 4. `rendering` renders the faces of ICT-FaceKit too where `KFZOO_ICT_FACEKIT` names their folder;
`estimators` measures MediaPipe and SBCA where `KFZOO_FACE_LANDMARKER` names MediaPipe's model file, and lets the
checkpoints answer that `python -m benchmarks.semanticface` left in its folder of runs. Those of the language model need
it in the cache (`python -m kfzoo assets get smollm2`).
"""

from __future__ import annotations

import argparse
import importlib
import shlex
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from benchmarks.report import page
from kfzoo.errors import InputError
from kfzoo.files import replacing

NAMES = ("startup", "livelink", "rendering", "training", "evaluation", "generation")
"""Modules of this package, the quick ones first."""

NAMED = {
    "llm_decoding": ("checkpoint", "merged", "scripts", "slow"),
    "llm_training": ("scripts", "steps", "rows", "precisions", "ways"),
    "llm_gpu": ("scripts", "steps", "architecture"),
    "mdm_sampling": ("checkpoint", "prompts", "seeds", "timed", "guidance"),
    "mdm_training": ("steps", "rounds"),
    "estimators": ("runs", "rounds"),
}
"""Those that run only when they are named, with their options."""

SIZES_HELP = "numbers of scripts that `generation` makes, and of keyframes that `evaluation` scores"


def main(arguments: Sequence[str] | None = None) -> None:
    """Reads the arguments, measures and writes the tables."""
    parser = _parser()
    chosen = parser.parse_args(arguments)
    for name in chosen.names:
        if name not in (*NAMES, *NAMED):
            parser.error(f"'{name}' is no benchmark, expected {', '.join((*NAMES, *NAMED))}")
    for name in chosen.names or NAMES:
        module = importlib.import_module(f"benchmarks.{name}")
        settings, command = _settings(name, chosen)
        try:
            text = page(command, module.TITLE, module.measure(**settings))
        except InputError as error:
            parser.error(str(error))
        with replacing(chosen.out / f"{name}.md") as path:
            path.write_text(text, encoding="utf-8")
        print(text)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        "python -m benchmarks", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    names = f"{', '.join(NAMES)}, by default all of these; {', '.join(NAMED)}"
    parser.add_argument("names", nargs="*", metavar="NAME", help=names)
    parser.add_argument("--sizes", nargs="+", type=int, help=SIZES_HELP)
    parser.add_argument("--out", type=Path, default=Path(__file__).parent / "results", help="folder of the tables")
    group = parser.add_argument_group("language model")
    group.add_argument("--checkpoint", help="of the tuned generator that answers, by default an untuned one; or of MDM")
    group.add_argument("--merged", action="store_const", const=True, help="answer with the adapter in the weights")
    group.add_argument("--scripts", type=int, help="of three keyframes: to answer, or to tune on in a step")
    group.add_argument("--slow", type=int, help="keyframes that free generation answers")
    group.add_argument("--steps", type=int, help="of tuning, or of MDM's training in a round")
    group.add_argument("--rows", type=int, help="sequences that the Trainer tunes on at a time")
    group.add_argument("--precisions", nargs="+", help="float32, bfloat16")
    group.add_argument("--ways", nargs="+", help="trainer, separate, tree, whole_tree (needs much memory)")
    group.add_argument("--architecture", help="whose sizes are measured on a graphics card")
    group = parser.add_argument_group("diffusion model")
    group.add_argument("--prompts", type=int, help="keyframes of the test part that all ways draw")
    group.add_argument("--seeds", type=int, help="how often each way draws all of them")
    group.add_argument("--timed", type=int, help="steps of the published loop in which the texts are encoded")
    group.add_argument("--guidance", type=float, help="scale of guidance, by default the model's own")
    group.add_argument("--rounds", type=int, help="that are timed")
    group = parser.add_argument_group("image estimators")
    group.add_argument("--runs", help="folder of the runs whose checkpoints answer, by default random weights do")
    return parser


def _settings(name: str, chosen: argparse.Namespace) -> tuple[dict[str, Any], str]:
    """Returns the arguments of a benchmark, and the command line that its page tells."""
    if name in NAMED:
        given = {key: getattr(chosen, key) for key in NAMED[name] if getattr(chosen, key) is not None}
        words = [word for key, value in given.items() for word in (f"--{key}", *_words(value))]
        files = {"record": chosen.out / f"{name}.json"}
        files |= {"image": chosen.out / "mdm_steps.png"} if name == "mdm_sampling" else {}
        return given | files, shlex.join([name, *words])
    sizes: dict[str, Any] = {"sizes": chosen.sizes} if chosen.sizes else {}
    settings = {"generation": sizes, "evaluation": sizes | {"image": chosen.out / "evaluation.png"}}
    return settings.get(name, {}), name


def _words(value: Any) -> list[str]:
    return [] if value is True else list(map(str, value if isinstance(value, list) else [value]))


if __name__ == "__main__":
    main()
