"""Keyframes by diffusion: how good they are by scheduler, by number of steps and by time.

    python -m benchmarks.tables.mdm_steps --checkpoint runs/leaderboard/mdm-builtin/best.ckpt --guidance 2.5
    python -m benchmarks.tables.mdm_steps       # the page and the figure, from the kept numbers

Writes `mdm_steps.json` (with a checkpoint), `mdm_steps.md` and `mdm_steps.png`. Each way samples the same keyframes of
the test part, once for each seed. Half an hour on two cores.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from statistics import mean, median, stdev
from typing import Any, Final

import numpy as np
import torch
from torch import Tensor
from tqdm import tqdm

from benchmarks.page import NONE, head, prose, table
from benchmarks.speed.mdm_published import STEPS
from benchmarks.speed.mdm_sampling import PUBLISHED, Solver, load, timed, title
from benchmarks.tables.mdm_figure import figure
from benchmarks.tables.runs import RESULTS
from kfzoo.data.batch import Sample
from kfzoo.data.statistics import coefficients_of
from kfzoo.errors import InputError
from kfzoo.evaluation.suite import EvaluationSuite
from kfzoo.files import replacing
from kfzoo.models import KeyframeMDM

COMMAND: Final = "python -m benchmarks.tables.mdm_steps"
DDPM: Final = ("ddpm", STEPS)
SOLVERS: Final[tuple[Solver, ...]] = (
    DDPM,
    *(("ddim", steps) for steps in (10, 20, 50, 100)),
    *(("dpm_solver", steps) for steps in (4, 6, 8, 10, 15, 20, 50)),
)
BATCH: Final = 64
SHOWN: Final = {"fid_test": "FID (test)", "fid": "FID", "mse": "MSE", "diversity": "Diversity"}
Record = dict[str, Any]


def measure(
    checkpoint: Path, prompts: int, seeds: int, guidance: float | None, solvers: Sequence[Solver] = SOLVERS
) -> Record:
    """Samples the same keyframes in all ways and scores them.

    Args:
        checkpoint: Of a `KeyframeMDM`, in the folder of its run.
        prompts: Keyframes of the test part, of random whole scripts but for the last.
        seeds: How often each way samples all of them, at least twice.
        guidance: Scale; None for the model's own.
        solvers: With `DDPM`.

    Raises:
        InputError: For a checkpoint that cannot be used, and fewer than two seeds.
    """
    if seeds < 2:
        raise InputError("--seeds", f"is {seeds}", "choose at least 2: one seed has no spread")
    model, data = load(checkpoint)
    if guidance is not None:
        model.hparams["guidance"] = guidance
    samples = some(data.samples("test"), prompts)
    suite = EvaluationSuite(data.train_coefficients, samples)
    timings = timed(model, samples[:BATCH], solvers, steps=20, rounds=seeds)
    ways: dict[str, Any] = {f"{name} {steps}": {"scores": []} for name, steps in solvers}
    for seed in tqdm(range(seeds), desc="Sampling", unit=" seeds", leave=False):
        for solver in solvers:
            way = ways["{} {}".format(*solver)]
            way["scores"].append(score(suite, samples, sample(model, samples, solver, seed)))
            way["seconds"] = timings[title(solver)]
    draw = torch.Generator().manual_seed(0)
    drawn = [torch.randperm(len(data.train_coefficients), generator=draw)[: len(samples)] for _ in range(seeds)]
    parameters = sum(each.numel() for each in model.denoiser.parameters())
    settings = model.hparams
    return {
        "head": head(f"{COMMAND} --checkpoint {checkpoint.name}"),
        "model": f"{parameters / 1e6:.2f} M parameters, texts by `{settings['text_encoder']}` as "
        f"`{settings['prompt']}`, guidance {settings['guidance']:g}",
        "prompts": len(samples),
        "batch": min(BATCH, len(samples)),
        "published_seconds": timings[PUBLISHED],
        "ways": ways,
        "target": score(suite, samples, coefficients_of(samples)),
        "training_faces": mean(score(suite, samples, data.train_coefficients[each])["fid_test"] for each in drawn),
    }


def some(samples: Sequence[Sample], count: int) -> list[Sample]:
    """Takes keyframes of randomly drawn scripts, the same each time."""
    scripts: dict[str, list[Sample]] = {}
    for each in samples:
        scripts.setdefault(each.script.id, []).append(each)
    order = np.random.default_rng(0).permutation(len(scripts)).tolist()
    drawn = list(scripts.values())
    return [each for number in order for each in drawn[number]][:count]


@torch.no_grad()
def sample(model: KeyframeMDM, samples: Sequence[Sample], solver: Solver, seed: int) -> Tensor:
    """Samples keyframes in one way, (N, 61)."""
    model.hparams.update({"scheduler": solver[0], "steps": solver[1], "seed": seed})
    parts = [samples[start : start + BATCH] for start in range(0, len(samples), BATCH)]
    return torch.cat([model.generate(model.collate(part)).coefficients for part in parts])


def score(suite: EvaluationSuite, samples: Sequence[Sample], faces: Tensor) -> dict[str, float]:
    """Returns the scores in `SHOWN` of faces (N, 61)."""
    count = len(faces)
    suite.reset()
    ids = [each.id for each in samples[:count]]
    suite.update(ids, faces, coefficients_of(samples[:count]), torch.ones(count, dtype=torch.bool))
    scores = suite.report(suite.gather()).scores
    return {name: scores[name].value for name in SHOWN}


def write(record: Record, out: Path) -> None:
    """Writes the page and the figure."""
    with replacing(out / "mdm_steps.png") as path:
        figure(record, interval_of(record), path)
    with replacing(out / "mdm_steps.md") as path:
        path.write_text(page(record), encoding="utf-8")
    print(out / "mdm_steps.md")


def page(record: Record) -> str:
    """Returns the page."""
    low, high = interval_of(record)
    ways: Mapping[str, Any] = record["ways"]
    count = len(next(iter(ways.values()))["scores"])
    rows = []
    for name, found in ways.items():
        scheduler, steps = name.split()
        quality = [_ranged([each[score] for each in found["scores"]]) for score in SHOWN]
        rows.append([title((scheduler, int(steps))), f"{median(found['seconds']) / record['batch']:.4g}", *quality])
    rows.append(["training faces", NONE, f"{record['training_faces']:.4f}", *[NONE] * 3])
    rows.append(["ground truth", NONE, *(f"{record['target'][score]:.4f}" for score in SHOWN)])
    text = f"""Model: {record["model"]}. {record["prompts"]} keyframes of the test part, the same for all ways, in
        batches of {record["batch"]}; a keyframe's time includes the encoding of its text. Quality is the mean of
        {count} seeds, with the least and the greatest, by `EvaluationSuite`: FID (test) compares with the ground truth
        of the same keyframes, FID with the training part. *Training faces* are as many as there are prompts and do not
        depend on them. The FID (test) of one more seed of the DDPM lies between {low:.4f} and {high:.4f} with 95 %
        (Student's t)."""
    parts = [
        "# Keyframes by diffusion: steps and quality",
        "\n".join(record["head"]),
        prose(text),
        table(["way", "s a keyframe", *SHOWN.values()], rows),
        "![FID by the number of steps, and by the time of a keyframe](mdm_steps.png)",
    ]
    return "\n\n".join(parts) + "\n"


def interval_of(record: Record) -> tuple[float, float]:
    """Returns the 95 % interval of the FID (test) of one more seed of the DDPM, by Student's t."""
    from scipy.stats import t as student

    values = [each["fid_test"] for each in record["ways"]["{} {}".format(*DDPM)]["scores"]]
    half = student.ppf(0.975, len(values) - 1) * stdev(values) * (1 + 1 / len(values)) ** 0.5
    return max(mean(values) - half, 0.0), mean(values) + half


def _ranged(values: Sequence[float]) -> str:
    return f"{mean(values):.4f} ({min(values):.4f} – {max(values):.4f})"


def main(arguments: Sequence[str] | None = None) -> None:
    """Reads the arguments, samples when a checkpoint is given, and writes the page and the figure."""
    parser = argparse.ArgumentParser(COMMAND, description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--checkpoint", type=Path, help="of a KeyframeMDM, in the folder of its run")
    parser.add_argument("--prompts", type=int, default=256, help="keyframes of the test part")
    parser.add_argument("--seeds", type=int, default=5, help="how often each way samples all of them")
    parser.add_argument("--guidance", type=float, help="scale of guidance, by default the model's own")
    parser.add_argument("--out", type=Path, default=RESULTS, help="folder of the numbers, the page and the figure")
    chosen = parser.parse_args(arguments)
    kept = chosen.out / "mdm_steps.json"
    if chosen.checkpoint is not None:
        try:
            record = measure(chosen.checkpoint, chosen.prompts, chosen.seeds, chosen.guidance)
        except InputError as error:
            parser.error(str(error))
        with replacing(kept) as path:
            path.write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")
    elif not kept.is_file():
        parser.error(f"{kept} does not exist: give a --checkpoint")
    write(json.loads(kept.read_text(encoding="utf-8")), chosen.out)


if __name__ == "__main__":
    main()
