"""The escalation core: a pure function and the engine that drives it."""
