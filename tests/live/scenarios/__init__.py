"""All stories. To import this is to declare them."""

from tests.live.scenarios import (
    basics,
    chansip,
    console,
    groups,
    hostile,
    listening,
    locals,
    outside,
    parking,
    phones_at_work,
    plans,
    queues,
    rooms,
    transfers,
)

__all__ = [
    "basics",
    "chansip",
    "console",
    "groups",
    "hostile",
    "listening",
    "locals",
    "outside",
    "parking",
    "phones_at_work",
    "plans",
    "queues",
    "rooms",
    "transfers",
]
