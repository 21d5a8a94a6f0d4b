"""The endpoints, one module per area; none of them queries."""
