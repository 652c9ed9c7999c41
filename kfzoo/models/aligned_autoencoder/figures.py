"""The paper's two figures (section V): t-SNE of the embeddings, and faces along straight latent paths."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch

from kfzoo.data.batch import Sample
from kfzoo.errors import InputError
from kfzoo.models.aligned_autoencoder.module import TEXT_KINDS, AlignedAutoencoder, texts_of
from kfzoo.models.base import Generation
from kfzoo.rendering.contact_sheet import Row, contact_sheet
from kfzoo.rendering.save_image import save_image

COLOURS = {"transcript": "#8c8c8c", "tags": "#d1495b", "description": "#2e7ebc"}


def _draw(samples: Sequence[Sample], most: int, seed: int) -> list[Sample]:
    order = np.random.default_rng(seed).permutation(len(samples))[:most]
    return [samples[number] for number in sorted(order)]


@torch.inference_mode()
def draw_tsne(model: AlignedAutoencoder, samples: Sequence[Sample], path: Path, *, most: int, seed: int) -> None:
    """Draws the latent vectors of the texts in two dimensions, coloured by kind of text.

    Args:
        model: A trained autoencoder.
        samples: Keyframes, of which `most` are drawn at random.
        path: Where the PNG goes.
        most: Keyframes at most.
        seed: Of the draw and of t-SNE.

    Raises:
        InputError: When there are too few distinct texts.
    """
    from matplotlib.figure import Figure
    from sklearn.manifold import TSNE

    drawn = _draw(samples, most, seed)
    texts = {kind: sorted({texts_of(sample)[kind] for sample in drawn} - {""}) for kind in TEXT_KINDS}
    everything = [text for kind in TEXT_KINDS for text in texts[kind]]
    if len(everything) < 10:
        raise InputError("plot tsne", f"expected at least 10 distinct texts, found {len(everything)}", "raise --most")
    latent = model.encode_text(everything).numpy()
    places = TSNE(perplexity=min(30, len(everything) / 4), metric="cosine", random_state=seed).fit_transform(latent)
    figure = Figure(figsize=(5, 4.6), layout="constrained")
    axes = figure.subplots()
    start = 0
    for kind in TEXT_KINDS:
        block = places[start : start + len(texts[kind])]
        start += len(texts[kind])
        axes.scatter(
            block[:, 0], block[:, 1], s=9, alpha=0.75, linewidths=0, color=COLOURS[kind], label=f"{kind} ({len(block)})"
        )
    axes.set(xticks=[], yticks=[], title="Text embeddings in the latent space")
    axes.legend(loc="best", fontsize=8, markerscale=1.8, frameon=False)
    axes.spines[["top", "right", "bottom", "left"]].set_visible(False)
    save_image(figure, path, dpi=160)


@torch.inference_mode()
def draw_paths(
    model: AlignedAutoencoder, samples: Sequence[Sample], path: Path, *, paths: int, steps: int, seed: int
) -> None:
    """Draws decoded faces along straight lines between the embeddings of two descriptions.

    Args:
        model: A trained autoencoder.
        samples: Keyframes of which two a path are drawn at random.
        path: Where the PNG goes.
        paths: Number of lines.
        steps: Faces along each, both ends included; at least 2.
        seed: Of the draw.

    Raises:
        InputError: When there are too few keyframes or steps.
    """
    if steps < 2 or paths < 1 or len(samples) < 2 * paths:
        problem = f"cannot draw {paths} paths of {steps} steps between {len(samples)} keyframes"
        raise InputError("plot path", problem, "needs at least 2 steps, 1 path and 2 keyframes a path")
    order = np.random.default_rng(seed).permutation(len(samples))
    rows = []
    for number in range(paths):
        ends = [samples[index] for index in order[2 * number : 2 * number + 2]]
        first, last = model.encode_text([sample.description for sample in ends])
        shares = torch.linspace(0, 1, steps)
        line = torch.lerp(first, last, shares[:, None])
        faces = Generation.of(model.decode(line)).coefficients.numpy()
        caption = f"{ends[0].description}\n↓\n{ends[1].description}"
        rows.append(Row(caption, [(f"{share:.2f}", face) for share, face in zip(shares.tolist(), faces, strict=True)]))
    save_image(contact_sheet(rows, caption_width=420), path)
