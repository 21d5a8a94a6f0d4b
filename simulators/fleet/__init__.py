"""Many hubs at once: who they are (`roster`), what happens to them (`plan`, pure), and what came of it (`ledger`)."""
