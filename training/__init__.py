"""Training and evaluation. It imports from the site's modules, never the reverse."""
