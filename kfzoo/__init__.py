"""kfzoo: words, or a picture of a face, into ARKit facial keyframes."""

__version__ = "0.1.0"
