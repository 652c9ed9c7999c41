"""The zoo. A new method is one line here, its file, its configuration and its card."""

from kfzoo.models.aligned_autoencoder import AlignedAutoencoder
from kfzoo.models.base import ClipModule, Generation, KeyframeModule
from kfzoo.models.image_regressor import ImageRegressor
from kfzoo.models.llm_generator import LLMGenerator
from kfzoo.models.mdm import ClipMDM, KeyframeMDM
from kfzoo.models.mean_face import MeanFace
from kfzoo.models.mediapipe_landmarks import MediapipeLandmarks
from kfzoo.models.nearest_neighbour import NearestNeighbour
from kfzoo.models.sbca import SBCA
from kfzoo.models.text_regressor import TextRegressor
from kfzoo.models.vlm_estimator import VLMEstimator
from kfzoo.models.zero_face import ZeroFace

__all__ = [
    "SBCA",
    "AlignedAutoencoder",
    "ClipMDM",
    "ClipModule",
    "Generation",
    "ImageRegressor",
    "KeyframeMDM",
    "KeyframeModule",
    "LLMGenerator",
    "MeanFace",
    "MediapipeLandmarks",
    "NearestNeighbour",
    "TextRegressor",
    "VLMEstimator",
    "ZeroFace",
]
