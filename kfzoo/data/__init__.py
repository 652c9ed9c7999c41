"""Scripts, keyframes, their sources, and the one data module."""
