"""What joins the switchover and alarms."""
