"""The ways in which the image estimators are timed: ours, and what a user would have instead."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from copy import deepcopy
from functools import partial
from itertools import islice
from pathlib import Path
from statistics import fmean
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

from kfzoo.arkit.channels import CHANNELS
from kfzoo.configs import read_config
from kfzoo.data.batch import KeyframeBatch, Sample, collate
from kfzoo.data.predictions.answer_text import parse_answer
from kfzoo.data.sources.builtin import BuiltinScripts
from kfzoo.data.sources.rendered_faces import RenderedFaces
from kfzoo.data.statistics import coefficients_of, statistics_of
from kfzoo.encoders.landmarks import MOST_FACES
from kfzoo.encoders.landmarks import VARIABLE as LANDMARKER
from kfzoo.language_models.constrained_decoding import Decoded
from kfzoo.models import SBCA, ImageRegressor, MediapipeLandmarks, VLMEstimator
from kfzoo.models.base import KeyframeModule
from kfzoo.models.vlm_estimator.answer import JOINT, layout, messages
from kfzoo.models.vlm_estimator.image_tokens import patches
from kfzoo.models.vlm_estimator.tiny_model import CLOSED, IMAGE, OPENED
from kfzoo.rendering.drawing.drawn_faces import DrawnFaces
from kfzoo.training.checkpoint import load_module

CONFIGS = Path(__file__).parent.parent / "configs"
DEGREES = {"A0": "builtin_a0", "A1": "builtin_a1", "A2": "builtin"}
"""The degrees of semantics and their configurations."""

REGRESSOR, BARE = "direct regressor", "its backbone and head alone (timm)"
MEDIAPIPE, DETECT = "MediaPipe, fixed", "MediaPipe's `detect` alone"
ALONE, TOGETHER = "one at a time", "together"
THEIRS = "`generate`"
"""Of transformers."""

IGNORED = -100


class Row(NamedTuple):
    """A row of a table.

    Attributes:
        name: Shown.
        work: What is timed.
        size: Images or samples in it.
        instead: Rows of what a user would have instead, one for each of the last columns; "" for none.
        flops: Least arithmetic of one image or sample; 0 where it is not known.
    """

    name: str
    work: Callable[[], object]
    size: int
    instead: tuple[str, ...]
    flops: float = 0.0


def rendered(count: int) -> list[Sample]:
    """Takes the images that the configurations train on."""
    scripts = RenderedFaces(BuiltinScripts(4000), DrawnFaces(128), identities=81, scenes=False)
    every = (Sample(script, place, "arkit") for script in scripts for place in range(len(script.keyframes)))
    return list(islice(every, count))


def _settings(folder: str, stem: str) -> dict[str, Any]:
    found: dict[str, Any] = read_config(CONFIGS / folder / f"{stem}.yaml")["model"]["init_args"]
    return found


def fresh(name: str, changes: Mapping[str, Any]) -> KeyframeModule:
    """Builds an estimator with random weights and a constant learning rate, else as it is configured.

    Args:
        name: A degree of semantics, or `REGRESSOR`.
        changes: Arguments of a language model that differ from its configuration.
    """
    still = {"cosine": False, "warmup_steps": 0}
    if name in DEGREES:
        writes = still | {"tower_steps": 0}  # from its first step
        return VLMEstimator(**_settings("vlm_estimator", DEGREES[name]) | writes | dict(changes))
    return ImageRegressor(**_settings("image_regressor", "builtin") | still)


def answering_models(runs: str | None, changes: Mapping[str, Any]) -> tuple[dict[str, KeyframeModule], list[str]]:
    """Returns the estimators that learn by gradient, ready to answer.

    Args:
        runs: Folder of the runs whose checkpoints answer, where they are there; None for random weights.
        changes: As in `fresh`.

    Returns:
        The estimators by name, and the names of those with random weights.
    """
    names = {REGRESSOR: "image_regressor-builtin"} | {name: f"vlm_estimator-{stem}" for name, stem in DEGREES.items()}
    models, untrained = {}, []
    for name, run in names.items():
        path = Path(runs or "") / run / "best.ckpt"
        if runs is not None and path.is_file():
            models[name] = load_module(path, KeyframeModule)
        else:
            models[name] = fresh(name, changes).eval()
            untrained.append(name)
    return models, untrained


def answering_rows(
    models: Mapping[str, KeyframeModule], samples: Sequence[Sample], alone: int, stack: ExitStack
) -> list[Row]:
    """Returns the ways of answering images.

    Args:
        models: As `answering_models` gives them.
        samples: The images that are answered together.
        alone: Of these, those that are answered one at a time.
        stack: Closes MediaPipe's landmarker.
    """
    rows = []
    for name, model in models.items():
        batch = model.collate(samples)
        if isinstance(model, VLMEstimator):
            rows += _writing(name, model, batch, alone)
        else:
            assert isinstance(model, ImageRegressor)
            rows += _regressing(model, batch)
    if os.environ.get(LANDMARKER):
        rows += _landmarks(samples, stack)
    return [
        *rows,
        *(_reading(samples, size) for size in sorted({model.image_size or 0 for model in models.values()} | {256})),
    ]


def _reading(samples: Sequence[Sample], size: int) -> Row:
    return Row(f"reading the files, {size}²", lambda: collate(samples, size), len(samples), ("", ""))


def _writing(name: str, model: VLMEstimator, batch: KeyframeBatch, alone: int) -> list[Row]:
    """Returns the rows of a vision-language model: its own decoding and transformers', one at a time and together."""
    images = batch.images
    parts = {ALONE: torch.split(images[:alone], 1), TOGETHER: (images,)}
    with torch.no_grad():
        flops = counted(lambda: model.loss(batch)) / len(images)
    instead = tuple(f"{name}, {THEIRS}, {way}" for way in parts)
    ways: dict[str, Callable[[Tensor], list[Decoded]]] = {
        name: model.answer,
        f"{name}, {THEIRS}": lambda part: generated(model, part),
    }
    return [
        Row(f"{label}, {way}", partial(read, answer, part), sum(map(len, part)), instead, flops)
        for label, answer in ways.items()
        for way, part in parts.items()
    ]


def read(answer: Callable[[Tensor], list[Decoded]], parts: Sequence[Tensor]) -> list[tuple[Decoded, bool]]:
    """Answers images part by part and reads the values; returns each answer and whether it has them."""
    return [(each, parse_answer(each.text).valid) for part in parts for each in answer(part)]


def asked(model: VLMEstimator, images: Tensor) -> dict[str, Tensor]:
    """Returns what transformers' own model is given for images (B, 3, S, S), but for the attention mask."""
    vision, tokenizer = model.model.config.vision_config, model.chat.tokenizer
    side = images.shape[-1] // vision.patch_size
    pieces = (side // vision.spatial_merge_size) ** 2
    asking = messages(model.hparams["semantics"], model.hparams["prompt"], OPENED + IMAGE * pieces + CLOSED)
    ids = torch.tensor([model.chat.prompt_ids(asking)] * len(images))
    return {
        "input_ids": ids,
        "mm_token_type_ids": (ids == tokenizer.convert_tokens_to_ids(IMAGE)).int(),
        "pixel_values": patches(images, vision.patch_size, vision.spatial_merge_size, vision.temporal_patch_size),
        "image_grid_thw": torch.tensor([[1, side, side]] * len(images)),
    }


def generated(model: VLMEstimator, images: Tensor) -> list[Decoded]:
    """Answers images (B, 3, S, S) by transformers' own greedy generation, free of any constraint."""
    from transformers import GenerationConfig

    settings, tokenizer = model.hparams, model.chat.tokenizer
    given, end = asked(model, images), tokenizer.eos_token_id
    zeros = layout(settings["semantics"], settings["decimals"]).text(np.zeros(len(CHANNELS)))
    words = settings["longest_analysis"] + len(JOINT) if settings["semantics"] == "A2" else 0
    greedy = GenerationConfig(  # type: ignore[no-untyped-call]
        do_sample=False, max_new_tokens=len(model.chat.answer_ids(zeros)) + words, eos_token_id=end, pad_token_id=end
    )
    whole = model.model.generate(**given, attention_mask=torch.ones_like(given["input_ids"]), generation_config=greedy)
    rows = whole[:, given["input_ids"].shape[1] :].tolist()
    answers = [tuple(row[: row.index(end)] if end in row else row) for row in rows]
    spelled = tokenizer.batch_decode(answers, clean_up_tokenization_spaces=False)
    return [Decoded(ids, text, len(rows[0])) for ids, text in zip(answers, spelled, strict=True)]


def _regressing(model: ImageRegressor, batch: KeyframeBatch) -> list[Row]:
    images = (batch.images - model.encoder.mean) / model.encoder.std
    bare = _bare(model)
    generate, forward = torch.no_grad()(model.generate), torch.no_grad()(bare)
    flops = counted(lambda: forward(images)) / len(images)
    return [
        Row(REGRESSOR, lambda: generate(batch), len(batch), ("", BARE), flops),
        Row(BARE, lambda: forward(images), len(batch), ("", BARE), flops),
    ]


def _bare(model: ImageRegressor) -> nn.Module:
    # The parts are the model's own, so that its optimizer trains them. Left out is the mean face, 0 before `fit`.
    backbone: Any = model.encoder.backbone
    return nn.Sequential(backbone, model.head)


def _landmarks(samples: Sequence[Sample], stack: ExitStack) -> list[Row]:
    """Returns the rows of those that read landmarks; SBCA is fitted to the images that it answers."""
    import mediapipe
    from mediapipe.tasks.python import BaseOptions, vision

    fixed = MediapipeLandmarks().eval()
    sbca = SBCA(**_settings("sbca", "builtin")).eval()
    sbca.prepare(samples, statistics_of(coefficients_of(samples)))
    options = vision.FaceLandmarkerOptions(
        base_options=BaseOptions(model_asset_path=str(fixed.landmarker.path)),
        num_faces=MOST_FACES,
        output_face_blendshapes=True,
        output_facial_transformation_matrixes=True,
    )
    task = stack.enter_context(vision.FaceLandmarker.create_from_options(options))
    batch = fixed.collate(samples)
    pixels = (batch.images * 255).round().byte().permute(0, 2, 3, 1).contiguous().numpy()
    shown = [mediapipe.Image(image_format=mediapipe.ImageFormat.SRGB, data=each) for each in pixels]
    return [
        Row(MEDIAPIPE, lambda: fixed.generate(batch), len(batch), (DETECT, "")),
        Row("SBCA", lambda: sbca.generate(batch), len(batch), (DETECT, "")),
        Row(DETECT, lambda: [task.detect(each) for each in shown], len(batch), (DETECT, "")),
    ]


def training_rows(models: Mapping[str, KeyframeModule], samples: Sequence[Sample]) -> tuple[list[Row], float]:
    """Returns the ways of training, and by what part of one the losses of the two ways differ at most.

    Args:
        models: As `fresh` gives them, by name; they are trained.
        samples: The batch.
    """
    rows, apart = [], []
    for name, model in models.items():
        batch = model.train().collate(samples)
        theirs = deepcopy(model)
        loss = _own_loss(model, batch)
        if isinstance(theirs, VLMEstimator):
            way, other = f"{name}, transformers' own loss", _their_loss(theirs, batch)
        else:
            assert isinstance(theirs, ImageRegressor)
            way, other = BARE, _bare_loss(theirs, batch)
        with torch.no_grad():
            apart.append(abs(float(other()) / float(loss()) - 1))
        flops = counted(_step(model, loss)) / len(batch)
        rows += [
            Row(name, _step(model, loss), len(batch), (way,), flops),
            Row(way, _step(theirs, other), len(batch), (way,), flops),
        ]
    return rows, max(apart)


def _own_loss(model: KeyframeModule, batch: KeyframeBatch) -> Callable[[], Tensor]:
    return lambda: model.loss(batch)["loss"]


def _their_loss(model: VLMEstimator, batch: KeyframeBatch) -> Callable[[], Tensor]:
    """Returns the loss of transformers' own model on rows that are padded on the right."""
    given = asked(model, batch.images)
    answers = [torch.tensor(model.answer_ids(sample)) for sample in batch.samples]
    filled = nn.utils.rnn.pad_sequence(answers, batch_first=True, padding_value=IGNORED)
    ids = torch.cat([given["input_ids"], filled.clamp_min(0)], dim=1)
    labels = torch.cat([torch.full_like(given["input_ids"], IGNORED), filled], dim=1)
    kinds = torch.cat([given["mm_token_type_ids"], torch.zeros_like(filled, dtype=torch.int32)], dim=1)
    mask = torch.cat([torch.ones_like(given["input_ids"]), (filled != IGNORED).long()], dim=1)
    words = {"input_ids": ids, "mm_token_type_ids": kinds, "attention_mask": mask, "labels": labels}
    return lambda: model.model(**given | words, use_cache=False).loss


def _bare_loss(model: ImageRegressor, batch: KeyframeBatch) -> Callable[[], Tensor]:
    bare = _bare(model)
    images = (batch.images - model.encoder.mean) / model.encoder.std
    return lambda: nn.functional.mse_loss(bare(images), batch.targets)


def _step(model: KeyframeModule, loss: Callable[[], Tensor]) -> Callable[[], object]:
    found = model.configure_optimizers()
    optimizer = found["optimizer"] if isinstance(found, dict) else found

    def step() -> None:
        optimizer.zero_grad()
        loss().backward()  # type: ignore[no-untyped-call]
        optimizer.step()

    return step


def counted(work: Callable[[], object]) -> float:
    """Counts the floating-point operations of the matrix products, convolutions and attentions in a piece of work."""
    with FlopCounterMode(display=False) as counter:
        work()
    return float(counter.get_total_flops())


def token_counts(model: VLMEstimator, samples: Sequence[Sample]) -> tuple[float, float, float]:
    """Returns the mean numbers of tokens of prompt, image and answer, what closes it included."""
    ids = asked(model, torch.zeros(1, 3, model.hparams["size"], model.hparams["size"]))
    image = int(ids["mm_token_type_ids"].sum())
    return ids["input_ids"].numel() - image, image, fmean(len(model.answer_ids(each)) for each in samples)
