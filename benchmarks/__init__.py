"""One command a measured figure, `python -m benchmarks.NAME`; docs/benchmarks.md has the figures.

No commands are cameras, footage, processes, scenes and viewers, which the others share, nor what others start:
servers for benchmarks.serving, peers_fer and peers_human for benchmarks.peers.
"""
