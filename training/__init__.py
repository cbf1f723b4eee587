"""Training and evaluation, `python -m training.NAME`; docs/training.md leads through it.

The commands are explore, train, evaluate, compare, ablate, ship, export and explain; `run.py` is the middle.
"""
