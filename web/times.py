"""Times as pages write them; Jinja filters."""


def length_of_time(ms: float) -> str:
    """Return a length of time in words: 1 h 2 min, 3 min 4 s, 5 s."""
    minutes, seconds = divmod(round(ms / 1000), 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return f"{hours} h {minutes} min"
    return f"{minutes} min {seconds} s" if minutes else f"{seconds} s"


def of_clock(seconds: float) -> str:
    """Return a time since the start as a clock shows it: 1:02:03, 4:05."""
    minutes, seconds = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{seconds:02}" if hours else f"{minutes}:{seconds:02}"
