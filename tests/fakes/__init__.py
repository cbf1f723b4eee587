"""Fakes that several tests share: no camera, no network, no GPU."""
