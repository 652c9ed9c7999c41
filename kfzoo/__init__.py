"""kfzoo: words, or an image of a face, into ARKit facial keyframes."""

__version__ = "0.1.0"
