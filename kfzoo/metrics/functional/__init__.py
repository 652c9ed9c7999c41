"""Metrics as pure functions of tensors: float64 inside, the same result for any order of the samples."""
