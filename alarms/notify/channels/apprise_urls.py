"""Messages by Apprise: the many services that have no channel of their own here (Teams, Slack, Matrix, Signal, …)."""

from collections.abc import Mapping
from typing import Any

from apprise import Apprise, AppriseAsset

from alarms.notify.delivery import Permanent, Result, Sent, Temporary


class AppriseChannel:
    """Sends to an Apprise address, `service://…`. Why a service refused Apprise does not say: it is tried again."""

    def __init__(self) -> None:
        # No plugins from files beside those of the library, nothing kept on disk.
        self._asset = AppriseAsset(app_id="Telecare", app_desc="Telecare", plugin_paths=[], async_mode=True)

    async def send(self, address: str, effect_key: str, message: Mapping[str, Any]) -> Result:
        """Hand over one message."""
        _ = effect_key  # no service of Apprise takes one
        service = Apprise(asset=self._asset)
        if not service.add(address):
            return Permanent("Apprise knows no such service, or its address is not complete")
        taken = await service.async_notify(title=str(message["subject"]), body=str(message["text"]))
        return Sent("taken") if taken else Temporary("the service did not take it")
