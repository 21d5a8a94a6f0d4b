"""The web pages of the control room: server-rendered, live by server-sent events, our own small scripts and styles."""

from telecare.console.install import install_console

__all__ = ["install_console"]
