"""All stories. To import this is to declare them."""

from tests.live.scenarios import (
    chansip,
    console,
    hostile,
    listening,
    outside,
    parking,
    phones_at_work,
    plans,
    queues,
    rooms,
    transfers,
)

__all__ = [
    "chansip",
    "console",
    "hostile",
    "listening",
    "outside",
    "parking",
    "phones_at_work",
    "plans",
    "queues",
    "rooms",
    "transfers",
]
