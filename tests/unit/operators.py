"""What the tests of the operator's commands stand on: a configuration, a store filled as by the daemon, a command."""

import asyncio
from collections.abc import Sequence
from pathlib import Path

import pytest

from amibridge.calls import Output
from amibridge.cli import main
from amibridge.store import Result, State, Store

CRMS = ("sales", "bus")


def configuration(folder: Path, *more: str, port: int = 5038, crm: str | None = None) -> Path:
    """The two files, with the store beside them. more: lines of the main file. crm: its `crm` key, YAML."""
    crm = "[{name: sales, kind: webhook, url: 'http://127.0.0.1:9/'}, {name: bus, kind: mqtt}]" if crm is None else crm
    (folder / "extensions.yaml").write_text(
        'extensions: {"134": {devices: [PJSIP/reception]}}\ntrunks: [PJSIP/provider]\n'
    )
    main_file = folder / "amibridge.yaml"
    lines = [f"pbx: [{{name: office, port: {port}, secret: hidden}}]", f"crm: {crm}", "store: {path: calls.db}", *more]
    main_file.write_text("\n".join(lines) + "\n")
    main_file.chmod(0o600)
    return main_file


def fill(
    folder: Path, *chunks: Sequence[Output], answers: Sequence[tuple[str, Result]] = (), crms: Sequence[str] = CRMS
) -> None:
    """What a daemon leaves behind. answers: of a CRM to its most urgent errand, one after the other. crms: who was to
    be told.
    """

    async def live() -> None:
        store = await Store.open(folder / "calls.db", crms)
        for chunk in chunks:
            await store.commit(chunk, "office")
        for crm, result in answers:
            (errand,) = await store.outbox.due(crm, (), 1)
            await store.outbox.record(errand, result)
        await store.close()

    asyncio.run(live())


class Operator:
    """Somebody who types commands. out, err: what the last one printed."""

    def __init__(self, config: Path, capture: pytest.CaptureFixture[bytes]) -> None:
        self.config = config
        self.out = self.err = ""
        self._capture = capture

    def types(self, *command: str) -> int:
        """Runs the command. Returns its exit status."""
        status = main([*command, "--config", str(self.config)])
        out, err = self._capture.readouterr()
        self.out, self.err = out.decode(), err.decode()
        return status

    @property
    def lines(self) -> list[str]:
        return self.out.splitlines()


DONE = Result(State.DONE)
REFUSED = Result(State.REFUSED, "HTTP 410")
