"""From a message of a hub to an alarm: what it is, what it joins, what follows."""
