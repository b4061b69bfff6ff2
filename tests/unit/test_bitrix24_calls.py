"""What a Bitrix24 portal has of a call: whose card was shown, what was registered, what was finished, each once."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from amibridge.calls import Calls, Command
from amibridge.crm.bitrix24 import MissedOwner, Newcomer, Wishes
from amibridge.crm.interface import Adapter, Done, Memory, Refused
from amibridge.daemon.adapters import adapter_for
from amibridge.demo.portal import Contact, Portal
from amibridge.directory.loading import load
from tests.replay.playing import Capture, captures, commands
from tests.unit.durable import CALL, delivering
from tests.unit.office import (
    ADMIN,
    ANNA,
    CLIENT,
    EXTENSIONS,
    IVAN,
    OLGA,
    PETER,
    SUPERVISOR,
    bitrix24,
    closes,
    finished,
    office,
    opens,
    started,
)
from tests.unit.operators import configuration


def of_the_office(capture: Capture) -> bool:
    """Whether everybody who talks in it has a user at the portal."""
    return all(EXTENSIONS.keys() >= set(call["participants"]) for call in capture.truth["calls"])


SOME = [capture for capture in captures() if of_the_office(capture)][::6]
REGISTER, FINISH = "telephony.externalCall.register", "telephony.externalCall.finish"


async def tell(adapter: Adapter, *commands: Command, repeated: bool = False) -> Memory:
    """Sends them in order; all are done. Returns what is remembered in the end."""
    memory: Memory = {}
    for command in commands:
        answer = await adapter.send(command, memory, repeated=repeated)
        assert isinstance(answer, Done), answer
        memory = answer.memory if answer.memory is not None else memory
    return memory


def happened(portal: Portal) -> list[tuple[str, int]]:
    return [(one.what, one.user) for one in portal.shown]


def finishes(portal: Portal) -> list[tuple[int, str]]:
    """Whose each record is, and its status."""
    return [(int(one["PORTAL_USER_ID"]), str(one["CALL_FAILED_CODE"])) for one in portal.statistics]


async def test_registered_while_it_rings_shown_on_talk_finished_once() -> None:
    async with office(Contact(5, (CLIENT,), "Client", assigned_to=PETER)) as portal, bitrix24(portal) as adapter:
        await tell(adapter, started())
        (registered,) = portal.asked(REGISTER)
        assert registered == {
            "USER_ID": str(PETER),
            "PHONE_NUMBER": CLIENT,
            "TYPE": 2,
            "CALL_START_DATE": "2026-11-21T19:56:11+00:00",
            "CRM_CREATE": 0,
            "SHOW": 0,
            "ADD_TO_CHAT": 1,
            "EXTERNAL_CALL_ID": CALL,
            "LINE_NUMBER": "74950000002",
            "CRM_ENTITY_TYPE": "CONTACT",
            "CRM_ENTITY_ID": "5",
        }
        assert portal.open_cards() == {}
        before = len(portal.requests)
        memory = await tell(adapter, started(), opens("134"))
        await adapter.send(opens("134"), memory, repeated=False)
    # Between the talk and the card lies one request.
    assert [request.method for request in portal.requests[before:]][-2:] == ["telephony.externalCall.show"] * 2
    assert portal.open_cards() == {OLGA: [portal.shown[0].call_id]}


@pytest.mark.parametrize("with_register", [True, False])
async def test_the_card_hides_and_the_record_is_the_talker_s(with_register: bool) -> None:
    """Also where the register was refused: card and record register for themselves."""
    first = [started()] if with_register else []
    async with office() as portal, bitrix24(portal) as adapter:
        await tell(adapter, *first, opens("134"), closes("134"), finished("134"))
    assert [one for one in happened(portal) if one[0] != "register"] == [
        ("show", OLGA),
        ("hide", OLGA),
        ("finish", OLGA),
    ]
    assert len(portal.calls) == 1
    (said,) = portal.asked(FINISH)
    assert said == {
        "CALL_ID": portal.shown[0].call_id,
        "USER_ID": str(OLGA),
        "DURATION": 7,
        "STATUS_CODE": "200",
        "ADD_TO_CHAT": 1,
    }


async def test_whoever_it_is_handed_to_has_a_register_of_their_own() -> None:
    async with office() as portal, bitrix24(portal) as adapter:
        await tell(adapter, started(), opens("134"), closes("134"), opens("120"), closes("120"), finished("134", "120"))
    first, second = portal.calls.values()
    assert (first.external_id, second.external_id) == (CALL, f"{CALL}/120")
    assert (first.type, second.type) == (2, 3)
    assert (second.user, list(second.shown)) == (IVAN, [IVAN])
    assert finishes(portal) == [(OLGA, "200"), (IVAN, "200")]
    assert list(first.shown) == [OLGA]


async def test_who_comes_back_gets_the_same_card() -> None:
    async with office() as portal, bitrix24(portal) as adapter:
        await tell(adapter, started(), opens("134"), closes("134"), opens("120"), closes("120"), opens("134", time=2))
    first, second = portal.calls.values()
    assert len(first.shown[OLGA]) == 2
    assert portal.open_cards() == {OLGA: [first.id]}
    assert second.viewers() == []


async def test_cards_for_ringing_make_no_records() -> None:
    """`open_on: ring`: both phones show the card, 120 answers, and only 120 has a record."""
    async with office() as portal, bitrix24(portal) as adapter:
        await tell(
            adapter,
            started(),
            opens("134", reason="rings"),
            opens("120", reason="rings"),
            closes("134"),
            closes("120"),
            finished("120"),
        )
    (only,) = portal.calls.values()
    assert sorted(only.shown) == [OLGA, IVAN]
    assert finishes(portal) == [(IVAN, "200")]


async def test_a_supervisor_s_card_is_no_record() -> None:
    async with office() as portal, bitrix24(portal) as adapter:
        supervisor = opens("136", reason="listens")
        await tell(adapter, started(), supervisor, opens("134"), closes("136"), closes("134"), finished("134"))
    assert finishes(portal) == [(OLGA, "200")]
    assert [user for what, user in happened(portal) if what == "show"] == [SUPERVISOR, OLGA]


@pytest.mark.parametrize(
    ("rule", "assigned", "rang", "owner"),
    [
        (MissedOwner("responsible"), PETER, ("120", "134"), PETER),
        (MissedOwner("responsible", "121"), None, ("120", "134"), ANNA),
        (MissedOwner("responsible"), None, ("120", "134"), IVAN),
        (MissedOwner("responsible"), None, (), ADMIN),
        (MissedOwner("rang_first"), PETER, ("134", "120"), OLGA),
        (MissedOwner("rang_first", "121"), PETER, ("199",), ANNA),
        (MissedOwner("rang_first"), PETER, (), PETER),
        (MissedOwner("default", "121"), PETER, ("120",), ANNA),
        (MissedOwner("default", "199"), None, ("199", "120"), IVAN),
    ],
)
async def test_a_missed_call_is_one_record_with_its_owner(
    rule: MissedOwner, assigned: int | None, rang: tuple[str, ...], owner: int
) -> None:
    """199 is nobody at the portal."""
    contacts = [] if assigned is None else [Contact(5, (CLIENT,), assigned_to=assigned)]
    async with office(*contacts) as portal, bitrix24(portal, missed_owner=rule) as adapter:
        await tell(adapter, started(), finished(rang=rang))
    assert finishes(portal) == [(owner, "304")]
    assert len(portal.calls) == 1


@pytest.mark.parametrize(
    ("direction", "outcome", "code"),
    [
        ("inbound", "missed", "304"),
        ("inbound", "machine", "304"),
        ("inbound", "cancelled", "304"),
        ("inbound", "declined", "603"),
        ("inbound", "busy", "486"),
        ("inbound", "unreachable", "480"),
        ("outbound", "missed", "304"),
        ("outbound", "busy", "486"),
        ("outbound", "unreachable", "480"),
        ("outbound", "cancelled", "603-S"),
        ("outbound", "machine", "304"),
    ],
)
async def test_the_status_says_what_became_of_it(direction: str, outcome: str, code: str) -> None:
    more: dict[str, Any] = {"direction": direction, "initiator": "134" if direction == "outbound" else None}
    async with office() as portal, bitrix24(portal) as adapter:
        await tell(adapter, started(**more), finished(outcome=outcome, **more))
    assert finishes(portal) == [(OLGA if direction == "outbound" else ADMIN, code)]
    (said,) = portal.asked(FINISH)
    assert (said["DURATION"], said["FAILED_REASON"]) == (0, outcome)


async def test_an_outbound_call_is_registered_for_whoever_calls() -> None:
    more: dict[str, Any] = {"direction": "outbound", "did": None, "initiator": "134"}
    async with office() as portal, bitrix24(portal) as adapter:
        await tell(adapter, started(**more), opens("134", **more), closes("134", **more), finished("134", **more))
    (only,) = portal.calls.values()
    assert (only.type, only.user, only.line) == (1, OLGA, None)


@pytest.mark.parametrize(
    ("did", "lead", "source"), [("74950000002", True, "ADVERT"), ("74950000003", False, "CALL"), (None, False, "CALL")]
)
async def test_unknown_clients_by_line(did: str | None, lead: bool, source: str) -> None:
    wishes = Wishes(Newcomer(False, "CALL"), {"74950000002": Newcomer(True, "ADVERT")})
    async with office() as portal, bitrix24(portal, wishes=wishes) as adapter:
        await tell(adapter, started(did=did))
    assert bool(portal.leads) is lead
    assert portal.asked(REGISTER)[0]["CRM_SOURCE"] == source


async def test_a_known_client_never_becomes_a_lead() -> None:
    wishes = Wishes(Newcomer(True))
    async with office(Contact(5, (CLIENT,))) as portal, bitrix24(portal, wishes=wishes) as adapter:
        await tell(adapter, started())
    assert portal.leads == []
    assert next(iter(portal.calls.values())).entity is not None


async def test_a_withheld_number_has_a_card_and_a_record_too() -> None:
    wishes = Wishes(Newcomer(True))
    nobody: dict[str, Any] = {"client": None, "client_raw": None}
    async with office() as portal, bitrix24(portal, wishes=wishes) as adapter:
        await tell(adapter, started(**nobody), opens("134", **nobody), closes("134", **nobody))
        await tell(adapter, finished("134", call_id="office:2.2", **nobody))
    assert [one.phone for one in portal.calls.values()] == ["000", "000"]
    assert portal.leads == []


async def test_a_caller_who_shows_the_company_s_own_number(tmp_path: Path) -> None:
    """However the configuration writes it and the trunk delivers it."""
    forged: dict[str, Any] = {"client": None, "client_raw": "74950000002"}
    async with office() as portal:
        crm = f"[{{name: sales, kind: bitrix24, create_lead: true, url: '{portal.webhook_url}'}}]"
        loaded = load(configuration(tmp_path, "numbers: {own: ['8 (495) 000-00-02']}", crm=crm))
        adapter = adapter_for(loaded.settings.crm[0], loaded.settings, lambda extension: None)
        try:
            await tell(adapter, started(**forged), finished("134", **forged))
        finally:
            await adapter.close()
    assert [one.phone for one in portal.calls.values()] == ["000"]
    assert portal.leads == []


async def test_the_map_goes_before_the_portal_s_list() -> None:
    async with office() as portal, bitrix24(portal, of_map={"134": str(PETER)}) as adapter:
        await tell(adapter, started(), opens("134"), closes("134"), finished("134"))
    assert [user for what, user in happened(portal) if what != "register"] == [PETER] * 3


async def test_somebody_whom_the_portal_does_not_know() -> None:
    """No card can be shown, and the admin is told what to do; the record is not lost."""
    async with office() as portal, bitrix24(portal) as adapter:
        answer = await adapter.send(opens("199"), {}, repeated=False)
        await tell(adapter, finished("199"))
    assert isinstance(answer, Refused)
    assert "199" in answer.why
    assert "crm_user" in answer.why
    assert finishes(portal) == [(ADMIN, "200")]


async def test_the_first_talker_may_be_a_stranger() -> None:
    async with office() as portal, bitrix24(portal) as adapter:
        await tell(adapter, started(), opens("120"), closes("120"), finished("199", "120"))
    assert finishes(portal) == [(IVAN, "200")]


async def test_an_old_command_without_a_reason_is_understood() -> None:
    """It was committed by an earlier version."""
    command = opens("134")
    old = Command(
        command.type,
        command.key,
        command.call_id,
        command.extension,
        command.at,
        command.wall,
        {name: value for name, value in command.data.items() if name != "reason"},
    )
    async with office() as portal, bitrix24(portal) as adapter:
        await tell(adapter, old)
    assert list(portal.open_cards()) == [OLGA]


@pytest.mark.parametrize("capture", SOME, ids=lambda capture: capture.name)
async def test_real_calls_at_the_portal(capture: Capture, tmp_path: Path) -> None:
    """Through the core, the store and the delivery: cards and records are those of the truth."""
    core = Calls("lab", capture.directory)
    async with office() as portal, bitrix24(portal) as adapter, delivering(tmp_path / "amibridge.db", adapter) as world:
        records: list[dict[str, Any]] = []
        for event in capture.events:
            outputs = core.apply(event)
            if outputs:
                await world.tell(*outputs)
                await world.rest()
            records += [one.data["record"] for one in commands(outputs) if "record" in one.data]
        assert not [line for line in await world.deliveries() if line.state not in ("done", "superseded")]
    assert portal.open_cards() == {} or not _all_over(portal)
    for record in records:
        mine = [one for one in portal.calls.values() if str(one.external_id).split("/")[0] == record["call_id"]]
        talked: Sequence[int] = [EXTENSIONS[one["extension"]] for one in record["participants"]]
        assert {user for one in mine for user in one.shown} == {
            EXTENSIONS[card["extension"]] for card in record["cards"]
        }
        finished_for = [int(one.finished["USER_ID"]) for one in mine if one.finished is not None]
        assert len(mine) == len(finished_for) == max(1, len(talked))
        if talked:
            assert sorted(finished_for) == sorted(talked)


def _all_over(portal: Portal) -> bool:
    return all(one.finished is not None for one in portal.calls.values())
