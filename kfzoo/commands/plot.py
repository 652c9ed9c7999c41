"""`plot tsne` and `plot path`: the two figures of the autoencoder's paper, from a trained run."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from kfzoo.data.keyframe_datamodule import KeyframeDataModule
    from kfzoo.models.aligned_autoencoder import AlignedAutoencoder


def tsne(run: str, out: str = "", most: int = 600, seed: int = 0) -> None:
    """Draws the test part's text embeddings by kind of text (CLIP-aligned autoencoder, figure 3, left).

    Args:
        run: Folder of a trained aligned autoencoder.
        out: Path of the image; by default `tsne.png` in the run's folder.
        most: Keyframes at most, drawn with the seed.
        seed: Of the draw and of t-SNE.
    """
    from kfzoo.models.aligned_autoencoder.figures import draw_tsne

    model, data = _open(run)
    path = Path(out or Path(run) / "tsne.png")
    draw_tsne(model, data.samples("test"), path, most=most, seed=seed)
    print(path)


def path(run: str, out: str = "", paths: int = 3, steps: int = 7, seed: int = 0) -> None:
    """Draws faces along straight paths through the latent space (CLIP-aligned autoencoder, figure 3, right).

    Args:
        run: Folder of a trained aligned autoencoder.
        out: Path of the image; by default `path.png` in the run's folder.
        paths: Straight paths, each between two texts of the test part.
        steps: Faces along each.
        seed: Of the choice of texts.
    """
    from kfzoo.models.aligned_autoencoder.figures import draw_paths

    model, data = _open(run)
    chosen = Path(out or Path(run) / "path.png")
    draw_paths(model, data.samples("test"), chosen, paths=paths, steps=steps, seed=seed)
    print(chosen)


def _open(run: str) -> tuple[AlignedAutoencoder, KeyframeDataModule]:
    from kfzoo.models.aligned_autoencoder import AlignedAutoencoder
    from kfzoo.runs import RunFolder
    from kfzoo.training.checkpoint import load_module

    folder = RunFolder(run)
    return load_module(folder.checkpoint(), AlignedAutoencoder), folder.data()


COMMAND = {"tsne": tsne, "path": path}
