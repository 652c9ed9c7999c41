"""Scores: the suite, its callback, the results file and the leaderboard. It knows no model."""
