"""Text, image and landmark encoders, with a cache."""
