"""`amibridge outbox`: what waits for the CRMs and what they would not have; trying it again, giving it up."""

import argparse
import json
import sys
from collections.abc import Awaitable, Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from amibridge.cli.configuration import add_config_argument
from amibridge.cli.looking import CannotLookError, asked, configured
from amibridge.cli.moment import moment
from amibridge.cli.printing import printed, table, utc
from amibridge.cli.typed import count, sequence

if TYPE_CHECKING:
    from amibridge.store import State
    from amibridge.store.archive import DeliveryLine

    ByHand = Callable[[Path, int, str | None], Awaitable[int]]

COLUMNS = ("seq", "crm", "state", "attempts", "since (UTC)", "next (UTC)", "command", "why")
STATES = ("pending", "sending", "done", "expired", "superseded", "refused", "unclear")
AT_MOST = 100


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The command's own commands and their arguments."""
    actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True)
    listing = actions.add_parser("list", help="what waits and what is dead, the oldest first")
    listing.add_argument("--crm", metavar="NAME", help="only what is for this CRM")
    listing.add_argument(
        "--state",
        action="append",
        choices=STATES,
        help="only these states, one each time (default: pending, sending, refused and unclear)",
    )
    listing.add_argument(
        "--limit", type=count, default=AT_MOST, metavar="N", help=f"at most so many (default {AT_MOST})"
    )
    show = actions.add_parser("show", help="a command with all that it says, and what the CRM has told")
    retry = actions.add_parser("retry", help="let what waits or is dead be tried again at once; cards are never")
    drop = actions.add_parser("drop", help="give up what waits or is dead")
    for action in (listing, show, retry, drop):
        add_config_argument(action)
    show.add_argument("seq", type=sequence, metavar="SEQ", help="the command's number in the list")
    retry.add_argument("seq", type=sequence, nargs="+", metavar="SEQ", help="the command's number in the list")
    drop.add_argument("seq", type=sequence, nargs="*", metavar="SEQ", help="the command's number in the list")
    for action in (retry, drop):
        action.add_argument("--crm", metavar="NAME", help="at this CRM only (default: at each)")
    drop.add_argument(
        "--older",
        type=moment,
        metavar="AGE",
        help="instead of numbers, with --crm: all that has waited or been dead for longer than that (30m, 2h, 5d, 1w),"
        " or since before a time",
    )


def run(args: argparse.Namespace) -> int:
    """Does it; the exit status is 1 when the store cannot be read, or when something that was named was not changed."""
    try:
        database = configured(args.config).settings.store.path
        match args.action:
            case "list":
                return _list(args, database)
            case "show":
                return _show(args, database)
            case "drop" if args.older is not None or not args.seq:
                return _drop_older(args, database)
            case _:
                return _change(args, database)
    except CannotLookError as error:
        print(error, file=sys.stderr)
        return 1


def _list(args: argparse.Namespace, database: Path) -> int:
    from amibridge.store import State
    from amibridge.store.archive import OPEN_OR_DEAD

    states = OPEN_OR_DEAD if args.state is None else tuple(dict.fromkeys(map(State, args.state)))
    lines = asked(database, _lines(database, states, args.crm, args.limit))
    printed(table([COLUMNS, *map(_row, lines)]))
    if not lines:
        print("the outbox holds no such command", file=sys.stderr)
    if len(lines) == args.limit:
        print(f"not more than {args.limit} are shown; --limit shows more", file=sys.stderr)
    return 0


async def _lines(database: Path, states: "Sequence[State]", crm: str | None, limit: int) -> "Sequence[DeliveryLine]":
    from amibridge.store import Archive

    async with Archive.opened(database) as archive:
        return await archive.outbox(states, crm, limit)


def _row(line: "DeliveryLine") -> Sequence[str]:
    return (
        str(line.seq),
        line.crm,
        line.state,
        str(line.attempts),
        utc(line.created_at),
        utc(line.not_before or None),
        line.key,
        line.error or "-",
    )


def _show(args: argparse.Namespace, database: Path) -> int:
    printed(asked(database, _shown(database, args.seq)))
    return 0


async def _shown(database: Path, seq: int) -> Sequence[str]:
    """What a command says, then what became of it at each of its CRMs."""
    from amibridge.cli.fate import fate
    from amibridge.store import Archive

    async with Archive.opened(database) as archive:
        deliveries = await archive.delivery(seq)
    if not deliveries:
        raise CannotLookError(f"{database}: there is no command {seq}; `amibridge outbox list` shows which there are")
    lines = [f"{deliveries[0].line.key}, {deliveries[0].line.type}", *_indented(deliveries[0].data)]
    lines.append("What became of it (times are UTC):")
    for delivery in deliveries:
        lines.append(f"  {fate(delivery.line)}")
        if delivery.memory:
            lines += [f"What {delivery.line.crm} has told of the call:", *_indented(delivery.memory)]
    return lines


def _indented(value: object) -> Iterator[str]:
    return (f"  {line}" for line in json.dumps(value, ensure_ascii=False, indent=2).splitlines())


def _change(args: argparse.Namespace, database: Path) -> int:
    from amibridge.store import by_hand

    act, done = (by_hand.retry, "to be tried again") if args.action == "retry" else (by_hand.drop, "dropped")
    changed, unchanged = asked(database, _changed(database, act, args.seq, args.crm))
    printed(f"{seq}: {done} at {number} CRM{'' if number == 1 else 's'}" for seq, number in changed.items())
    for why in unchanged:
        print(why, file=sys.stderr)
    if changed and args.action == "retry":
        _tell_the_daemon(database, args.crm)
    return 1 if unchanged else 0


def _drop_older(args: argparse.Namespace, database: Path) -> int:
    from amibridge.store import by_hand

    if args.seq or args.crm is None or args.older is None:
        print("name commands by their numbers, or take all of a CRM: --crm NAME --older 5d", file=sys.stderr)
        return 2
    dropped = asked(database, by_hand.drop_older(database, args.crm, args.older))
    states = ", ".join(f"{number} {state}" for state, number in dropped.items() if number)
    printed([f"{args.crm}: {sum(dropped.values())} dropped{states and f' ({states})'}"])
    return 0


async def _changed(
    database: Path, act: "ByHand", numbers: Sequence[int], crm: str | None
) -> tuple[dict[int, int], list[str]]:
    """Returns the commands that were changed, with at how many CRMs, and why others were not."""
    changed = {seq: await act(database, seq, crm) for seq in dict.fromkeys(numbers)}
    unchanged = [await _why_not(database, seq, crm) for seq, number in changed.items() if not number]
    return {seq: number for seq, number in changed.items() if number}, unchanged


async def _why_not(database: Path, seq: int, crm: str | None) -> str:
    from amibridge.store import Archive

    async with Archive.opened(database) as archive:
        lines = [delivery.line for delivery in await archive.delivery(seq) if crm in (None, delivery.line.crm)]
    if not lines:
        where = "" if crm is None else f" for {crm}"
        return f"{seq}: there is no such command{where}; `amibridge outbox list` shows which there are"
    states = ", ".join(f"{line.state} at {line.crm}" for line in lines)
    card = "; nobody wants the card of a call that is over: cards are not retried" if _opens(lines[0]) else ""
    return f"{seq}: {lines[0].key} is left as it is: {states}{card}"


def _opens(line: "DeliveryLine") -> bool:
    from amibridge.calls import CommandType

    return line.type == CommandType.CARD_OPEN


def _tell_the_daemon(database: Path, crm: str | None) -> None:
    """Wakes the daemon, which would otherwise look into the outbox only when the next call comes."""
    from amibridge.daemon.nudge import nudge
    from amibridge.store import holder

    daemon = holder(database)
    if daemon is None:
        print("no daemon is running: it is tried when one starts", file=sys.stderr)
    elif daemon.pid is None or not nudge(daemon.pid):
        print("the daemon could not be told: it is tried at the next call", file=sys.stderr)
    elif daemon.health is not None:
        for one in daemon.health.down:
            if one.for_good and crm in (None, one.crm):
                why = f"{one.crm} is asked no more until the daemon is started again"
                print(f"{why}: {one.why}", file=sys.stderr)
