"""Whether a broker would let us do all that we do: each right is tried; what is missing is said, with its remedy."""

import asyncio
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any

import aiomqtt
from paho.mqtt.reasoncodes import ReasonCode
from paho.mqtt.subscribeoptions import SubscribeOptions

from amibridge.calls import CommandType
from amibridge.crm.mqtt.client import FAILURES, Client, remedy_for, why
from amibridge.crm.mqtt.topics import card_topic

NOBODY = "amibridge-check"
"""An extension that nobody has."""
ECHO = 3.0
"""Seconds in which a broker has brought back what we wrote."""


async def trial(arguments: Mapping[str, Any], pbxs: Sequence[str]) -> Sequence[str]:
    """Connects once, and writes an empty message wherever we would write: no card, no status, no call.

    arguments: of aiomqtt's client. pbxs: the beginnings of the PBXs' topics. Returns what is wrong, with its remedy;
    nothing: it works.
    """
    try:
        async with asyncio.timeout(arguments["timeout"] + ECHO * len(pbxs)), Client(**arguments) as client:
            return [wrong for own in pbxs for wrong in await _rights(client, own)]
    except FAILURES as error:
        return [f"{why(error)}; {remedy_for(error)}"]


async def _rights(client: Client, own: str) -> Sequence[str]:
    """What is missing below one PBX's topics."""
    status, tried = f"{own}/status", card_topic(own, NOBODY)
    read = {tried: card_topic(own, "+"), status: status}
    wrong = [line for topic in read.values() for line in await _subscribed(client, topic)]
    written = {tried: card_topic(own, "+"), status: status}
    written |= {f"{own}/calls/{type_}": f"{own}/calls/#" for type_ in CommandType}
    # Retained where cards are: an empty message takes away what nobody has put there.
    refused = {topic for topic in written if await _refused(client, topic, retain=topic == tried)}
    for line in dict.fromkeys(written.values()):
        if topics := [topic for topic in written if topic in refused and written[topic] == line]:
            wrong.append(f"it may not write {', '.join(topics)}; access list: topic write {line}")
    unheard = await _unheard(client, read.keys() - refused)
    wrong += [f"it may not read {read[topic]}; access list: topic read {read[topic]}" for topic in unheard]
    return [*wrong, *(f"whether it may read {read[topic]} cannot be tried" for topic in sorted(read.keys() & refused))]


async def _subscribed(client: Client, topic: str) -> Sequence[str]:
    # What is retained stays there: it may be much, and our own words would come behind it.
    options = SubscribeOptions(qos=1, retainHandling=SubscribeOptions.RETAIN_DO_NOT_SEND)
    (code,) = await client.subscribe(topic, options=options)
    refused = isinstance(code, ReasonCode) and code.is_failure
    return [f"it may not subscribe to {topic}: {code}"] if refused else []


async def _refused(client: Client, topic: str, *, retain: bool) -> bool:
    await client.publish(topic, b"", 1, retain)
    return client.taken is not None and client.taken.is_failure


async def _unheard(client: Client, topics: set[str]) -> Sequence[str]:
    """Which of them never brought back what we wrote. A broker may take a subscription and bring nothing."""
    missing = set(topics)
    with suppress(TimeoutError):
        async with asyncio.timeout(ECHO):
            while missing:
                said: aiomqtt.Message = await anext(client.messages)
                if not said.payload:
                    missing.discard(str(said.topic))
    return sorted(missing)
