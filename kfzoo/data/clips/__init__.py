"""Clips: captioned motion of the face at 20 frames a second, their sources, and the data module of moving models."""
