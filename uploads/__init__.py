"""What visitors send: pictures, ZIPs and videos, read once and kept for a day at most."""
