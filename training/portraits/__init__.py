"""Builds the demo's portraits: average faces of FER2013, painted by code; `python -m training.portraits`.

In their order: choose, align, average, looks, expressions, proportions, paint_face, paint_hair, paint_portrait,
check, save. `stages` leads through them, for each of the `sitters`.
"""
