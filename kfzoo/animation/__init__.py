"""Keyframes into curves, and curves into files."""
