"""Cameras of other processes and machines, through Redis."""
