"""How fast keyframes are drawn by diffusion, and how good they are: 1,000 steps as published, and few of ours."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from statistics import mean, median
from typing import Any, NamedTuple

import torch
from tqdm import tqdm

from benchmarks.llm_setup import prose
from benchmarks.mdm_drawing import (
    DDPM,
    NAMES,
    Drawn,
    PublishedLoop,
    Question,
    Slice,
    Way,
    ask,
    draw,
    floor,
    load,
    score,
)
from benchmarks.mdm_figure import Curve, figure
from benchmarks.report import table, verdict
from kfzoo.errors import InputError
from kfzoo.files import replacing
from kfzoo.metrics.bootstrap import LEVEL
from kfzoo.models.mdm.diffusion import STEPS
from kfzoo.models.mdm.keyframes import KeyframeMDM

TITLE = "Drawing keyframes by diffusion"
TARGET = 30.0
"""How many times as fast as published."""

WAYS = (
    DDPM,
    *(Way("ddim", steps) for steps in (10, 20, 50, 100)),
    *(Way("dpm_solver", steps) for steps in (4, 6, 8, 10, 15, 20, 50)),
)
BATCH = 64
SHOWN = {"fid_test": "FID (test)", "fid": "FID", "mse": "MSE", "diversity": "Diversity"}


class Found(NamedTuple):
    """What a way took and gave; one entry a seed.

    Attributes:
        seconds: Of a batch, its texts encoded once.
        texts: Of encoding them, a part of `seconds`.
        scores: Of all prompts, by the names in `SHOWN`.
        interval: Of `fid_test`, by the suite's bootstrap over scripts, for the first seed.
    """

    seconds: list[float]
    texts: list[float]
    scores: list[dict[str, float]]
    interval: tuple[float, float]


class Loop(NamedTuple):
    """What the published loop took and gave.

    Attributes:
        slices: Of its steps on one batch, one a round.
        scores: Of all prompts, by the names in `SHOWN`, with the first seed.
        apart: How far its coefficients are at most from those of `sample` with the same noise.
    """

    slices: list[Slice]
    scores: dict[str, float]
    apart: float


class Results(NamedTuple):
    """All that is measured.

    Attributes:
        loop: The published one.
        ways: Ours.
        target: Scores of the ground truth itself.
        floor: FID (test) of as many faces of the training part, mean of several draws.
    """

    loop: Loop
    ways: Mapping[Way, Found]
    targets: Mapping[str, float]
    floor: float


def measure(
    checkpoint: str | None = None,
    prompts: int = 256,
    seeds: int = 5,
    timed: int = 50,
    guidance: float | None = None,
    ways: Sequence[Way] = WAYS,
    batch: int = BATCH,
    record: Path | None = None,
    image: Path | None = None,
) -> str:
    """Draws the same prompts in all ways and returns the tables.

    Args:
        checkpoint: Of a `KeyframeMDM`, in the folder of its run.
        prompts: Keyframes of the run's test part, of whole scripts but for the last.
        seeds: How often each way draws all of them, at least twice; also the rounds in which a batch is timed.
        timed: Steps of the published loop in which the texts are encoded, at least one a round and at most 1,000.
        guidance: Scale of all ways; by default the model's own, and 2.5 in MDM.
        ways: Ours; `DDPM` is among them.
        batch: Prompts a batch.
        record: File for the numbers as JSON.
        image: File for the figure.

    Raises:
        InputError: Without a checkpoint, for one that cannot be used, and for numbers out of range.
    """
    if checkpoint is None:
        raise InputError("--checkpoint", "is missing", "give that of a KeyframeMDM, such as runs/<name>/best.ckpt")
    if seeds < 2:
        raise InputError("--seeds", f"is {seeds}", "choose at least 2: one seed tells nothing of the spread")
    if not seeds <= timed <= STEPS:
        raise InputError("--timed", f"is {timed}, expected {seeds}, one a round, to {STEPS}")
    model, data = load(checkpoint)
    if guidance is not None:
        model.hparams["guidance"] = guidance
    default = Way(model.hparams["scheduler"], model.hparams["steps"])
    question = ask(model, data, prompts)
    batch = min(batch, len(question.texts))
    results = _measured(model, question, ways, batch, seeds, timed)
    if record is not None:
        with replacing(record) as path:
            path.write_text(json.dumps(_recorded(results), indent=1) + "\n", encoding="utf-8")
    lines = [
        _introduction(_told(checkpoint, model), question, results, batch, seeds, timed),
        "",
        _table(results, batch),
        "",
        *(f"{line}\n" for line in verdicts(results, default)),
    ]
    if image is not None:
        with replacing(image) as path:
            times = _times(results, default) if default in results.ways else 0.0
            marked = (NAMES[default.scheduler], default.steps, times)
            figure(_curves(results, batch), interval_of(results.ways[DDPM]), results.floor, path, marked)
        lines += [f"![FID by the number of steps, and by the time a keyframe takes]({image.name})", ""]
    return "\n".join([*lines, "## Where the time goes", "", _parts(results)])


def _measured(
    model: KeyframeMDM, question: Question, ways: Sequence[Way], batch: int, seeds: int, timed: int
) -> Results:
    model.vectors(question.texts)  # seen once: only what is timed encodes again
    loop = PublishedLoop(model, question.texts, batch)
    slices: list[Slice] = []
    drawn: dict[Way, list[Drawn]] = {way: [] for way in ways}
    draw(model, question.texts[:batch], min(ways, key=lambda way: way.steps), 0, batch)  # not counted
    with tqdm(total=seeds * len(ways), desc="Drawing", unit=" ways", leave=False) as progress:
        for seed in range(seeds):
            # Round by round, so that whatever else the machine does meets all ways alike.
            slices.append(loop.run(_share(STEPS, seed, seeds), _share(timed, seed, seeds)))
            for way in ways:
                drawn[way].append(draw(model, question.texts, way, seed, batch))
                progress.update()
    faces = loop.rest()
    apart = float((faces - drawn[DDPM][0].faces).abs().max())
    found = {}
    for way, rounds in drawn.items():
        scores = [score(question, each.faces, list(SHOWN)) for each in rounds]
        values = [{name: value for name, (value, _) in each.items()} for each in scores]
        seconds, texts = [each.seconds for each in rounds], [each.texts for each in rounds]
        found[way] = Found(seconds, texts, values, scores[0]["fid_test"][1])
    published, target = (
        {name: value for name, (value, _) in score(question, each, list(SHOWN)).items()}
        for each in (faces, question.targets)
    )
    return Results(Loop(slices, published, apart), found, target, floor(question))


def _share(whole: int, number: int, parts: int) -> int:
    """Returns how many of `whole` steps fall to one of several parts."""
    return whole * (number + 1) // parts - whole * number // parts


def interval_of(ddpm: Found) -> tuple[float, float]:
    """Returns where the FID of one more seed lies with 95 %, by Student's t; of the seeds of 1,000 steps."""
    from scipy.stats import t as student

    values = torch.tensor([each["fid_test"] for each in ddpm.scores], dtype=torch.float64)
    count = len(values)
    wide = student.ppf((1 + LEVEL) / 2, count - 1) * float(values.std()) * (1 + 1 / count) ** 0.5
    return max(float(values.mean()) - wide, 0.0), float(values.mean()) + wide


def verdicts(results: Results, default: Way) -> list[str]:
    """Returns a line for the way that a model takes by default, and one for the fastest that is as good."""
    low, high = interval_of(results.ways[DDPM])
    goal = f"at least {TARGET:g} × as fast as published, at an FID (test) within the DDPM's own {low:.4f} to {high:.4f}"
    good = [way for way, found in results.ways.items() if way != DDPM and _fid(found) <= high]
    asked = {"by default": default} if default in results.ways else {}
    if good:
        asked["fastest that is as good"] = min(good, key=lambda way: median(results.ways[way].seconds))
    lines = []
    for words, way in asked.items():
        found, times = results.ways[way], _times(results, way)
        side = ", better than all of it" if _fid(found) < low else ""
        reached = (
            f"{way.title} ({words}): {times:,.0f} ×, FID {_fid(found):.4f}{side}; "
            f"{_times(results, way, once=True):.1f} × the same loop with its texts encoded once, "
            f"{_beside_ddpm(results, way):.1f} × our own {STEPS:,} steps"
        )
        lines.append(verdict(goal, reached, times >= TARGET and _fid(found) <= high))
    return lines


def _fid(found: Found) -> float:
    return mean(each["fid_test"] for each in found.scores)


def _of_batch(results: Results, once: bool) -> list[float]:
    """Returns the seconds that the published loop takes for a batch, by round; or would with its texts encoded once."""
    slices = results.loop.slices
    return [STEPS * each.kept + (each.texts / 2 if once else STEPS * each.texts) for each in slices]


def _times(results: Results, way: Way, once: bool = False) -> float:
    """Returns how many times as fast as the published loop a way is: the median of the rounds'."""
    pairs = zip(_of_batch(results, once), results.ways[way].seconds, strict=True)
    return median(theirs / ours for theirs, ours in pairs)


def _beside_ddpm(results: Results, way: Way) -> float:
    pairs = zip(results.ways[DDPM].seconds, results.ways[way].seconds, strict=True)
    return median(theirs / ours for theirs, ours in pairs)


def _told(checkpoint: str, model: KeyframeMDM) -> str:
    digest = hashlib.sha256(Path(checkpoint).read_bytes()).hexdigest()[:12]
    parameters = sum(each.numel() for each in model.denoiser.parameters())
    settings = model.hparams
    return (
        f"`{Path(checkpoint).name}` (sha256 {digest}…), {parameters / 1e6:.2f} M parameters, texts by "
        f"`{settings['text_encoder']}` as `{settings['prompt']}`, guidance {settings['guidance']:g}"
    )


def _introduction(told: str, question: Question, results: Results, batch: int, seeds: int, timed: int) -> str:
    low, high = interval_of(results.ways[DDPM])
    resampled = results.ways[DDPM].interval
    loop = prose(
        f"""Model: {told}; {torch.get_num_threads()} threads. {len(question.texts)} keyframes of the test part, the same
        for all ways, in batches of {batch}. *As published* is ancestral sampling (Ho et al. 2020, algorithm 2) in the
        form of MDM's code, written anew: each step calls the network twice, with the texts and without, and each call
        encodes the texts. It is timed on the first batch, in {seeds} slices between which ours are timed on the same
        batch; the texts are encoded in {timed:,} of its {STEPS:,} steps, and in the others the same vectors are looked
        up. Its seconds are {STEPS:,} times those of a step; *texts once* is what the same loop would take if it
        encoded them once. Ours encode them once a batch, in the time told, and call the network once a step. Speeds and
        ratios are medians of the {seeds} rounds."""
    )
    judged = prose(
        f"""Quality is the mean of {seeds} seeds, with the least and the greatest, all by `EvaluationSuite`: FID (test)
        is beside the ground truth of the same keyframes, FID beside the training part. *Training faces* are as many as
        there are prompts and look at none of them, the mean of several draws: what faces of the other part reach. The
        published loop draws once, with the noise of our first seed: its coefficients and those of our {STEPS:,} steps
        differ by {results.loop.apart:.1g} at most. The FID (test) of one more seed of the DDPM lies between {low:.4f}
        and {high:.4f} with 95 % (Student's t); by resampling test scripts its interval is {resampled[0]:.4f} to
        {resampled[1]:.4f}."""
    )
    return f"{loop}\n\n{judged}"


def _table(results: Results, batch: int) -> str:
    def quality(scores: Sequence[Mapping[str, float]]) -> list[str]:
        return [_ranged([each[name] for each in scores]) for name in SHOWN]

    rows = []
    for name, once in (("as published", False), ("as published, texts once", True)):
        seconds = median(_of_batch(results, once))
        ratios = [_ratio(_of_batch(results, other), _of_batch(results, once)) for other in (False, True)]
        scores = [results.loop.scores]
        rows.append([name, f"{STEPS:,}", f"{seconds:.4g}", f"{batch / seconds:.3g}", *ratios, *quality(scores)])
    for way, found in results.ways.items():
        seconds = median(found.seconds)
        ratios = [_ratio(_of_batch(results, other), found.seconds) for other in (False, True)]
        speed = [f"{way.steps:,}", f"{seconds:.4g}", f"{batch / seconds:.3g}", *ratios]
        rows.append([way.title, *speed, *quality(found.scores)])
    nothing = ["–"] * 5
    rows.append(["training faces", *nothing, f"{results.floor:.4f}", *["–"] * 3])
    rows.append(["ground truth", *nothing, *(_number(results.targets[name]) for name in SHOWN)])
    columns = ["steps", f"s a batch of {batch}", "keyframes/s", "as fast as published", "as with texts once"]
    return table(["way", *columns, *SHOWN.values()], rows)


def _ratio(theirs: Sequence[float], ours: Sequence[float]) -> str:
    times = median(one / other for one, other in zip(theirs, ours, strict=True))
    return f"{times:,.0f} ×" if times >= 100 else f"{times:.3g} ×"


def _number(value: float) -> str:
    return f"{value:.4f}"


def _ranged(values: Sequence[float]) -> str:
    middle = _number(mean(values))
    return f"{middle} ({_number(min(values))} – {_number(max(values))})" if len(values) > 1 else middle


def _parts(results: Results) -> str:
    """Returns where a batch's seconds go: to its texts, and to all the rest."""
    rows = []
    texts, kept = (STEPS * median(each) for each in zip(*results.loop.slices, strict=True))
    rows.append(["as published", f"{texts:.4g}", f"{kept:.4g}", f"{1000 * kept / STEPS:.3g}"])
    for way, found in results.ways.items():
        texts = median(found.texts)
        rest = median(whole - part for whole, part in zip(found.seconds, found.texts, strict=True))
        rows.append([way.title, f"{texts:.4g}", f"{rest:.4g}", f"{1000 * rest / way.steps:.3g}"])
    return table(["way", "texts, s a batch", "steps, s a batch", "ms a step"], rows)


def _curves(results: Results, batch: int) -> list[Curve]:
    """Returns what the figure shows: steps, seconds a keyframe and FIDs, by scheduler; and the published loop's."""
    curves = []
    for scheduler, name in NAMES.items():
        ways = sorted((way for way in results.ways if way.scheduler == scheduler), key=lambda way: way.steps)
        found = [results.ways[way] for way in ways]
        fids = [[each["fid_test"] for each in one.scores] for one in found]
        curves.append(Curve(name, [way.steps for way in ways], [median(one.seconds) / batch for one in found], fids))
    published = median(_of_batch(results, once=False)) / batch
    return [*curves, Curve("as published", [STEPS], [published], [[results.loop.scores["fid_test"]]])]


def _recorded(results: Results) -> dict[str, Any]:
    loop = results.loop._asdict() | {"slices": [each._asdict() for each in results.loop.slices]}
    ways = {f"{way.scheduler} {way.steps}": found._asdict() for way, found in results.ways.items()}
    return {"threads": torch.get_num_threads(), "loop": loop, "ways": ways, "target": dict(results.targets),
            "training_faces": results.floor}  # fmt: skip
