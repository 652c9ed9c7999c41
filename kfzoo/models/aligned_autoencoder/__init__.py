"""The CLIP-aligned blendshape autoencoder, the method of one paper in one folder."""

from kfzoo.models.aligned_autoencoder.module import AlignedAutoencoder

__all__ = ["AlignedAutoencoder"]
