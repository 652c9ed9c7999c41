"""Coefficients read off a text in one pass: the reference for words that KeyframeFace leaves out."""

from kfzoo.models.text_regressor.module import TextRegressor

__all__ = ["TextRegressor"]
