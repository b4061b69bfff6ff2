"""When a stream lacks events, and what only looks so: people who hang up at once, prompts, announcements, gaps."""

import pytest

from tests.unit.event_tables import Story, client_calls, dials_out, rings

ANSWERED = "1 Newstate 134 Up\n1 DialEnd client > 134 ANSWER\n"
GONE = "20 Hangup 134\n20 Hangup client\n"


def lacks(story: Story) -> bool:
    return any("lacks_events" in record for record in story.records)


def test_the_callers_answer_behind_the_callees_proves_a_bridge() -> None:
    story = Story().play(client_calls(), rings(0.1, "134", "120"), ANSWERED, "1 Newstate client Up\n", GONE)
    assert story.record["lacks_events"] is True
    assert story.record["answered"] is None
    assert story.verdicts["134"] == "cancelled"
    assert "no BridgeEnter of it ever came" in story.because("134")
    assert story.record["verdicts"]["134"]["no_card"] == "the stream lacks events: an eventfilter?"


@pytest.mark.parametrize("last", ["1.9 Hangup 134\n1.9 Hangup client\n", "1.01 Hangup client\n1.5 Hangup 134\n"])
def test_who_hangs_up_at_once_proves_nothing(last: str) -> None:
    story = Story().play(client_calls(), rings(0.1, "134"), ANSWERED, "1 Newstate client Up\n", last)
    assert not lacks(story)
    assert story.record["outcome"] == "missed"


def test_a_prompt_before_the_bridge_proves_nothing() -> None:
    """`Dial(…,U(…))`, `A(…)`, `p`: the caller is still in Ring."""
    story = Story().play(client_calls(), rings(0.1, "134"), ANSWERED, GONE)
    assert not lacks(story)
    assert story.verdicts["134"] == "missed"


def test_a_queues_announcement_to_its_agent_proves_nothing_and_agent_connect_does() -> None:
    begin = (client_calls(), "0.1 Newstate client Up\n0.1 QueueCallerJoin client 700\n", rings(0.2, "134"), ANSWERED)
    assert not lacks(Story().play(*begin, GONE))
    story = Story().play(*begin, "1.5 AgentConnect client 700 DestChannel=x\n", GONE)
    assert not lacks(story), "whom it names is nobody we know"
    told = Story()
    told.play(*begin)
    member = {"DestUniqueid": told.uid("134"), "DestChannel": told.name("134")}
    named = " ".join(f"{name}={value}" for name, value in member.items())
    assert lacks(told.play(f"1.5 AgentConnect client 700 {named}\n", GONE))


def test_a_client_who_was_called_and_answered() -> None:
    story = Story().play(
        dials_out(0, "134"), "2 Newstate client Up\n2 DialEnd 134 > client ANSWER\n2 Newstate 134 Up\n", GONE
    )
    assert story.record["lacks_events"] is True
    assert story.record["outcome"] == "cancelled"
    assert "who answered, and no BridgeEnter of it ever came" in story.because("134")


def ivr(number: int, until: float = 9.0) -> str:
    """The IVR has answered the client; 134 answers, and they talk until then as it seems."""
    client, phone = f"client{number}", f"134.{number}"
    return f"""
        {client_calls(number * 10, client)}
        {number * 10 + 0.1} Newstate {client} Up
        {rings(number * 10 + 0.2, phone, source=client)}
        {number * 10 + 1} Newstate {phone} Up
        {number * 10 + 1} DialEnd {client} > {phone} ANSWER
        {number * 10 + until} Hangup {phone}
        {number * 10 + until} Hangup {client}
    """


def test_behind_an_ivr_it_takes_three_calls_and_no_bridge_at_all() -> None:
    story = Story().play(ivr(0), ivr(1), ivr(2), ivr(3))
    assert ["lacks_events" in record for record in story.records] == [False, False, True, True]
    assert not lacks(Story().play(*(ivr(number, until=4.0) for number in range(6)))), "that may all be prompts"
    seen = "0 Newchannel 120 Ring Exten=121\n0 Newstate 120 Up\n0 BridgeEnter 120 b\n0 Hangup 120\n"
    assert not lacks(Story().play(seen, *(ivr(number) for number in range(6)))), "bridges are told of"


def test_what_came_during_a_gap_is_not_missing() -> None:
    story = Story().play(client_calls(), rings(0.1, "134"), ANSWERED, "1 Newstate client Up\n")
    story.present(10, "client Up Dial -", "134 Up AppDial -")
    assert not lacks(story.play(GONE))
    vanished = Story().play(client_calls(), rings(0.1, "134"), ANSWERED, "1 Newstate client Up\n3 Newstate client Up\n")
    assert not lacks(vanished.present(10))


def test_whoever_was_in_a_bridge_for_a_moment_was_seen() -> None:
    story = Story().play(
        client_calls(),
        rings(0.1, "134"),
        ANSWERED,
        "1 Newstate client Up\n1 BridgeEnter 134 b1\n2 BridgeLeave 134 b1\n",
        GONE,
    )
    assert not lacks(story)
    assert story.verdicts["134"] == "missed"
