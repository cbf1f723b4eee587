"""The site: a blueprint a concern."""
