"""SemanticFace's vision-language model: an image of a face in, words and coefficients out."""

from kfzoo.models.vlm_estimator.module import VLMEstimator

__all__ = ["VLMEstimator"]
