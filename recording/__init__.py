"""What the camera saw, kept in a database: sightings, never pictures."""
