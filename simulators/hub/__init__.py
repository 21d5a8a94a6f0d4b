"""One hub: what it decides (`behaviour`, pure) and how it reaches the broker (`link`, `client`)."""
