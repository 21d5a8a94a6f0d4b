"""The web pages of the control room."""
