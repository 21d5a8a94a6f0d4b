"""The schema's history (Alembic; configured in pyproject.toml). Nothing imports this but the migration command."""
