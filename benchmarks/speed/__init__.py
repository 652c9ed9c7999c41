"""Times of the project's parts next to what a user would use instead: `python -m benchmarks <name>`."""
