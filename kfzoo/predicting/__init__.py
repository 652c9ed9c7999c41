"""Answers on disk: while a model gives them, and as the file that `predict` leaves."""
