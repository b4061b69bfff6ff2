"""A process that tells the story of `dying` to a webhook and kills itself at a step: `… DATABASE URL SECRET STEP`."""

import asyncio
import os
import signal
import sys
from pathlib import Path

from amibridge.crm.webhook import Webhook, WebhookSettings
from tests.unit.dying import Daemon, Steps


class RealDeath(Steps):
    def die(self) -> None:
        os.kill(os.getpid(), signal.SIGKILL)


async def main(path: str, url: str, secret: str, last: str) -> None:
    adapter = Webhook(WebhookSettings("hook", url, (secret,)))
    await Daemon(Path(path), [adapter], RealDeath(int(last))).live()


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
