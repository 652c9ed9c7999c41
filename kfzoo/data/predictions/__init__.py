"""Readers of predictions that any system wrote."""
