"""One command a measured figure, `python -m benchmarks.NAME`; docs/benchmarks.md has the figures.

No commands are cameras, footage, processes, scenes and viewers, which the others share, and servers, which
benchmarks.serving starts.
"""
