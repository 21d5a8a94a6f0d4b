"""Jobs: what somebody must look at in a home, opened from patterns in what hubs say, closed only by a human."""
