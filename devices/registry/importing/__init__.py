"""A fleet from a table: `rows` reads and checks, `plan` decides, `repository` writes."""
