"""How fast the zoo is: `python -m benchmarks` measures everything and writes a table each into `benchmarks/results`.

Each of the modules `startup`, `livelink`, `training` and `generation` has a `TITLE` and a `measure()` that returns the
table; `builtin_marginals` is no measurement of speed and runs by itself.
"""
