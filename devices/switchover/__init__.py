"""The switchover: programmes that take homes off lines and devices that retire, and the visits that do it."""
