"""Recordings in a database: sightings of faces, never pictures."""
