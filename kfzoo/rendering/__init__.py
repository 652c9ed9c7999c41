"""Pictures with known truth: where data and animation meet, which know nothing of each other."""

from kfzoo.rendering.rendered_faces import RenderedFaces

__all__ = ["RenderedFaces"]
