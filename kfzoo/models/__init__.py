"""The zoo. A new method is one line here, its file, its configuration and its card."""

from kfzoo.models.aligned_autoencoder import AlignedAutoencoder
from kfzoo.models.base import Generation, KeyframeModule
from kfzoo.models.llm_generator import LLMGenerator
from kfzoo.models.mean_face import MeanFace
from kfzoo.models.nearest_neighbour import NearestNeighbour
from kfzoo.models.zero_face import ZeroFace

__all__ = [
    "AlignedAutoencoder",
    "Generation",
    "KeyframeModule",
    "LLMGenerator",
    "MeanFace",
    "NearestNeighbour",
    "ZeroFace",
]
