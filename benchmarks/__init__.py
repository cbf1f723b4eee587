"""Measurements, one command each; they report figures and are no tests."""
