"""The image estimators: images per second next to `transformers.generate`, the bare backbone and bare MediaPipe."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from benchmarks.page import prose
from benchmarks.timing import clocked, in_turn, speeds
from kfzoo import models
from kfzoo.configs import read_config
from kfzoo.data.batch import KeyframeBatch, Sample
from kfzoo.data.images import read_pixels
from kfzoo.data.predictions.answer_text import parse_answer
from kfzoo.data.sources.builtin import BuiltinScripts
from kfzoo.data.sources.rendered_faces import RenderedFaces
from kfzoo.data.statistics import coefficients_of, statistics_of
from kfzoo.encoders.landmarks import VARIABLE
from kfzoo.errors import InputError
from kfzoo.language_models.image_tokens import patches
from kfzoo.models import SBCA, ImageRegressor, KeyframeModule, MediapipeLandmarks, VLMEstimator
from kfzoo.models.vlm_estimator.answer import messages
from kfzoo.models.vlm_estimator.tiny_model import CLOSED, IMAGE, OPENED
from kfzoo.rendering.drawing.drawn_faces import DrawnFaces
from kfzoo.training.checkpoint import load_module

TITLE = "The image estimators"
CONFIGS = Path(__file__).parents[2] / "configs"
DEGREES = ("A0", "A1", "A2")
RUNS = {
    "A0": "vlm_estimator-builtin_a0",
    "A1": "vlm_estimator-builtin_a1",
    "A2": "vlm_estimator-builtin",
    "direct regressor": "image_regressor-builtin",
}
"""Estimators that learn by gradient, and their runs in `benchmarks.tables.semanticface`."""

BARE, DETECT = "its backbone and head alone (timm)", "MediaPipe's `detect` alone"


def measure(runs: str = "", images: int = 64, rounds: int = 5, changes: dict[str, int] | None = None) -> str:
    """Answers the same images in all ways, in turn, and returns the tables.

    Args:
        runs: Folder of the runs of `benchmarks.tables.semanticface`, whose checkpoints answer; by default random
            weights.
        images: Number of images; an eighth of them also one at a time.
        rounds: That count; one more is not counted.
        changes: Sizes of the language models that differ from their configurations.

    Raises:
        InputError: When there is no such folder of runs.
    """
    if runs and not Path(runs).is_dir():
        raise InputError("--runs", f"there is no folder '{runs}'", "give that of benchmarks.tables.semanticface")
    torch.manual_seed(0)
    samples = rendered(images)
    parts = [
        prose(
            f"""Images of drawn faces, rendered and read before, {torch.get_num_threads()} threads, {rounds} rounds in
            turn, {f"checkpoints in `{runs}`" if runs else "random weights"}. A0, A1 and A2 are compared with greedy
            `generate` of transformers on the same weights, without constraints, its answers read by the same parser;
            the others with what they are built on."""
        )
    ]
    for name, run in RUNS.items():
        model = load(runs, run, (changes or {}) if name in DEGREES else {}).eval()
        batch = model.collate(samples)
        if isinstance(model, VLMEstimator):
            for count, way in ((-(-images // 8), "one at a time"), (images, "together")):
                size = 1 if count < images else images
                jobs: dict[str, Callable[[], object]] = {
                    f"{name}, {way}": partial(by_kfzoo, model, samples[:count], size)
                }
                other = f"`generate`, {way}"
                jobs[other] = partial(by_transformers, model, batch.images[:count], size)
                parts += [f"## {name}, {way}", _speeds(jobs, count, rounds, other)]
        elif isinstance(model, ImageRegressor):
            jobs = {name: partial(_generate, model, batch), BARE: bare(model, batch)}
            parts += [f"## {name}", _speeds(jobs, images, rounds, BARE)]
    if os.environ.get(VARIABLE):
        parts += ["## MediaPipe", _speeds(dict(landmark_jobs(samples)), images, rounds, DETECT)]
    else:
        parts += [f"MediaPipe and SBCA were not measured: {VARIABLE} names no model file."]
    return "\n\n".join(parts)


def rendered(count: int) -> list[Sample]:
    """Returns the first images that the configurations train on."""
    scripts = RenderedFaces(BuiltinScripts(4000), DrawnFaces(128), identities=81, scenes=False)
    every = (Sample(script, place, "arkit") for script in scripts for place in range(len(script.keyframes)))
    return list(islice(every, count))


def load(runs: str, run: str, changes: Mapping[str, Any]) -> KeyframeModule:
    """Returns the model of a run's checkpoint, where it exists, or of its configuration with random weights."""
    checkpoint = Path(runs) / run / "best.ckpt"
    if runs and checkpoint.is_file():
        return load_module(checkpoint, KeyframeModule)
    folder, _, stem = run.partition("-")
    block = read_config(CONFIGS / folder / f"{stem}.yaml")["model"]
    kind = getattr(models, block["class_path"].rpartition(".")[2])
    model: KeyframeModule = kind(**block["init_args"] | changes)
    return model


def _speeds(jobs: dict[str, Callable[[], object]], count: int, rounds: int, other: str) -> str:
    with torch.no_grad():
        seconds = in_turn({name: clocked(work) for name, work in jobs.items()}, rounds)
    return speeds(seconds, count, "image", [other])


def _generate(model: KeyframeModule, batch: KeyframeBatch) -> object:
    return model.generate(batch)


def by_kfzoo(model: VLMEstimator, samples: Sequence[Sample], size: int) -> list[str]:
    """Answers images, `size` at a time; returns the answers' texts."""
    found = [model.generate(model.collate(samples[at : at + size])) for at in range(0, len(samples), size)]
    return [text for each in found for text in each.texts or ()]


@torch.no_grad()
def by_transformers(model: VLMEstimator, images: Tensor, size: int) -> list[str]:
    """Answers images (B, 3, S, S) by transformers' own greedy generation; returns the answers' texts."""
    from transformers import GenerationConfig

    tokenizer = model.chat.tokenizer
    end = tokenizer.eos_token_id
    limit = model.hparams["max_analysis_tokens"] + 128
    greedy = GenerationConfig(  # type: ignore[no-untyped-call]
        do_sample=False, max_new_tokens=limit, eos_token_id=end, pad_token_id=end
    )
    texts: list[str] = []
    for part in torch.split(images, size):
        given = inputs(model, part)
        whole = model.model.generate(**given, generation_config=greedy)[:, given["input_ids"].shape[1] :].tolist()
        rows = [row[: row.index(end)] if end in row else row for row in whole]
        texts += tokenizer.batch_decode(rows, clean_up_tokenization_spaces=False)
    for text in texts:
        parse_answer(text)
    return texts


def inputs(model: VLMEstimator, images: Tensor) -> dict[str, Tensor]:
    """Returns what transformers' own model reads for images (B, 3, S, S)."""
    vision, tokenizer = model.model.config.vision_config, model.chat.tokenizer
    side = images.shape[-1] // vision.patch_size
    pieces = (side // vision.spatial_merge_size) ** 2
    asked = messages(model.hparams["semantics"], model.hparams["prompt"], OPENED + IMAGE * pieces + CLOSED)
    ids = torch.tensor([model.chat.prompt_ids(asked)] * len(images))
    return {
        "input_ids": ids,
        "attention_mask": torch.ones_like(ids),
        "mm_token_type_ids": (ids == tokenizer.convert_tokens_to_ids(IMAGE)).int(),
        "pixel_values": patches(images, vision.patch_size, vision.spatial_merge_size, vision.temporal_patch_size),
        "image_grid_thw": torch.tensor([[1, side, side]] * len(images)),
    }


def bare(model: ImageRegressor, batch: KeyframeBatch) -> Callable[[], object]:
    """Returns a call of the regressor's backbone and head, without kfzoo."""
    backbone: Any = model.encoder.backbone
    images = (batch.images - model.encoder.mean) / model.encoder.std
    return partial(nn.Sequential(backbone, model.head), images)


def landmark_jobs(samples: Sequence[Sample]) -> Iterator[tuple[str, Callable[[], object]]]:
    """Yields the ways of those that read landmarks; SBCA is fitted to the images that it answers."""
    import mediapipe
    from mediapipe.tasks.python import BaseOptions, vision

    fixed, sbca = MediapipeLandmarks().eval(), SBCA().eval()
    sbca.prepare(samples, statistics_of(coefficients_of(samples)))
    batch = fixed.collate(samples)
    options = vision.FaceLandmarkerOptions(
        base_options=BaseOptions(model_asset_path=os.environ[VARIABLE]),
        output_face_blendshapes=True,
        output_facial_transformation_matrixes=True,
    )
    task = vision.FaceLandmarker.create_from_options(options)
    paths = [str(sample.keyframe.image_path) for sample in samples]  # all three read them

    def detect(path: str) -> object:
        return task.detect(mediapipe.Image(image_format=mediapipe.ImageFormat.SRGB, data=read_pixels(path)))

    yield "MediaPipe, fixed", partial(_generate, fixed, batch)
    yield "SBCA", partial(_generate, sbca, batch)
    yield DETECT, lambda: [detect(path) for path in paths]
