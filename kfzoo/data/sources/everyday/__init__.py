"""How people describe faces: plain English and the faces that it means."""

from kfzoo.data.sources.everyday.scripts import EverydayDescriptions

__all__ = ["EverydayDescriptions"]
