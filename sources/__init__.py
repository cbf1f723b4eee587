"""Sources of frames: cameras, videos, folders of pictures and the demo."""
