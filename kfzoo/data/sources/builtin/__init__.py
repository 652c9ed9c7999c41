"""The built-in data set: scripts made by rule."""

from kfzoo.data.sources.builtin.scripts import BuiltinScripts

__all__ = ["BuiltinScripts"]
