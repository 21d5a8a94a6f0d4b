"""Who may come in and what they looked at: users, sessions, API tokens, broker accounts, audit."""
