"""One Asterisk in a folder: its configuration, its start and its end."""

import shutil
import socket
import subprocess
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from string import Template

from tests.live import hearing
from tests.live.errors import CannotPlayError

ETC = Path(__file__).parent / "etc"
HOST = "127.0.0.1"
START, END = 30, 10
"""Seconds it may take."""
EXTENSIONS = ("120", "121", "134", "135", "136", "137")
STOCK = ("acl", "ccss", "cdr", "cel", "codecs", "indications", "stasis", "udptl")
"""Debian's files: some modules insist on a file of their own."""
PHONE = """[{0}](phone)
aors = {0}
callerid = "Phone {0}" <{0}>
[{0}](place)
"""


@dataclass(frozen=True)
class Ports:
    """All on loopback. The two Asterisks have ports of their own: both can run at once."""

    sip: int
    ami: int
    provider: int
    chansip: int
    bot: int
    rtp: int
    phones_rtp: int


PORTS = {
    "22": Ports(sip=25060, ami=25038, provider=25062, chansip=25064, bot=25066, rtp=26000, phones_rtp=40000),
    "16": Ports(sip=35060, ami=35038, provider=35062, chansip=35064, bot=35066, rtp=36000, phones_rtp=50000),
}


@dataclass(frozen=True)
class Telling:
    """What the manager's events carry, by [general] of manager.conf."""

    timestamps: bool = True
    channelvars: bool = False
    """The variables that amibridge has a use for: on every event of a channel."""

    @property
    def suffix(self) -> str:
        """For the folder of captures: what is not as usual."""
        return ("-channelvars" if self.channelvars else "") + ("" if self.timestamps else "-untimed")

    @property
    def settings(self) -> dict[str, str]:
        variables = "MIXMONITOR_FILENAME,FROM_DID" if self.channelvars else ""
        return {"timestampevents": "yes" if self.timestamps else "no", "channelvars": variables}


USUALLY = Telling()


class Asterisk:
    """A context manager: it runs inside the block, with the configuration of `etc`.

    rtp_ports: four for each call at once.
    """

    def __init__(self, version: str, root: Path, rtp_ports: int = 2000, telling: Telling = USUALLY) -> None:
        self.version, self.root, self.telling = version, root, telling
        self._rtp_ports = rtp_ports
        self.ports = PORTS[version]
        self.home = root / "lab"
        """`/lab` of the chroot: everything that is not Debian's."""
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> "Asterisk":
        if self._listens():
            raise CannotPlayError(f"Port {self.ports.ami} is taken: is an Asterisk of an earlier run still there?")
        self._configure()
        self._make_sounds()
        with (self.home / "log/console").open("wb") as console:
            self._process = subprocess.Popen(
                ["chroot", str(self.root), "asterisk", "-C", "/lab/etc/asterisk.conf", "-f", "-n"],
                stdin=subprocess.DEVNULL,
                stdout=console,
                stderr=console,
                start_new_session=True,
            )
        deadline = time.monotonic() + START
        while not self._listens():
            if self._process.poll() is not None or time.monotonic() > deadline:
                self._end()
                raise CannotPlayError(f"Asterisk {self.version} does not start: see {self.home}/log.")
            time.sleep(0.1)
        return self

    def __exit__(self, *_: object) -> None:
        self._end()

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    def kill(self) -> None:
        """As a power cut would end it."""
        assert self._process is not None
        self._process.kill()
        self._process.wait()

    def _listens(self) -> bool:
        with socket.socket() as probe:
            return probe.connect_ex((HOST, self.ports.ami)) == 0

    def _end(self) -> None:
        if self._process is None:
            return
        self._process.terminate()
        try:
            self._process.wait(END)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def _configure(self) -> None:
        for name in ("etc", "var", "spool/monitor", "run", "log/cdr-csv", "moh"):
            (self.home / name).mkdir(parents=True, exist_ok=True)
        for old in (self.home / "var").glob("astdb*"):  # it holds the contacts of phones long gone
            old.unlink()
        # PJSIP looks its own name up at every INVITE. No name server is asked: it may take five seconds to be silent.
        (self.root / "etc/hosts").write_text(f"127.0.0.1 localhost {socket.gethostname()}\n")
        (self.root / "etc/nsswitch.conf").write_text("passwd: files\ngroup: files\nhosts: files\n")
        for name in STOCK:
            if (stock := self.root / f"etc/asterisk/{name}.conf").exists():
                shutil.copy(stock, self.home / "etc")
        modules = next(self.root.glob("usr/lib/**/asterisk/modules"))
        values = asdict(self.ports) | {
            "modules": f"/{modules.relative_to(self.root)}",
            "chan_sip": "load" if self.version == "16" else "noload",
            "phones": "\n".join(PHONE.format(extension) for extension in EXTENSIONS),
            "rtp_end": self.ports.rtp + self._rtp_ports,
            **self.telling.settings,
        }
        for source in ETC.glob("*.conf"):
            (self.home / "etc" / source.name).write_text(Template(source.read_text()).substitute(values))

    def _make_sounds(self) -> None:
        """Short silent prompts; the announcement and the music on hold are tones."""
        stock = self.root / "usr/share/asterisk/sounds/en_US_f_Allison"
        folder = stock.with_name("en")
        if folder.is_symlink():
            folder.unlink()
        folder.mkdir(exist_ok=True)
        silence = bytes(2 * 3 * hearing.RATE // 10)
        for prompt in stock.glob("**/*.gsm"):
            silent = folder / prompt.relative_to(stock).with_suffix(".sln")
            silent.parent.mkdir(exist_ok=True)
            silent.write_bytes(silence)
        (folder / "announcement.sln").write_bytes(hearing.tone(hearing.ANNOUNCEMENT, 2.0))
        (self.home / "moh/music.sln").write_bytes(hearing.tone(hearing.MUSIC, 10.0))
