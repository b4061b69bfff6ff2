"""The demonstration: a PBX made of captures, the daemon as `run` starts it, a portal; each call is told and checked."""

import asyncio
import tempfile
from collections import Counter
from collections.abc import Callable, Coroutine, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from amibridge.ami.packets import headers
from amibridge.calls.readable import visible
from amibridge.daemon.service import Service
from amibridge.demo.pbx import Pbx, open_for_calls
from amibridge.demo.portal import Portal, User, running
from amibridge.demo.stories import STORIES, Story, dues
from amibridge.demo.telling import Teller
from amibridge.demo.words import WORDS
from amibridge.directory.loading import Loaded, load
from amibridge.store import Archive

PEOPLE = {"134": ("Ольга Смирнова", 12), "120": ("Иван Петров", 15), "136": ("Анна Белова", 18)}
"""Names and users at the portal, by extension."""
LONGEST_PAUSE = 1.2
"""Seconds between two events, at most."""
PATIENCE = 15.0
"""Seconds after which a card that should be there is missed."""

CONFIG = """
pbx: [{{name: demo, host: 127.0.0.1, port: {port}, secret: demo}}]
numbers: {{region: RU, internal: '1\\d\\d'}}
crm: [{{name: portal, kind: bitrix24, url: "{url}", requests_per_second: 1000, burst: 1000}}]
store: {{path: amibridge.db}}
log: {{mask_numbers: false}}
extensions: extensions.yaml
"""


@dataclass(frozen=True, slots=True)
class Manner:
    """How it is shown. paced: at a pace that one can follow. language: of WORDS."""

    paced: bool
    language: str


class Performance:
    """One demonstration. wrong: what was not as it should be, as sentences."""

    def __init__(self, manner: Manner, console: Console, stories: Sequence[Story] = STORIES) -> None:
        self.wrong: list[str] = []
        self._stories = stories
        self._manner = manner
        self._words = WORDS[manner.language]
        self._console = console
        self._teller = Teller({extension: name for extension, (name, _) in PEOPLE.items()})
        self._extensions = {user: extension for extension, (_, user) in PEOPLE.items()}
        self._due = self._opened = self._told = 0

    async def run(self) -> bool:
        """Plays all stories. Returns False when it was interrupted."""
        users = [User(1, None, "Admin"), *(User(user, inner, name) for inner, (name, user) in PEOPLE.items())]
        with tempfile.TemporaryDirectory(prefix="amibridge-demo-") as folder:
            async with running(Portal(users, capacity=1000, rate=1000)) as portal, open_for_calls() as pbx:
                loaded = load(self._configured(Path(folder), pbx, portal))
                service = Service(Path(folder, "amibridge.yaml"), loaded)
                self._console.print(Text(self._words["intro"], style="dim"))
                if self._manner.paced:
                    self._console.print(Text(self._words["page"].format(url=portal.url), style="dim"))
                return await _beside(service, self._play_all(loaded, pbx, portal))

    def summary(self) -> None:
        """What came of it."""
        for sentence in self.wrong:
            self._console.print(Text(sentence, style="bold red"))
        numbers = {"calls": len(self._stories), "due": self._due, "opened": self._opened, "wrong": len(self.wrong)}
        style = "bold red" if self.wrong else "bold green"
        self._console.print(Text(self._words["sum"].format(**numbers), style=style))
        if not self.wrong:
            self._console.print(Text(self._words["next"]))

    async def _play_all(self, loaded: Loaded, pbx: Pbx, portal: Portal) -> None:
        async with asyncio.timeout(PATIENCE):
            await pbx.listening.wait()
        for number, story in enumerate(self._stories, start=1):
            self._console.print()
            self._console.print(Text(f"{number}. {story.titles[self._manner.language]}", style="bold"))
            await self._play(story, loaded, pbx, portal)

    async def _play(self, story: Story, loaded: Loaded, pbx: Pbx, portal: Portal) -> None:
        """One call, from its first event to its record."""
        before, finished, shown = set(portal.calls), len(portal.activities), len(portal.shown)
        last = None
        for packet, due in zip(story.packets, dues(story.packets, loaded.directory), strict=True):
            stamp = float(headers(packet).get("Timestamp", "0"))
            if self._manner.paced and last is not None and stamp:
                await asyncio.sleep(min(max(0.0, stamp - last), LONGEST_PAUSE))
            last = stamp or last
            for key, named in self._teller.tell(packet):
                self._say("pbx", key, "", **named)
            await pbx.send(packet)
            self._tell_news(portal)
            for extension in due.opens:
                await self._wait(portal, self._open_at(portal, extension), "late", extension)
            for extension in due.closes:
                await self._wait(portal, _not(self._open_at(portal, extension)), "stays", extension)
        records = max(1, len(story.talked))
        await self._wait(portal, lambda: len(portal.activities) >= finished + records)
        self._judge(story, portal, shown, finished)
        await self._explain(loaded, {call.external_id for name, call in portal.calls.items() if name not in before})

    def _open_at(self, portal: Portal, extension: str) -> Callable[[], bool]:
        return lambda: PEOPLE[extension][1] in portal.open_cards()

    async def _wait(
        self, portal: Portal, reached: Callable[[], bool], missed: str | None = None, extension: str = ""
    ) -> None:
        """Waits for the portal, and tells what it shows; what does not come in time is wrong."""
        try:
            async with asyncio.timeout(PATIENCE):
                await portal.until(reached)
        except TimeoutError:
            if missed is not None:
                self.wrong.append(self._words[missed].format(who=self._teller.who(extension)))
        self._tell_news(portal)

    def _judge(self, story: Story, portal: Portal, shown: int, finished: int) -> None:
        """Exactly one card for each who talked, and one record."""
        cards = Counter(self._extensions[one.user] for one in portal.shown[shown:] if one.what == "show")
        records = [self._extensions.get(one.user, "-") for one in portal.activities[finished:]]
        self._due += len(story.talked)
        self._opened += sum(cards.values())
        for extension in cards - Counter(story.talked):
            self.wrong.append(self._words["stranger"].format(who=self._teller.who(extension)))
        for extension in Counter(story.talked) - cards:
            self.wrong.append(self._words["late"].format(who=self._teller.who(extension)))
        due = sorted(story.talked) or ["-"]
        if (sorted(records) if story.talked else ["-"] * len(records)) != due:
            self.wrong.append(self._words["unrecorded"].format(found=", ".join(records), due=", ".join(due)))

    async def _explain(self, loaded: Loaded, external_ids: set[str | None]) -> None:
        """Why, for each extension: the verdicts as the store has them."""
        async with Archive.opened(loaded.settings.store.path) as archive:
            for call_id in sorted({name.split("/")[0] for name in external_ids if name is not None}):
                story = await archive.call(call_id)
                record: dict[str, Any] = dict(story.line.record or {}) if story is not None else {}
                cards = {card["extension"] for card in record.get("cards", ())}
                for extension, verdict in record.get("verdicts", {}).items():
                    card = self._words["card" if extension in cards else "no card"]
                    style = "green" if extension in cards else "yellow"
                    why = f"{verdict['verdict']}: {verdict['because']}"
                    self._line("why", Text.assemble((f"{extension} {card}", style), f"  {visible(why)}"))

    def _tell_news(self, portal: Portal) -> None:
        """What has happened at the portal since this was asked before."""
        news, self._told = portal.shown[self._told :], len(portal.shown)
        for one in news:
            who = self._teller.who(self._extensions.get(one.user, ""))
            if one.what == "show":
                self._say("crm", "opens", "bold green", who=who)
            elif one.what == "hide":
                self._say("crm", "closes", "green", who=who)
            elif one.what == "finish":
                self._record(portal, one.call_id, who)

    def _record(self, portal: Portal, call_id: str, who: str) -> None:
        said = portal.calls[call_id].finished or {}
        talked = str(said.get("STATUS_CODE")) == "200"
        status = self._words["talked"].format(seconds=said.get("DURATION")) if talked else self._words["missed"]
        self._say("crm", "record", "", who=who or "admin", status=status)

    def _say(self, lane: str, key: str, style: str, **named: str) -> None:
        self._line(lane, Text(visible(self._words[key].format(**named)), style=style))

    def _line(self, lane: str, text: Text) -> None:
        styles = {"pbx": "cyan", "crm": "magenta", "why": "blue"}
        line = Table.grid(padding=(0, 1))
        line.add_row("  ", Text(f"{self._words[lane]:<6}", style=styles[lane]), text)
        self._console.print(line)

    def _configured(self, folder: Path, pbx: Pbx, portal: Portal) -> Path:
        """The two files, as an admin would write them."""
        people = "\n".join(
            f'  "{extension}": {{name: {name}, crm_user: {user}}}' for extension, (name, user) in PEOPLE.items()
        )
        (folder / "extensions.yaml").write_text(f"extensions:\n{people}\ntrunks: [PJSIP/provider]\n", encoding="utf-8")
        config = folder / "amibridge.yaml"
        config.touch(0o600)
        config.write_text(CONFIG.format(port=pbx.port, url=portal.webhook_url), encoding="utf-8")
        return config


async def _beside(service: Service, play: Coroutine[Any, Any, None]) -> bool:
    """Plays while the service works. Returns False when the service has ended first: somebody has stopped it."""
    serving = asyncio.create_task(service.run(), name="service")
    playing = asyncio.create_task(play, name="play")
    try:
        await asyncio.wait({serving, playing}, return_when=asyncio.FIRST_COMPLETED)
        played = playing.done()
        if played:
            playing.result()
        return played
    finally:
        playing.cancel()
        with suppress(asyncio.CancelledError):
            await playing
        service.stop()
        await serving


def _not(reached: Callable[[], bool]) -> Callable[[], bool]:
    return lambda: not reached()
