"""From one annotated frame to many viewers."""
