"""The edge of the process: gunicorn, sockets, WebSockets, the log."""
