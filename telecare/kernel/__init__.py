"""What every room stands on: settings, the database, one transaction a request, the outbox, errors, logs, ids, time."""
