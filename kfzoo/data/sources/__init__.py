"""Data sources, one class a file."""
