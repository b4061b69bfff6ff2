"""Stories on real Asterisks with real phones, the installed daemon beside them: each card came to whoever talked to the
client, while they talked, at every CRM; nobody else got one; and the record says what happened.

    python -m pytest tests/live              # the stories that tell most of the design
    ALL_STORIES=1 python -m pytest tests/live    # all of them
    SEED=7 python -m pytest tests/live           # other stories made by chance, and other troubles
    SLOW=1 python -m pytest tests/live -k thousand   # a thousand by chance on each: hours; it goes on where it was
"""

import os
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.live import scenarios as _declared  # noqa: F401 -- the import declares them
from tests.live.beside import errors
from tests.live.chance.__main__ import main as play_many
from tests.live.chance.__main__ import results
from tests.live.chance.composer import composed
from tests.live.chance.series import Sums
from tests.live.encore import ENDS
from tests.live.errors import CannotPlayError
from tests.live.folders import CACHE, SUITES, lacks
from tests.live.scenario import SCENARIOS, Scenario
from tests.live.theatre import Theatre
from tests.live.troubles import STORIES

SEED = int(os.environ.get("SEED", "20261124"))
"""Of what breaks when."""
BY_CHANCE = [f"chance-{seed}" for seed in range(SEED, SEED + 10)]
"""The composed stories of an ordinary run."""
THOUSAND, THEATRES = 1000, 4
FOLDER = Path(os.environ.get("CHANCE_FOLDER") or CACHE / "chance")
"""Where a long run keeps what it has played, and the stories that differ."""
PATIENCE = 600.0
"""Seconds until a story has been played, with all that are played before it."""

TELLING = """
    ringgroup_134_answers ringgroup_missed ringgroup_of_locals direct_held_and_resumed two_clients_at_once
    same_client_twice internal_call menu_then_ringgroup menu_abandoned voicemail_after_134 announcement_abandoned
    queue_of_locals queue_abandoned queue_first_declines_locals queue_announcement_client_gone
    queue_then_attended_transfer followme_with_key followme_mobile_never_presses followme_mobile_without_key
    mobile_calls_in agent_serves_two_clients recorded_ringgroup conference room_waits_for_leader
    room_leader_never_comes waiting_room_of_bridgewait blind_transfer_by_refer attended_transfer_by_refer
    feature_attended_completed feature_attended_aborted feature_blonde_answered refer_chain refer_to_busy_comes_back
    blind_transfer_to_outside attended_transfer_to_outside forwarded_by_phone outbound_answered outbound_no_answer
    outbound_second_trunk outbound_emergency click_local click_client_first branch_internal branch_brings_client
    park_retrieved_by_the_parker park_timed_out_comes_back pickup_directed pickup_behind_a_local supervisor_whispers
    page_during_a_call bot_channel_then_134 three_way_inside_the_phone call_waiting_ignored clients_joined_by_refer
    redirect_client reloaded_while_talking number_injects_event number_like_an_extension name_in_cp1251
    gr_group_134 gr_queue_134 gr_confirm_mobile gr_confirm_desk gr_attended_to_group gr_click gr_own_number_shown
    gr_mobile_in_the_menu lo_direct lo_queue_134 lo_forward_queue lo_ivr_queue lo_consults_the_queue
    chansip_answered chansip_attended_transfer chansip_trunk_inbound chansip_trunk_outbound
"""
"""What is played in an ordinary run: something of everything in the design's identity, rule and who is who."""

NOT_FOR_US = {"calls_of_a_moment", "answer_meets_cancel", "room_leader_never_comes_no_music"}
"""In the first two even the phones cannot say who talked; the third is what a listener cannot know."""


def played_on(version: str) -> list[Scenario]:
    names = SCENARIOS if os.environ.get("ALL_STORIES") else TELLING.split()
    return [
        story
        for story in map(SCENARIOS.__getitem__, names)
        if story.only in (None, version) and not story.late and story.name not in NOT_FOR_US
        if version != "16" or not story.name.startswith("bot_")
    ]


CHOSEN = [(version, story.name) for version in SUITES for story in played_on(version)]


@pytest.fixture(scope="session")
def theatres(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Theatre]]:
    """Both Asterisks at work at once, each with the stories that this run has asked for."""
    if missing := lacks():
        pytest.skip("; ".join(missing))
    asked = {item.name for item in request.session.items if item.path == Path(__file__)}
    opened = {}
    for version in SUITES:
        stories = [story for story in played_on(version) if f"test_a_story[{version}-{story.name}]" in asked]
        troubled = {f"test_troubles[{version}]", f"test_a_link_that_flaps[{version}]"}
        seed = SEED if asked & troubled else None
        ends = [end for end in ENDS if f"test_the_pbx_ends[{version}-{end}]" in asked]
        all_of_them = f"test_what_the_stories_made_by_chance_come_to[{version}]" in asked
        chosen = [
            name for name in BY_CHANCE if all_of_them or f"test_a_story_made_by_chance[{version}-{name}]" in asked
        ]
        by_chance = [composed(int(name.removeprefix("chance-"))) for name in chosen]
        folder = tmp_path_factory.mktemp(f"asterisk-{version}")
        opened[version] = Theatre(version, stories, folder, seed, by_chance, ends)
    for theatre in opened.values():
        theatre.open()
    yield opened
    for theatre in opened.values():
        theatre.close()


@pytest.mark.parametrize(("version", "name"), CHOSEN, ids=[f"{version}-{name}" for version, name in CHOSEN])
def test_a_story(theatres: dict[str, Theatre], version: str, name: str, tell: Callable[[object], None]) -> None:
    try:
        judged = theatres[version].judged(name, PATIENCE)
    except CannotPlayError as error:
        pytest.skip(str(error))
    if judged.spoilt:
        tell(f"not played as told the first time: {'; '.join(judged.spoilt)}")
    lines = "\n".join([*judged.wrong, f"capture and truth: {judged.capture}", *judged.log])
    assert not judged.wrong, lines


@pytest.mark.parametrize("version", SUITES)
def test_the_daemon_afterwards(theatres: dict[str, Theatre], version: str) -> None:
    """It still worked when all stories were told, nothing waited, nothing was said twice, and it stopped in order."""
    try:
        closing = theatres[version].closing(PATIENCE)
    except CannotPlayError as error:
        pytest.skip(str(error))
    assert closing.status == 0, closing
    assert len(closing.outbox.splitlines()) == 1, f"something waits or was refused: {closing.outbox}"
    assert closing.exit == 0
    assert not errors(closing.log)
    assert not [line for line in closing.log if "Traceback" in line]
    assert [key for key, times in Counter(closing.told).items() if times > 1] == []


@pytest.mark.parametrize("version", SUITES)
def test_troubles(theatres: dict[str, Theatre], version: str, tell: Callable[[object], None]) -> None:
    """The daemon is killed or stopped, or its link is cut, somewhere in a story: who was heard talking has a card."""
    try:
        sums = theatres[version].sums(PATIENCE)
    except CannotPlayError as error:
        pytest.skip(str(error))
    tell(sums)
    assert sums.faults == [], "\n".join([str(sums), *sums.faults])


@pytest.mark.parametrize("name", BY_CHANCE)
@pytest.mark.parametrize("version", SUITES)
def test_a_story_made_by_chance(theatres: dict[str, Theatre], version: str, name: str) -> None:
    """Who was heard talking to a client has one card, nobody else has any, and the record says how long."""
    try:
        result = theatres[version].composed(name, PATIENCE)
    except CannotPlayError as error:
        pytest.skip(str(error))
    assert not result.verdict.wrong, "\n".join([*result.verdict.wrong, f"capture, truth and story: {result.kept}"])


@pytest.mark.parametrize("version", SUITES)
def test_what_the_stories_made_by_chance_come_to(
    theatres: dict[str, Theatre], version: str, tell: Callable[[object], None]
) -> None:
    """Whatever was played, most of it was understood by ear: a story in which nobody talks proves nothing."""
    sums = Sums()
    for name in BY_CHANCE:
        try:
            sums.add(theatres[version].composed(name, PATIENCE))
        except CannotPlayError as error:
            pytest.skip(str(error))
    tell(f"seed {SEED}, {sums}")
    assert sums.due >= len(BY_CHANCE)
    assert sums.left_open < sums.due / 4


@pytest.mark.slow
@pytest.mark.parametrize("version", SUITES)
def test_a_thousand_stories_made_by_chance(version: str, tell: Callable[[object], None]) -> None:
    try:
        status = play_many([version, "--stories", str(THOUSAND), "--theatres", str(THEATRES), "--folder", str(FOLDER)])
    except CannotPlayError as error:
        pytest.skip(str(error))
    sums = results(FOLDER, version)
    tell(sums)
    assert status == 0
    assert sums.stories >= THOUSAND
    assert not sums.differing


@pytest.mark.parametrize("version", SUITES)
def test_a_link_that_flaps(theatres: dict[str, Theatre], version: str, tell: Callable[[object], None]) -> None:
    """The link is cut every three seconds: each cut costs what happens inside its gap, a second at most."""
    try:
        sums = theatres[version].flapping(PATIENCE)
    except CannotPlayError as error:
        pytest.skip(str(error))
    tell(sums)
    assert sums.faults == [], "\n".join([str(sums), *sums.faults])
    assert sums.due >= len(STORIES) / 2


@pytest.mark.parametrize("end", ENDS)
@pytest.mark.parametrize("version", SUITES)
def test_the_pbx_ends(theatres: dict[str, Theatre], version: str, end: str) -> None:
    """While 134 talks: the call is recorded, its card closes, and the next call after the restart is as any other."""
    try:
        found = theatres[version].end(end, PATIENCE)
    except CannotPlayError as error:
        pytest.skip(str(error))
    assert found == []
