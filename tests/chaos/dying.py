"""A story played to a daemon that is killed somewhere in it, and to the one that is started after."""

import os
import signal
from collections import defaultdict
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from aiohttp import web

from amibridge.store import Archive, State, StoreFailedError
from tests.chaos.arrivals import Arrivals
from tests.chaos.configured import WEBHOOK_SECRET, database, written
from tests.chaos.lives import Life, Nursery
from tests.chaos.pbx import Pbx, playing
from tests.chaos.story import Story
from tests.unit.webhook_receiver import Delivered, Receiver, ok, receiving


@dataclass(frozen=True)
class Death:
    """When the first daemon dies, and how long nobody listens.

    step: the number of the seam. request: instead, the number of the webhook that arrived and is not answered.
    deaf: packets that the PBX sends before the next daemon is there.
    """

    step: int | None = None
    request: int | None = None
    deaf: int = 0


@dataclass
class Hook:
    """The receiver's side: what is done when a request has come."""

    death: Death
    life: Life | None = None
    requests: int = 0

    def answer(self, delivered: Delivered) -> web.StreamResponse:
        self.requests += 1
        if self.requests == self.death.request and self.life is not None:
            with suppress(ProcessLookupError):
                os.kill(self.life.pid, signal.SIGKILL)
        return ok(delivered)


@dataclass
class Told:
    """What came of it. position: packets played when the first daemon died; back: when the second had its picture."""

    first: Life
    died: bool
    position: int
    back: int
    opened: list[str]
    must: set[str]
    """The keys that had to come."""


async def tell(nursery: Nursery, folder: Path, story: Story, death: Death) -> Told:
    """Plays the story through a death. Raises TimeoutError when something that has to arrive does not."""
    folder.mkdir()  # noqa: ASYNC240
    hook = Hook(death)
    async with playing() as pbx, receiving(hook.answer) as receiver:
        config = written(folder, {"lab": pbx.port}, {"hook": receiver.url})
        arrivals = Arrivals(receiver)
        first = hook.life = await nursery.begin(config, last=death.step, stepping=True)
        position = await _play_until_death(pbx, first, story)
        status = await first.end() if position == len(story.packets) else first.status
        must = set[str]()
        died, back = status != 0, position
        if died:
            assert status == -signal.SIGKILL, f"the daemon ended with {status}: see {folder}"
            back = min(len(story.packets), position + death.deaf)
            pbx.play(*story.packets[position:back])
            promised = await _promised(folder)
            must = promised.pending | _visible(story, position, back)
            must |= {
                call.closes for call in story.calls if not call.at(back) and _call_of(call.opens) in promised.known
            }
            arrivals.forget(promised.pending)
            listings = len(pbx.named("BridgeList"))
            second = await nursery.begin(config)
            await pbx.listed(listings + 1)
            await arrivals.of(must)
            for packet, keys in zip(story.packets[back:], story.keys[back:], strict=True):
                pbx.play(packet)
                must |= {key for key in keys if key not in story.opening or story.opening[key] in must}
                await arrivals.of(must)
            assert await second.end() == 0
        _each_key_says_one_thing(receiver)
        await _nothing_is_left(folder)
        return Told(first, died, position, back, list(receiver.opened), must)


async def _play_until_death(pbx: Pbx, life: Life, story: Story) -> int:
    """Plays packet by packet, each when all that follows from the one before is done. Returns how many were played."""
    if not await life.until(lambda: life.heard == 0):
        return 0
    for played, (packet, keys) in enumerate(zip(story.packets, story.keys, strict=True), start=1):
        pbx.play(packet)
        due = set(keys)
        if not await life.until(lambda played=played, due=due: life.heard == played and due <= life.keys):  # type: ignore[misc]
            return played
    return len(story.packets)


def _visible(story: Story, position: int, back: int) -> set[str]:
    """The keys of calls and cards that are there when the second daemon sees the PBX; with nobody deaf, all so far."""
    visible = {span.opens for span in (*story.calls, *story.cards) if span.at(back)}
    if position == back:
        visible |= {key for keys in story.keys[:back] for key in keys}
    return visible


@dataclass(frozen=True)
class _Promised:
    """What a dead daemon has left. pending: commands that only arriving settles; known: calls that had not ended."""

    pending: set[str]
    known: set[str]


async def _promised(folder: Path) -> _Promised:
    try:
        async with Archive.opened(database(folder)) as archive:
            pending = await archive.outbox([State.PENDING])
            known = {line.call_id for line in await archive.calls() if line.ended is None}
    except StoreFailedError:
        # Without a database, or with one that is half made, nothing was promised.
        return _Promised(set(), set())
    return _Promised({line.key for line in pending if line.type in ("call.started", "call.finished")}, known)


def _each_key_says_one_thing(receiver: Receiver) -> None:
    bodies = defaultdict[str, set[bytes]](set)
    for delivered in receiver.delivered:
        assert delivered.signed_with(WEBHOOK_SECRET)
        bodies[delivered.id].add(delivered.content)
    assert not [key for key, contents in bodies.items() if len(contents) > 1]


async def _nothing_is_left(folder: Path) -> None:
    async with Archive.opened(database(folder)) as archive:
        assert [(line.key, line.state) for line in await archive.outbox()] == []
        assert [line.call_id for line in await archive.calls() if line.ended is None] == []


def _call_of(key: str) -> str:
    return key.partition("/")[0]
