"""Which cards a CRM shows, by the store alone: an adapter that starts again is told of these and believes no others."""

from pathlib import Path

from amibridge.calls import Command
from amibridge.crm.interface import Done, Refused, Retry
from tests.unit.durable import Crm, closes, delivering, ended, finished, opens, started

DAY = 86_400.0


async def test_a_card_is_shown_from_its_opening_to_its_closing(tmp_path: Path) -> None:
    crm, other = Crm(), Crm("other", lambda command, time: Refused("no"))
    async with delivering(tmp_path / "calls.db", crm, other) as world:

        async def shown(name: str = "crm", seconds: float = DAY) -> list[tuple[Command, float]]:
            return await world.store.shown_cards(name, seconds)

        await world.tell(started(), opens("134"), opens("120"))
        await world.rest_until_quiet()
        assert await shown() == [(opens("134"), 0.0), (opens("120"), 0.0)]
        assert await shown("other") == [], "it was never shown there"
        world.clock.go_to(world.clock.now() + 100)
        assert [age for _, age in await shown()] == [100.0, 100.0]
        assert await shown(seconds=99) == []
        crm.answers = lambda command, time: Retry("busy", alone=True)
        await world.tell(closes("120"))
        await world.rest()
        assert len(await shown()) == 2, "it has not been told yet"
        crm.answers = lambda command, time: Done()
        await world.rest_until_quiet()
        assert [command.key for command, _ in await shown()] == [opens("134").key]
        await world.tell(closes("134"), finished(), ended())
        await world.rest_until_quiet()
        assert await shown() == []


async def test_a_card_that_was_shown_again_is_the_second_one(tmp_path: Path) -> None:
    async with delivering(tmp_path / "calls.db", Crm()) as world:
        for time in (1, 2):
            await world.tell(*([closes("134")] if time > 1 else []), opens("134", time=time))
            await world.rest_until_quiet()
        assert [command.key for command, _ in await world.store.shown_cards("crm", DAY)] == [opens("134", time=2).key]


async def test_what_nobody_heard_to_be_taken_is_not_shown(tmp_path: Path) -> None:
    async with delivering(tmp_path / "calls.db", Crm(answers=lambda command, time: Retry("no connection"))) as world:
        await world.tell(opens("134"))
        await world.rest()
        assert await world.store.shown_cards("crm", DAY) == []
