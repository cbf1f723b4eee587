"""Face recognition in a frame: detection, classification, tracking and drawing, without cameras and HTTP."""
