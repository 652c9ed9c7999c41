"""Text encoders behind one small interface, with a cache."""
