"""SBCA: blendshapes from landmarks by statistics (arXiv 2601.08234)."""

from kfzoo.models.sbca.module import SBCA

__all__ = ["SBCA"]
