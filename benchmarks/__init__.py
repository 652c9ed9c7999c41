"""Numbers of the project: `benchmarks.tables` reproduces them, `benchmarks.speed` compares times with other ways."""
