"""Builds the demo's portraits: average faces of FER2013, painted by code; `python -m training.portraits`."""
