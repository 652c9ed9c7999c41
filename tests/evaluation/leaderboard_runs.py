"""Made-up runs for the tests of the leaderboard."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kfzoo.evaluation.provenance import DataIdentity
from kfzoo.evaluation.results import Results, Run
from kfzoo.evaluation.samples import Samples
from kfzoo.evaluation.scores import REFERENCES, Score, Table

COUNT = 40
DATA = DataIdentity("BuiltinScripts", fingerprint="0123456789", split="abcdef0123", part="test", annotation="arkit")


def scores(mse: float, diversity: float = 1.0, **others: float) -> dict[str, Score]:
    """The scores that every report has, with an interval of the MSE, and others."""
    return {
        "mse": Score(mse, (mse / 2, mse * 2)),
        "mae": Score(mse * 5),
        "rmse": Score(mse**0.5),
        "fid": Score(mse * 10),
        "w_dist": Score(mse),
        "diversity": Score(diversity),
        **{name: Score(value, (value / 2, value)) for name, value in others.items()},
    }


def results(run: str, mse: float, model: str = "mean_face", diversity: float = 1.0, **others: float) -> Results:
    """Complete results; the references' diversity is 1.11."""
    return Results(
        run=run,
        model=model,
        class_path="kfzoo.models.x.X",
        data=DATA,
        count=COUNT,
        invalid=0,
        scores=scores(mse, diversity, **others),
        references={name: scores(index / 10, 1.11, **others) for index, name in enumerate(REFERENCES)},
        config={"lr": 0.1},
        seed=7,
        commit="c0ffee",
        checkpoint="deadbeefcafe",
        hardware="a CPU",
        seconds=1.0,
        status="complete",
        tables={"channel": Table(("pearson", "n"), {"JawOpen": (0.5, 3.0), "TongueOut": (None, 4.0)})},
        created="2026-01-01T00:00:00+00:00",
    )


def samples(mse: NDArray[np.float64], mean_face: NDArray[np.float64] | float, clips: int = 8) -> Samples:
    """Samples of `clips` recordings with two scripts each, in turn."""
    count = len(mse)
    ids = np.array([f"take{index % clips}/{index % 2}#{index:03d}" for index in range(count)])
    return Samples(ids, np.ones(count, dtype=bool), mse, mse * 5, np.broadcast_to(mean_face, count).astype(np.float64))


def run(name: str, mse: float, *, noise: float = 0.3, clips: int = 8, **others: Any) -> Run:
    """Results with samples around their MSE; the mean face reaches 0.02 on average."""
    draw = np.random.default_rng(len(name))
    base = np.random.default_rng(0).uniform(0.5, 1.5, COUNT)
    errors = mse * base * draw.uniform(1 - noise, 1 + noise, COUNT)
    return Run(results(name, mse, **others), samples(errors, 0.02 * base, clips))


def clip_run(name: str, fid: float, **ratios: float) -> Run:
    """Results of a model of clips, which have no samples; `ratios` are its other scores."""
    references = {"ground_truth": {"fid_frames": 0.1, "speed_ratio": 1.0, "jerk_ratio": 1.0, "static_share": 0.0}}
    references["mean_face"] = {"fid_frames": 0.8, "speed_ratio": 0.0, "jerk_ratio": 0.0, "static_share": 1.0}
    return Run(
        replace(
            results(name, 0.0, model="ClipMDM"),
            data=replace(DATA, source="TakeClips", annotation="caption"),
            scores={key: Score(value) for key, value in {"fid_frames": fid, **ratios}.items()},
            references={row: {key: Score(x) for key, x in values.items()} for row, values in references.items()},
            tables={},
        )
    )


def changed(one: Run, **values: Any) -> Run:
    """A run whose results differ in something."""
    return replace(one, results=replace(one.results, **values))
