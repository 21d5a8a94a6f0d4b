"""An engineer's test windows: which triggers of a hub are tried out, until when."""
