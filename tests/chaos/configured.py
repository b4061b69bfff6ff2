"""The configuration of a daemon under test. YAML takes JSON for its own."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tests.replay.playing import CAPTURES

SECRET = "lab-bridge"
WEBHOOK_SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"


def written(folder: Path, ports: Mapping[str, int], crms: Mapping[str, str], **more: Any) -> Path:
    """Writes the main file. ports: of each PBX; crms: the URL of each webhook; more: further sections."""
    settings = {
        "pbx": [{"name": name, "port": port, "username": "bridge", "secret": SECRET} for name, port in ports.items()],
        "numbers": {"region": "RU", "internal": r"1\d\d"},
        "extensions": str(CAPTURES / "lab-extensions.yaml"),
        "crm": [{"name": name, "kind": "webhook", "url": url, "secret": WEBHOOK_SECRET} for name, url in crms.items()],
        "store": {"path": str(database(folder))},
        "log": {"format": "json", "mask_numbers": False},
        **more,
    }
    path = folder / "amibridge.yaml"
    path.write_text(json.dumps(settings))
    return path


def database(folder: Path) -> Path:
    """Where the daemon of this folder has its store."""
    return folder / "amibridge.db"
