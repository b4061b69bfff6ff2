"""Tables of raw manager events, written like a story, and what the core makes of them.

One row is one event: its time, its name, the channels it speaks of, and what else matters of its headers:

    0.0  Newchannel   client  Ring  CallerIDNum=79031234504 Exten=74950000002
    0.1  Newchannel   134     Down
    0.1  DialBegin    client > 134
    0.2  Newstate     134     Ringing

Channels have short names. `134` is a channel of PJSIP/134, `134.b` another one, `134-WS` one of PJSIP/134-WS;
`Local/120@ring;1` is a Local half; any other name with a slash is a device; any name without one (`client`, `mobile`)
is a channel of the trunk PJSIP/provider.
"""

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from amibridge.calls import (
    Calls,
    Command,
    Ended,
    Event,
    Headers,
    Known,
    Output,
    Patience,
    Picture,
    SeenBridge,
    SeenChannel,
    Verdict,
)
from amibridge.calls.who import Directory
from amibridge.directory.extension_map import ExtensionMap
from amibridge.directory.map_directory import MapDirectory
from amibridge.directory.settings import Settings

EPOCH = 1_800_000_000
CLIENT = "79031234504"
DID = "74950000002"
MOBILE = "79161112233"

PEOPLE: dict[str, dict[str, Any]] = {
    "120": {"name": "Иван"},
    "121": {},
    "134": {"name": "Ольга", "crm_user": "12", "mobiles": ["+79161112233"]},
    "136": {"name": "Начальник"},
}


def office(
    people: Mapping[str, Mapping[str, Any]] | None = None, map_: Mapping[str, Any] | None = None, **settings: Any
) -> MapDirectory:
    """A directory. people: what is added to the entries of PEOPLE; map_: other keys of the map; settings: the main
    file's."""
    extensions = {number: {**entry, **(people or {}).get(number, {})} for number, entry in PEOPLE.items()}
    whole = {"extensions": extensions, "trunks": ["PJSIP/provider"], **(map_ or {})}
    main = {
        "pbx": [{"name": "office", "secret": "x"}],
        **settings,
        "numbers": {"internal": r"1\d\d", **settings.get("numbers", {})},
    }
    return MapDirectory(Settings.model_validate(main), ExtensionMap.model_validate(whole))


class Story:
    """Plays tables of events and keeps what the core said."""

    def __init__(
        self, directory: Directory | None = None, patience: Patience | None = None, known: Iterable[Known] = ()
    ) -> None:
        self.calls = Calls("office", directory or office(), patience, known)
        self.out: list[Output] = []
        self.at = 0.0
        self._uids: dict[str, str] = {}
        self._linked: dict[str, str] = {}
        self._state: dict[str, str] = {}
        self._root = ""

    # Feeding

    def play(self, *tables: str) -> "Story":
        """Applies every row of the tables."""
        for event in self.events(*tables):
            self.out += self.calls.apply(event)
        return self

    def events(self, *tables: str) -> list[Event]:
        """The events of the tables, in order."""
        return [self._event(line.split()) for table in tables for line in table.splitlines() if line.split()]

    def wait(self, until: float) -> "Story":
        """Time passes and nothing happens."""
        self.at = until
        self.out += self.calls.advance(until)
        return self

    def present(self, at: float, *rows: str) -> "Story":
        """A resync: each row is `channel state application bridge`; a bridge may be `name:technology`."""
        seen, bridges = [], {}
        for row in rows:
            token, state, application, bridge, *more = row.split()
            extra = dict(pair.split("=", 1) for pair in more)
            uid, _, technology = bridge.partition(":")
            if uid != "-":
                bridges[uid] = technology or "simple_bridge"
            self._state[token] = state
            seen.append(
                SeenChannel(
                    uid=self.uid(token),
                    name=self.name(token),
                    linkedid=self.uid(extra["linked"]) if "linked" in extra else self.linkedid(token),
                    state=state,
                    caller_number=extra.get("num", ""),
                    caller_name="",
                    exten=extra.get("exten", ""),
                    application=application,
                    bridge=None if uid == "-" else uid,
                )
            )
        picture = Picture(tuple(seen), tuple(SeenBridge(uid, technology) for uid, technology in bridges.items()))
        self.at = at
        self.out += self.calls.present(picture, at, EPOCH + at)
        return self

    def end(self, at: float | None = None) -> "Story":
        """The capture ends here."""
        self.out += self.calls.end(self.at if at is None else at)
        return self

    # Names

    def name(self, token: str) -> str:
        device, _, _ = token.partition(".")
        serial = int(self.uid(token).partition(".")[2])
        if token.startswith("Local/"):
            pair, _, half = token.partition(";")
            return f"{pair}-{_stable(pair):08x};{half}"
        if "/" in token:
            return f"{device}-{serial:08x}"
        return f"PJSIP/{device}-{serial:08x}" if device[0].isdigit() else f"PJSIP/provider-{serial:08x}"

    def uid(self, token: str) -> str:
        return self._uids.setdefault(token, f"{EPOCH}.{len(self._uids) + 1}")

    def linkedid(self, token: str) -> str:
        return self._linked.get(token, self.uid(token))

    # What was said

    @property
    def commands(self) -> list[str]:
        """`2.1 card.open 134`, with `/2` when it is the second: every command."""
        return [_said(output) for output in self.out if isinstance(output, Command)]

    @property
    def cards(self) -> list[str]:
        """Only the cards' commands."""
        return [said for said in self.commands if " card." in said]

    @property
    def keys(self) -> list[str]:
        return [output.key.removeprefix("office:") for output in self.out if isinstance(output, Command)]

    @property
    def records(self) -> list[dict[str, Any]]:
        """The records of the calls that are over."""
        return [dict(output.record) for output in self.out if isinstance(output, Ended)]

    @property
    def clients(self) -> list[dict[str, Any]]:
        """The records of clients' calls."""
        return [record for record in self.records if record["direction"] != "internal"]

    @property
    def record(self) -> dict[str, Any]:
        """The record of the only client's call."""
        (record,) = self.clients
        return record

    @property
    def verdicts(self) -> dict[str, str]:
        return {extension: said["verdict"] for extension, said in self.record["verdicts"].items()}

    @property
    def participants(self) -> list[str]:
        return [part["extension"] for part in self.record["participants"]]

    def because(self, extension: str) -> str:
        because: str = self.record["verdicts"][extension]["because"]
        return because

    @property
    def findings(self) -> list[str]:
        """The verdicts as they were pronounced."""
        return [f"{o.at:g} {o.extension} {o.finding}" for o in self.out if isinstance(o, Verdict)]

    @property
    def trail(self) -> str:
        return "\n".join(f"{f.extension}: {f.text}" for o in self.out if isinstance(o, Ended) for f in o.trail)

    def command(self, key: str) -> Command:
        """The command whose key ends so."""
        (found,) = [o for o in self.out if isinstance(o, Command) and o.key.endswith(key)]
        return found

    @property
    def left(self) -> dict[str, int]:
        """What the core still remembers of channels, bridges and calls; nothing when everybody has hung up."""
        state = self.calls._state
        kept: dict[str, Any] = {
            "channels": state.channels,
            "names": state.names,
            "bridges": state.bridges,
            "live": state.live,
            "engaged": state.engaged,
        }
        return {name: len(value) for name, value in kept.items() if value}

    # Rows

    def _event(self, row: list[str]) -> Event:
        self.at = float(row[0])
        name = row[1]
        plain = [word for word in row[2:] if word != ">" and ("=" not in word or word.startswith("Local/"))]
        extra = dict(word.split("=", 1) for word in row[2:] if "=" in word and not word.startswith("Local/"))
        headers = {"Event": name, **_ROWS.get(name, _one)(self, plain, extra), **extra}
        return Event(name, self.at, EPOCH + self.at, Headers.of(headers))

    def channel(self, token: str, prefix: str = "") -> dict[str, str]:
        """The headers by which an event names a channel."""
        if token == "-":
            return {}
        return {
            f"{prefix}Channel": self.name(token),
            f"{prefix}ChannelStateDesc": self._state.get(token, "Down"),
            f"{prefix}Uniqueid": self.uid(token),
            f"{prefix}Linkedid": self.linkedid(token),
        }

    def born(self, token: str, state: str, linked: str | None) -> None:
        if linked is not None:
            self._linked[token] = self._linked.get(linked, self.uid(linked))
        elif state == "Ring" or not self._root:
            self._root = self._linked[token] = self.uid(token)
        else:
            self._linked[token] = self._root
        self._root = self._root or self._linked[token]
        self._state[token] = state

    def becomes(self, token: str, state: str) -> None:
        self._state[token] = state


def _stable(text: str) -> int:
    return sum(ord(sign) for sign in text)


def _said(command: Command) -> str:
    again = command.key.rpartition("/")[2]
    suffix = f"/{again}" if again.isdecimal() else ""
    extension = f" {command.extension}" if command.extension else ""
    return f"{round(command.at, 3):g} {command.type}{extension}{suffix}"


Row = Callable[[Story, list[str], dict[str, str]], dict[str, str]]


def _one(story: Story, words: list[str], extra: dict[str, str]) -> dict[str, str]:
    return story.channel(words[0])


def _newchannel(story: Story, words: list[str], extra: dict[str, str]) -> dict[str, str]:
    story.born(words[0], words[1], extra.pop("linked", None))
    return story.channel(words[0])


def _newstate(story: Story, words: list[str], extra: dict[str, str]) -> dict[str, str]:
    story.becomes(words[0], words[1])
    return story.channel(words[0])


def _hangup(story: Story, words: list[str], extra: dict[str, str]) -> dict[str, str]:
    return {**story.channel(words[0]), "Cause": words[1] if len(words) > 1 else "16"}


def _bridge(story: Story, words: list[str], extra: dict[str, str]) -> dict[str, str]:
    technology = words[2] if len(words) > 2 else "simple_bridge"
    return {**story.channel(words[0]), "BridgeUniqueid": words[1], "BridgeTechnology": technology}


def _dial_begin(story: Story, words: list[str], extra: dict[str, str]) -> dict[str, str]:
    dialled = {"DialString": words[2]} if len(words) > 2 else {}
    return {**story.channel(words[0]), **story.channel(words[1], "Dest"), **dialled}


def _dial_end(story: Story, words: list[str], extra: dict[str, str]) -> dict[str, str]:
    return {**story.channel(words[0]), **story.channel(words[1], "Dest"), "DialStatus": words[2]}


def _queue(story: Story, words: list[str], extra: dict[str, str]) -> dict[str, str]:
    return {**story.channel(words[0]), "Queue": words[1]}


def _naming(*prefixes: str, **fixed: str) -> Row:
    """A row that names several channels, each under its prefix."""

    def row(story: Story, words: list[str], extra: dict[str, str]) -> dict[str, str]:
        headers = dict(fixed)
        for token, prefix in zip(words, prefixes, strict=False):
            headers |= story.channel(token, prefix)
        return headers

    return row


_ROWS: dict[str, Row] = {
    "Newchannel": _newchannel,
    "Newstate": _newstate,
    "Hangup": _hangup,
    "BridgeEnter": _bridge,
    "BridgeLeave": _bridge,
    "DialBegin": _dial_begin,
    "DialEnd": _dial_end,
    "QueueCallerJoin": _queue,
    "AgentConnect": _queue,
    "DTMFEnd": _naming("", Direction="Received"),
    "Pickup": _naming("", "Target"),
    "BlindTransfer": _naming("Transferer", "Transferee", Result="Success"),
    "AttendedTransfer": _naming("OrigTransferer", "SecondTransferer", "Transferee", "TransferTarget", Result="Success"),
    "LocalBridge": _naming("LocalOne", "LocalTwo"),
    "ChanSpyStart": _naming("Spyer", "Spyee"),
    "ChanSpyStop": _naming("Spyer", "Spyee"),
    "ParkedCall": _naming("Parkee", ParkingSpace="701"),
    "UnParkedCall": _naming("Parkee", "Retriever"),
}


# Rows that every story tells alike.


def client_calls(at: float = 0.0, client: str = "client", number: str = CLIENT, did: str = DID) -> str:
    """A client's channel is born."""
    return f"{at} Newchannel {client} Ring CallerIDNum={number} Exten={did}\n"


def rings(at: float, *phones: str, source: str = "client") -> str:
    """The phones are dialled from the source, and then ring: every DialBegin comes before the first Ringing."""
    dialled = [f"{at} Newchannel {phone} Down\n{at} DialBegin {source} > {phone} {phone}\n" for phone in phones]
    return "".join(dialled) + "".join(f"{at} Newstate {phone} Ringing\n" for phone in phones)


def answers(at: float, phone: str, source: str = "client", bridge: str = "b1", cancelled: Iterable[str] = ()) -> str:
    """The phone answers the source: the others' dialling ends, and the two are bridged."""
    others = "".join(f"{at} DialEnd {source} > {one} CANCEL\n{at} Hangup {one} 26\n" for one in cancelled)
    return f"""
        {at} Newstate    {phone} Up
        {at} DialEnd     {source} > {phone} ANSWER
        {others}
        {at} Newstate    {source} Up
        {at} BridgeEnter {phone} {bridge}
        {at} BridgeEnter {source} {bridge}
    """


def dials_out(at: float, phone: str, line: str = "client", number: str = CLIENT) -> str:
    """A phone picks up and dials an outside number."""
    return f"{at} Newchannel {phone} Ring CallerIDNum={phone} Exten={number}\n" + dials_on(at, phone, line, number)


def dials_on(at: float, source: str, line: str, number: str) -> str:
    """Something that is there dials an outside number."""
    return f"""
        {at} Newchannel {line} Down
        {at} DialBegin  {source} > {line} {number}@provider
        {at} Newstate   {line} Ringing
    """


def holds(at: float, phone: str, held: str = "client") -> str:
    return f"{at} Hold {phone}\n{at} MusicOnHoldStart {held}\n"


def resumes(at: float, phone: str, held: str = "client") -> str:
    return f"{at} MusicOnHoldStop {held}\n{at} Unhold {phone}\n"


def leaves(at: float, *channels: str, bridge: str = "b1") -> str:
    """Each leaves the bridge and hangs up."""
    return "".join(f"{at} BridgeLeave {one} {bridge}\n{at} Hangup {one} 16\n" for one in channels)
