"""The two sinks under one name."""

from simulators.provider.inbox import Inbox, Mode
from simulators.provider.smtp import Mail, SmtpSink
from simulators.provider.webhook import Request, WebhookSink

__all__ = ["Inbox", "Mail", "Mode", "Request", "SmtpSink", "WebhookSink"]
