"""Recordings of faces from files of every kind that phones, trackers and animation programs write."""
