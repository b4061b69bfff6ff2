"""What manager.conf says of an account, which its own session may read: `Getvar` of AST_CONFIG needs `reporting` only.

It is the file and not what is in force, and a filter in the newer way of writing, `eventfilter(…)`, is not found in it:
it proves what is missing. That events come is proved by a call alone.
"""

import re
from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass

from amibridge.ami.account import NOTICED
from amibridge.ami.faults import LinkError, NoAnswerError
from amibridge.calls import HANDLERS, Headers

FILTERS = 50
"""Lines of filters that are read at most."""
RELOAD = "asterisk -rx 'manager reload'"


@dataclass(frozen=True, slots=True)
class Account:
    """An account's section. read: its classes, as they are written. filters: of its events, in their order."""

    read: str
    filters: tuple[str, ...]


async def account_in_file(ask: Callable[[Mapping[str, str]], Awaitable[Headers]], username: str) -> Account | None:
    """The section of this account, or None where the PBX does not tell: it has no func_config, or no such section.

    ask: sends an action.
    """
    if re.search(r"[,()\s]", username):
        return None

    async def value(name: str) -> str:
        said = await ask({"Action": "Getvar", "Variable": f"AST_CONFIG(manager.conf,{username},{name})"})
        return said.get("Value", "").strip()

    try:
        if not (read := await value("read")):
            return None
        filters: list[str] = []
        while len(filters) < FILTERS and (line := await value(f"eventfilter,{len(filters)}")):
            filters.append(line)
    except (LinkError, NoAnswerError):
        return None
    return Account(read, tuple(filters))


def hears_too_little(account: Account) -> Iterator[str]:
    """What of the calls is kept from this account, each with its remedy."""
    classes = {name.strip().lower() for name in account.read.split(",")}
    needed = [entry.removeprefix("read = ") for entry in NOTICED if entry.startswith("read = ")]
    if "all" not in classes and (missing := [name for name in needed if name not in classes]):
        yield (
            f"read = {account.read} in manager.conf keeps the classes {', '.join(missing)} from it;"
            f" write read = {','.join(needed)}, then: {RELOAD}"
        )
    for line, events in taken_away(account.filters, HANDLERS):
        yield f"eventfilter = {line} in manager.conf keeps {', '.join(events)} from it; remove it, then: {RELOAD}"


def taken_away(filters: Iterable[str], names: Iterable[str]) -> Iterator[tuple[str, list[str]]]:
    """Which events never pass, by the filter that stops them. Where there are filters that let pass, one has to.

    What a filter says of an event's other headers is not looked at.
    """
    left, filters = list(names), dict.fromkeys(filters)
    wanted = [line for line in filters if not line.startswith("!")]
    unwanted = [line for line in filters if line.startswith("!")]
    if wanted and (stopped := [name for name in left if not any(_matches(line, name) for line in wanted)]):
        yield wanted[0], stopped
        left = [name for name in left if name not in stopped]
    for line in unwanted:
        if stopped := [name for name in left if _matches(line[1:], name)]:
            yield line, stopped


def _matches(pattern: str, name: str) -> bool:
    try:
        return re.search(pattern, f"Event: {name}\r\nPrivilege: call,all\r\n") is not None
    except re.error:
        return False
