"""The HTTP contract: JSON under /api/v1, problem details for errors."""
