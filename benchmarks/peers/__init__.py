"""Other programs on the same pictures and videos."""
