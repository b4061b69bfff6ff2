"""The portal as people look at it: which cards are open where, and what became of the calls."""

from datetime import UTC, datetime
from html import escape
from typing import Any

from amibridge.demo.portal.calls import Call
from amibridge.demo.portal.portal import Portal

RECENT = 50
"""Calls on the page."""
REFRESH = 1
"""Seconds."""

_WORDS = {
    "en": {
        "title": "Portal stand-in",
        "screens": "Open cards now",
        "user": "User",
        "inner": "Extension",
        "cards": "Cards",
        "none": "none",
        "calls": "Recent calls",
        "started": "Registered",
        "client": "Client",
        "kind": "Kind",
        "shown": "Card shown to",
        "finished": "Finished",
        "seconds": "s",
        "running": "running",
        "now": "now",
        "other": "Русский",
        "kinds": ("outgoing", "incoming", "incoming, redirected", "callback", "informational"),
    },
    "ru": {
        "title": "Учебный портал",
        "screens": "Открытые карточки",
        "user": "Сотрудник",
        "inner": "Номер",
        "cards": "Карточки",
        "none": "нет",
        "calls": "Последние звонки",
        "started": "Зарегистрирован",
        "client": "Клиент",
        "kind": "Вид",
        "shown": "Кому показана карточка",
        "finished": "Завершён",
        "seconds": "с",
        "running": "идёт",
        "now": "сейчас",
        "other": "English",
        "kinds": ("исходящий", "входящий", "входящий с перенаправлением", "обратный", "информационный"),
    },
}
_STYLE = (
    "body{font:15px/1.4 system-ui,sans-serif;margin:2em auto;max-width:70em;padding:0 1em}"
    "table{border-collapse:collapse;width:100%}th,td{text-align:left;padding:.3em .8em;border-bottom:1px solid #ccc}"
    ".card{display:inline-block;background:#dff3e4;border:1px solid #2c7a4b;border-radius:.3em;padding:.1em .5em}"
    ".none{color:#666}"
)


def state(portal: Portal) -> dict[str, Any]:
    """What the page shows, for programs. Moments are seconds since the epoch."""
    cards = portal.open_cards()
    return {
        "users": [
            {
                "id": user.id,
                "inner": user.inner,
                "name": _person(portal, user.id),
                "active": user.active,
                "cards": cards.get(user.id, []),
            }
            for user in portal.people.users.values()
        ],
        "calls": [_call(portal, call) for call in portal.calls.values()],
        "shown": [happening._asdict() for happening in portal.shown],
        "overrun": portal.overrun,
        "bucket_peak": portal.bucket_peak,
        "requests": len(portal.requests),
    }


def html_page(portal: Portal, language: str) -> str:
    """The page. language: en or ru."""
    words: dict[str, Any] = _WORDS[language]
    cards = portal.open_cards()
    people = "".join(
        _row(
            escape(_person(portal, user.id)),
            escape(user.inner or ""),
            " ".join(f'<span class="card">{escape(_client(portal, call_id))}</span>' for call_id in cards[user.id])
            if user.id in cards
            else f'<span class="none">{words["none"]}</span>',
        )
        for user in portal.people.users.values()
    )
    recent = list(portal.calls.values())[: -RECENT - 1 : -1]
    calls = "".join(
        _row(
            escape(_moment(call.registered[0])),
            escape(_client(portal, call.id)),
            words["kinds"][call.type - 1],
            escape("; ".join(_shown(portal, call, user, words["now"]) for user in call.shown)) or "—",
            escape(_ending(call, words)),
        )
        for call in recent
    )
    other = "en" if language == "ru" else "ru"
    return (
        f'<!doctype html><html lang="{language}"><head><meta charset="utf-8">'
        f'<meta http-equiv="refresh" content="{REFRESH}"><title>{words["title"]}</title><style>{_STYLE}</style></head>'
        f'<body><p><a href="/?lang={other}">{words["other"]}</a></p><h1>{words["title"]}</h1>'
        f"<h2>{words['screens']}</h2><table>{_head(words, 'user', 'inner', 'cards')}{people}</table>"
        f"<h2>{words['calls']}</h2>"
        f"<table>{_head(words, 'started', 'client', 'kind', 'shown', 'finished')}{calls}</table></body></html>"
    )


def _call(portal: Portal, call: Call) -> dict[str, Any]:
    return {
        "id": call.id,
        "external_id": call.external_id,
        "phone": call.phone,
        "client": _client(portal, call.id),
        "type": call.type,
        "line": call.line,
        "user": call.user,
        "registered": call.registered,
        "shown": {
            str(user): [{"shown_at": one.shown_at, "hidden_at": one.hidden_at} for one in showings]
            for user, showings in call.shown.items()
        },
        "finished": call.finished,
        "finished_at": call.finished_at,
        "activity": call.activity and call.activity.id,
        "lead": call.lead,
        "recording": call.recording and call.recording.filename,
    }


def _person(portal: Portal, user_id: int) -> str:
    user = portal.people.users.get(user_id)
    return (
        f"{user.name} {user.last_name}".strip() if user is not None and (user.name or user.last_name) else str(user_id)
    )


def _client(portal: Portal, call_id: str) -> str:
    """The number, and whose it is."""
    phone = portal.calls[call_id].phone
    names = [entity.name for entity in portal.people.entities(phone) if entity.name]
    return f"{phone} ({names[0]})" if names else phone


def _shown(portal: Portal, call: Call, user: int, now: str) -> str:
    times = ", ".join(
        f"{_moment(one.shown_at)}–{now if one.hidden_at is None else _moment(one.hidden_at)}"
        for one in call.shown[user]
    )
    return f"{_person(portal, user)}: {times}"


def _ending(call: Call, words: dict[str, Any]) -> str:
    if call.finished is None or call.finished_at is None:
        return str(words["running"])
    told = [str(call.finished[name]) for name in ("STATUS_CODE", "FAILED_REASON") if call.finished.get(name)]
    duration = f"{call.finished.get('DURATION') or 0} {words['seconds']}"
    return " · ".join([_moment(call.finished_at), *told, duration])


def _moment(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).strftime("%H:%M:%S")


def _head(words: dict[str, Any], *names: str) -> str:
    return "<tr>" + "".join(f"<th>{words[name]}</th>" for name in names) + "</tr>"


def _row(*cells: str) -> str:
    """Cells are HTML already."""
    return "<tr>" + "".join(f"<td>{cell}</td>" for cell in cells) + "</tr>"
