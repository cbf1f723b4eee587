"""Uploads of visitors: pictures, ZIPs and videos, read once; results are kept for a day at most."""
