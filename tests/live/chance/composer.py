"""Composes stories: whatever people may plausibly do next, one thing of it by chance. Pure: a seed gives one story.

What it thinks of the office is rough, as nobody knows beforehand what a PBX makes of it (a queue rings on, a transfer
fails, two hang up at once): whoever plays the story leaves out what cannot be done when its turn comes.
"""

import random
from dataclasses import dataclass
from functools import partial

from tests.live.chance.story import CALLED, CALLERS, COLLEAGUES, MOBILES, Action, Story

STEPS = (8, 22)
"""So many things happen in a story."""
CUTS = 0.1
"""The part of the stories in which the daemon's link is cut."""
LIKINGS = (0.3, 1.0, 1.0, 3.0)
LAST = 0.7
"""Seconds after the last thing that happens, before all hang up."""
LINES = 2
"""Calls that a phone has at once."""
ROOM, ROOM_OF_LEADER, LEADER = "800", "801", "802"
LOTS = ("70", "80", "90")
"""Parking lots: one that waits, one that comes back to who parked after 3 s, one that goes on to 135."""
MENU = "menu"
MENU_SPEAKS = 1.0
"""Seconds until a menu listens."""
MOBILE = next(iter(MOBILES))


@dataclass(frozen=True, slots=True)
class _Place:
    """Where a number leads. first: who rings at once. then: who rings if the first declines. room: where one waits."""

    first: tuple[str, ...] = ()
    then: tuple[str, ...] = ()
    room: str = ""


INSIDE = {
    **{one: _Place((one,)) for one in COLLEAGUES},
    "600": _Place(("134", "120")),
    "700": _Place(("134", "120")),
    "701": _Place(("120",), ("134",)),
    "703": _Place(("120",), ("134",)),
    "704": _Place(("134", "120")),
    ROOM: _Place(room=ROOM),
}
LINES_OF_THE_COMPANY = {
    "74950000001": INSIDE["134"],
    "74950000012": INSIDE["120"],
    "74950000035": INSIDE["135"],
    "74950000002": INSIDE["600"],
    "74950000008": _Place(("134", "120", "135")),
    "74950000036": INSIDE["600"],
    "74950000027": _Place(("134", MOBILE)),
    "74950000038": _Place(("120", MOBILE)),
    "74950000003": INSIDE["700"],
    "74950000004": INSIDE["701"],
    "74950000022": INSIDE["703"],
    "74950000033": INSIDE["704"],
    "74950000021": INSIDE["134"],
    "74950000006": _Place(("134",), (MOBILE,)),
    "74950000023": _Place(("134",), (MOBILE,)),
    "74950000042": INSIDE["134"],
    "74950000045": _Place(room=MENU),
    "74950000046": INSIDE["600"],
    "74950000007": INSIDE[ROOM],
    "74950000020": _Place(room=ROOM_OF_LEADER),
}
"""Numbers that clients dial, and where the dialplan sends them."""


def composed(seed: int) -> Story:
    """The story of this seed."""
    chance = random.Random(seed)
    cut = chance.random() < CUTS
    office = _Office(chance, calm=cut)
    for _ in range(chance.randint(*STEPS)):
        office.something_happens()
    actions = office.actions
    actions.append(Action("wait", LAST))
    if cut:
        actions.insert(chance.randint(1, len(actions)), Action("cut", round(chance.uniform(0, 1), 2)))
    return Story(f"chance-{seed}", tuple(actions))


@dataclass(eq=False)
class _Line:
    """A call of one phone. left: the talk that waits while a colleague is asked by feature code."""

    owner: str
    state: str
    talk: int
    held: bool = False
    left: int | None = None


class _Office:
    """calm: nobody holds, parks or confers; what a listing cannot show does not happen."""

    def __init__(self, chance: random.Random, calm: bool) -> None:
        self.actions: list[Action] = []
        self._chance, self._calm = chance, calm
        self._likings: dict[str, float] = {}
        self._lines: list[_Line] = []
        self._talks = 0
        self._rooms: dict[str, int] = {}
        self._then: dict[int, tuple[str, ...]] = {}
        self._menus: set[int] = set()
        self._parked: dict[int, tuple[str, str]] = {}
        self._clicked: dict[int, str] = {}

    def something_happens(self) -> None:
        moves = [*self._of_callers(), *self._of_the_free(), *self._of_the_parked()]
        for line in self._lines:
            moves += self._of_ringing(line) if line.state == "ringing" else self._of_calling(line)
        weights = [weight * self._liking(move) for weight, move in moves]
        self._chance.choices([move for _, move in moves], weights)[0]()

    def _liking(self, move: "partial[None]") -> float:
        """How much this story likes such moves: so that some are all transfers, and some all holds."""
        name = move.func.__name__
        if name not in self._likings:
            self._likings[name] = self._chance.choice(LIKINGS)
        return self._likings[name]

    # ------------------------------------------------------------------ what may happen
    def _of_callers(self) -> "_Moves":
        quiet = 4.0 if not self._lines else 0.25
        numbers = [one for one in LINES_OF_THE_COMPANY if not self._calm or not LINES_OF_THE_COMPANY[one].room]
        idle = [one for one in CALLERS if not self._of(one)]
        return [(quiet, partial(self._calls, one, self._chance.choice(numbers))) for one in idle]

    def _of_the_free(self) -> "_Moves":
        moves: _Moves = []
        ringing = [line for line in self._lines if line.state == "ringing" and line.owner in COLLEAGUES]
        for one in COLLEAGUES:
            if len(self._of(one)) >= LINES:
                continue
            busy = bool(self._of(one))
            outside = [number for number in CALLED if not self._of(number)]
            if outside:
                moves.append((0.2 if busy else 0.06, partial(self._dials, one, self._chance.choice(outside))))
                if not busy:
                    moves.append((0.02, partial(self._clicks, one, self._chance.choice(outside))))
            inside = [number for number in INSIDE if number != one and (not self._calm or number != ROOM)]
            moves.append((0.5 if busy else 0.03, partial(self._dials, one, self._chance.choice(inside))))
            moves += [
                (0.25, partial(self._picks_up, one, line))
                for line in ringing
                if line.owner != one and line.talk not in self._clicked
            ]
            moves += [(1.0, partial(self._fetches, one, talk)) for talk in self._parked]
            if not self._calm and self._party(self._rooms.get(ROOM_OF_LEADER)):
                moves.append((0.6, partial(self._dials, one, self._chance.choice([ROOM_OF_LEADER, LEADER]))))
            if not self._calm and self._party(self._rooms.get(ROOM)):
                moves.append((0.6, partial(self._dials, one, ROOM)))
        return moves

    def _of_the_parked(self) -> "_Moves":
        return [(0.7, partial(self._comes_back, talk)) for talk, (lot, _) in self._parked.items() if lot != LOTS[0]]

    def _of_ringing(self, line: _Line) -> "_Moves":
        moves: _Moves = [(5.0, partial(self._answers, line)), (0.3, partial(self._declines, line))]
        if line.owner in COLLEAGUES and line.talk not in self._clicked:
            others = [one for one in COLLEAGUES if one != line.owner]
            moves.append((0.15, partial(self._forwards, line, self._chance.choice(others))))
        return moves

    def _of_calling(self, line: _Line) -> "_Moves":
        inside = line.owner in COLLEAGUES
        moves: _Moves = [(0.35 if line.state == "up" else 0.15, partial(self._hangs_up, line))]
        if line.talk in self._menus:
            moves.append((4.0, partial(self._chooses, line)))
        if line.state != "up":
            return moves
        if line.held:
            moves.append((1.2, partial(self._resumes, line)))
        elif not self._calm:
            moves.append((0.7 if inside else 0.4, partial(self._holds, line)))
        if line.owner in CALLERS and line.talk not in self._rooms.values():
            moves.append((0.12, partial(self._is_redirected, line, self._chance.choice([*COLLEAGUES, ROOM]))))
        if inside and line.left is not None:
            moves += [(0.6, partial(self._presses, line, code)) for code in ("*1", "*3", "*4")]
        elif inside and line.talk not in self._rooms.values():
            moves += self._of_transferring(line)
        return moves

    def _of_transferring(self, line: _Line) -> "_Moves":
        owner = line.owner
        colleagues = [one for one in COLLEAGUES if one != owner]
        target = self._chance.choice([*colleagues, *colleagues, "600", "700", "701", "704", ROOM])
        if self._calm and target == ROOM:
            target = colleagues[0]
        outside = [number for number in CALLED if not self._of(number)]
        moves: _Moves = [
            (0.5, partial(self._refers, line, target)),
            (0.25, partial(self._sends_by_code, line, target)),
            (0.4, partial(self._asks_by_code, line, self._chance.choice([*colleagues, "600"]))),
        ]
        if outside:
            moves.append((0.12, partial(self._refers, line, self._chance.choice(outside))))
            moves.append((0.04, partial(self._asks_by_code, line, self._chance.choice(outside))))
        if not self._calm:
            moves.append((0.25, partial(self._refers, line, self._chance.choice(LOTS))))
            moves.append((0.05, partial(self._presses, line, "#7")))
        moves += [
            (1.2, partial(self._joins, line, other))
            for other in self._of(owner)
            if other is not line and other.state != "ringing" and other.talk not in self._rooms.values()
        ]
        return moves

    # ------------------------------------------------------------------ what people do
    def _calls(self, caller: str, number: str) -> None:
        self._does("call", caller, to=number)
        self._goes_to(self._new_line(caller), LINES_OF_THE_COMPANY[number])

    def _dials(self, one: str, number: str) -> None:
        self._makes_room(one)
        self._does("call", one, to=number)
        self._goes_to(self._new_line(one), INSIDE.get(number) or _place_of(number))

    def _clicks(self, one: str, number: str) -> None:
        self._does("click", one, to=number)
        self._talks += 1
        self._lines.append(_Line(one, "ringing", self._talks))
        self._clicked[self._talks] = number

    def _picks_up(self, one: str, line: _Line) -> None:
        self._makes_room(one)
        self._does("call", one, to=self._chance.choice([f"**{line.owner}", f"*7{line.owner}", "*8"]))
        picked = _Line(one, "ringing", line.talk)
        self._lines.append(picked)
        self._is_answered(picked)

    def _fetches(self, one: str, talk: int) -> None:
        self._makes_room(one)
        self._does("fetch", one)
        self._lines.append(_Line(one, "up", talk))
        del self._parked[talk]

    def _comes_back(self, talk: int) -> None:
        """Nobody fetches a parked one in time."""
        _, whom = self._parked.pop(talk)
        self._does("answer", whom, to="5")
        self._lines.append(_Line(whom, "up", talk))

    def _answers(self, line: _Line) -> None:
        self._makes_room(line.owner)
        self._does("answer", line.owner)
        self._is_answered(line)
        if line.owner == MOBILE and self._chance.random() < 0.7:
            self._does("press", MOBILE, to="1")

    def _declines(self, line: _Line) -> None:
        self._does("decline", line.owner, to=self._chance.choice(["486", "603"]))
        self._leaves(line)

    def _forwards(self, line: _Line, to: str) -> None:
        self._does("forward", line.owner, to=to)
        self._lines.remove(line)
        self._ring(line.talk, INSIDE[to])

    def _hangs_up(self, line: _Line) -> None:
        self._does_on(line, "hangup")
        self._leaves(line)

    def _holds(self, line: _Line) -> None:
        self._does_on(line, "hold")
        line.held = True

    def _resumes(self, line: _Line) -> None:
        for other in self._of(line.owner):
            if other is not line and other.state == "up" and not other.held and self._chance.random() < 0.8:
                self._holds(other)
        self._does_on(line, "resume")
        line.held = False

    def _chooses(self, line: _Line) -> None:
        self.actions.append(Action("wait", MENU_SPEAKS))
        self._does_on(line, "press", "1")
        self._menus.discard(line.talk)
        line.state = "calling"
        self._ring(line.talk, INSIDE["600"])

    def _presses(self, line: _Line, code: str) -> None:
        self._does_on(line, "press", code)
        if code == "#7":
            self._leaves_in_a_lot(line, LOTS[0])
        elif line.left is not None:
            asked, left = line.talk, line.left
            line.talk, line.left = left, asked if code == "*4" else None
            if code == "*3":
                for other in self._party(asked):
                    other.talk = left
            elif code == "*1":
                self._lines = [other for other in self._lines if other.talk != asked]

    def _refers(self, line: _Line, to: str) -> None:
        self._does_on(line, "refer", to)
        if to in LOTS:
            self._leaves_in_a_lot(line, to)
        else:
            self._sends(line, to)

    def _sends_by_code(self, line: _Line, to: str) -> None:
        self._does_on(line, "press", f"##{to}")
        self._sends(line, to)

    def _asks_by_code(self, line: _Line, to: str) -> None:
        self._does_on(line, "press", f"*2{to}")
        self._talks += 1
        line.left, line.talk = line.talk, self._talks
        self._ring(line.talk, INSIDE.get(to) or _place_of(to))

    def _joins(self, line: _Line, other: _Line) -> None:
        """Whom this line talks to comes to talk to whom the other one talks to, or rings."""
        self._does_on(line, "join", str(self._of(line.owner).index(other)))
        for one in (line, other):
            self._lines.remove(one)
        for one in self._party(line.talk):
            one.talk = other.talk
        self._settle(other.talk)

    def _is_redirected(self, line: _Line, to: str) -> None:
        if self._calm and to == ROOM:
            to = COLLEAGUES[0]
        self._does("redirect", line.owner, to=to)
        self._lines = [other for other in self._lines if other is line or other.talk != line.talk]
        self._goes_to(line, INSIDE[to])

    # ------------------------------------------------------------------ what becomes of it
    def _does(self, do: str, who: str, line: int = 0, to: str = "") -> None:
        self.actions.append(Action(do, self._pause(), who, line, to))

    def _does_on(self, line: _Line, do: str, to: str = "") -> None:
        self._does(do, line.owner, self._of(line.owner).index(line), to)

    def _pause(self) -> float:
        low, high = self._chance.choices([(0.0, 0.04), (0.1, 0.4), (0.45, 1.1)], [1, 2, 5])[0]
        return round(self._chance.uniform(low, high), 2)

    def _of(self, owner: str) -> list[_Line]:
        return [line for line in self._lines if line.owner == owner]

    def _party(self, talk: int | None) -> list[_Line]:
        return [line for line in self._lines if line.talk == talk]

    def _new_line(self, owner: str) -> _Line:
        self._talks += 1
        self._lines.append(line := _Line(owner, "calling", self._talks))
        return line

    def _makes_room(self, one: str) -> None:
        """Who takes another line mostly holds the one before."""
        for line in self._of(one):
            if line.state == "up" and not line.held and not self._calm and self._chance.random() < 0.75:
                self._holds(line)

    def _goes_to(self, line: _Line, place: _Place) -> None:
        if place.room == MENU:
            line.state = "up"
            self._menus.add(line.talk)
        elif place.room:
            line.state, line.talk = "up", self._room(place.room)
        else:
            line.state = "calling"
            self._ring(line.talk, place)

    def _room(self, name: str) -> int:
        name = ROOM_OF_LEADER if name == LEADER else name
        if name not in self._rooms:
            self._talks += 1
            self._rooms[name] = self._talks
        return self._rooms[name]

    def _ring(self, talk: int, place: _Place) -> None:
        if place.room:
            for line in self._party(talk):
                line.talk = self._room(place.room)
            return
        self._lines += [_Line(one, "ringing", talk) for one in place.first if len(self._of(one)) <= LINES]
        self._then[talk] = place.then

    def _is_answered(self, line: _Line) -> None:
        others = [other for other in self._party(line.talk) if other.state == "ringing" and other is not line]
        self._lines = [other for other in self._lines if other not in others]
        for other in self._party(line.talk):
            other.state = "up"
        if number := self._clicked.pop(line.talk, ""):
            line.state = "calling"
            self._ring(line.talk, _place_of(number))

    def _sends(self, line: _Line, to: str) -> None:
        self._lines.remove(line)
        for other in self._party(line.talk):
            if other.state == "up":
                self._goes_to(other, INSIDE.get(to) or _place_of(to))

    def _leaves_in_a_lot(self, line: _Line, lot: str) -> None:
        self._lines.remove(line)
        self._parked[line.talk] = (lot, "135" if lot == LOTS[2] else line.owner)

    def _leaves(self, line: _Line) -> None:
        self._lines.remove(line)
        if not self._party(line.talk):
            self._parked.pop(line.talk, None)
        if line.left is not None:  # those whom a consulting colleague leaves are joined
            for other in self._party(line.talk):
                other.talk = line.left
            self._settle(line.left)
        elif line.state == "ringing" and not any(one.state == "ringing" for one in self._party(line.talk)):
            self._ring(line.talk, _Place(self._then.pop(line.talk, ())))
        self._settle(line.talk)

    def _settle(self, talk: int) -> None:
        """Whoever is left alone hangs up, or returns to who waits."""
        party = self._party(talk)
        if talk in self._rooms.values() or talk in self._menus or talk in self._parked:
            return
        if len(party) > 1 and any(line.state != "ringing" for line in party):
            return
        consulting = [line for line in self._lines if line.left == talk]
        for line in party:
            if line.left is not None:
                line.talk, line.left = line.left, None
            elif not consulting:
                self._lines.remove(line)
        for line in consulting:
            if not party:
                line.left = None


_Moves = list[tuple[float, partial[None]]]


def _place_of(number: str) -> _Place:
    return {LEADER: _Place(room=LEADER), ROOM_OF_LEADER: _Place(room=ROOM_OF_LEADER)}.get(number, _Place((number,)))
