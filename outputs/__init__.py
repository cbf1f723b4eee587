"""The numbers of a camera's faces, sent to other programs as they come."""
