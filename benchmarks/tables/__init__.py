"""Commands that reproduce the numbers in `benchmarks/results`: `python -m benchmarks.tables.<name>`."""
