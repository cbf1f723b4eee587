"""Draws the demo's people (`artwork.portraits`) and the site's icons (`artwork.icons`), once, into static/."""
