"""The installed daemon as a process of its own beside an Asterisk, and what it says."""

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterable
from pathlib import Path

from tests.live.crms import Crms
from tests.live.errors import MissingError
from tests.live.scenario import MAP

PATIENCE = 20.0
"""Seconds in which it has to say what it should, and to stop."""
MAIN = """pbx:
  - {{name: lab, host: 127.0.0.1, port: {port}, username: bridge, secret: lab-bridge}}
numbers: {{region: RU, internal: '{internal}', own: ["+74957777777"]}}
crm:
  - {{name: hook, kind: webhook, url: "{hook}"}}
  - {{name: portal, kind: bitrix24, url: "{portal}", requests_per_second: 1000, burst: 10000}}
  - {{name: bus, kind: mqtt, url: "{bus}"}}
store: {{path: amibridge.db}}
log: {{mask_numbers: false, level: debug}}
extensions: extensions.yaml
"""
USUAL = ('[PJSIP/provider, "PJSIP/SIP-TRUNK-*"]', r"1\d\d")
"""The trunks, and what an extension looks like."""


def errors(log: Iterable[str]) -> list[str]:
    """The lines of a daemon's log that say errors."""
    return [line for line in log if "level=error" in line.split(maxsplit=2)[:2]]


class Beside:
    """A context manager. port: of the manager interface. folder: for its files."""

    def __init__(self, port: int, folder: Path, crms: Crms) -> None:
        self.folder, self.log = folder, list[str]()
        self._port, self._crms = port, crms
        self._news = threading.Condition()
        self._configured = USUAL
        self._ended = False

    @property
    def config(self) -> Path:
        return self.folder / "amibridge.yaml"

    def __enter__(self) -> "Beside":
        self._write()
        try:
            self.start()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        if self._process.poll() is None:
            self._process.kill()
            self._process.wait()
        self._reader.join()

    def start(self) -> None:
        """Returns when it hears the PBX."""
        self._ended = False
        program = Path(sys.executable).with_name("amibridge")
        self._process = subprocess.Popen(
            [program, "run", "--config", self.config],
            stdin=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            env={**os.environ, "PYTHONUNBUFFERED": "1"},
        )
        self._reader = threading.Thread(target=self._read, args=(self._process,), daemon=True)
        since = len(self.log)
        self._reader.start()
        self.says("event=ami.live", since=since)

    def stop(self) -> int:
        """Is told to stop as systemd tells it. Returns the exit status."""
        return self.end(signal.SIGTERM)

    def end(self, by: signal.Signals) -> int:
        """Ends by this signal. Returns the exit status."""
        self._process.send_signal(by)
        status = self._process.wait(PATIENCE)
        self._reader.join()
        return status

    def uses(self, trunks: str, internal: str) -> None:
        """Has these trunks and extensions from now on: the map is read again while it works."""
        if (trunks, internal) == self._configured:
            return
        self._configured = (trunks, internal)
        self._write()
        if self._ended:
            return
        since = len(self.log)
        self._process.send_signal(signal.SIGHUP)
        self.says("event=configuration.reloaded", since=since)

    def says(self, words: str, since: int = 0) -> str:
        """Waits for a line of the log with these words in it, and returns it."""

        def line() -> str | None:
            return next((one for one in self.log[since:] if words in one), None)

        with self._news:
            self._news.wait_for(lambda: line() is not None or self._ended, PATIENCE)
        if (found := line()) is None:
            raise MissingError(f"the daemon never said {words}, but {self.log[since:][-5:]}")
        return found

    def command(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Another command of the program, with the same configuration."""
        program = Path(sys.executable).with_name("amibridge")
        command = [str(program), *arguments, "--config", str(self.config)]
        return subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE, check=False)

    def _read(self, process: subprocess.Popen[bytes]) -> None:
        assert process.stderr is not None
        for line in process.stderr:
            with self._news:
                self.log.append(line.decode(errors="replace").rstrip("\n"))
                self._news.notify_all()
        with self._news:
            self._ended = True
            self._news.notify_all()

    def _write(self) -> None:
        trunks, internal = self._configured
        self.config.touch(0o600)
        self.config.write_text(
            MAIN.format(
                port=self._port,
                internal=internal,
                hook=self._crms.receiver.url,
                portal=self._crms.portal.webhook_url,
                bus=self._crms.broker.url,
            )
        )
        (self.folder / "extensions.yaml").write_text(MAP.format(trunks=trunks))
