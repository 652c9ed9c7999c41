"""Keyframes made visible: a drawn face, contact sheets, curves and exports."""
