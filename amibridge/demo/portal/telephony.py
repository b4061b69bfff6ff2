"""The rules of `telephony.externalCall.*`: pure and synchronous, parameters in, results out."""

import base64
import binascii
import secrets
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from amibridge.demo.portal.calls import (
    STATUS_CODES,
    TYPES,
    Activity,
    Call,
    Entity,
    Happening,
    Key,
    Recording,
    Showing,
)
from amibridge.demo.portal.errors import RestError, refused
from amibridge.demo.portal.faults import Faults
from amibridge.demo.portal.parameters import Params, iso_time, number, several, switch, text
from amibridge.demo.portal.people import Lead, People, User, digits

SAME_CALL = 30 * 60.0
"""Seconds within which a register with the same key is the same call."""


class Telephony:
    """Calls by CALL_ID, the statistics, and what happened on the screens."""

    def __init__(self, people: People, faults: Faults, clock: Callable[[], float], wall: Callable[[], float]) -> None:
        """clock: monotone seconds. wall: seconds since the epoch."""
        self.calls: dict[str, Call] = {}
        self.happenings: list[Happening] = []
        self.activities: list[Activity] = []
        self.statistics: list[dict[str, Any]] = []
        self.uploads: dict[str, str] = {}
        """CALL_ID by the token of an address for uploading."""
        self._people, self._faults, self._clock, self._wall = people, faults, clock, wall
        self._latest: dict[Key, tuple[str, float]] = {}
        self._files = 0

    def register(self, params: Params) -> dict[str, Any]:
        """A new CALL_ID, or the one that the same call has got already. Raises RestError."""
        user = self._user(params)
        phone = text(params, "PHONE_NUMBER")
        if phone is None:
            raise refused("PHONE_NUMBER is empty")
        if not digits(phone):
            raise refused("PHONE_NUMBER: Unsupported phone number format")
        type_ = number(params, "TYPE")
        if type_ not in TYPES:
            raise refused("Unknown TYPE")
        start = iso_time(params, "CALL_START_DATE") or self._now()
        key = Key(digits(phone), type_, user.id, text(params, "LINE_NUMBER"), text(params, "EXTERNAL_CALL_ID"))
        call = self._same(key)
        created: list[Entity] = []
        if call is None:
            call = Call(f"externalCall.{secrets.token_hex(16)}.{int(self._wall())}", key, phone, start)
            call.entity, created = self._entity(call, params)
            self.calls[call.id] = call
            self._latest[key] = (call.id, self._clock())
        call.registered.append(self._wall())
        self._happened("register", call, user.id)
        if switch(params, "SHOW", True):
            self._show(call, user.id)
        return {
            "CALL_ID": call.id,
            "CRM_CREATED_LEAD": call.lead,
            "CRM_CREATED_ENTITIES": [{"ENTITY_TYPE": one.type, "ENTITY_ID": one.id} for one in created],
            "CRM_ENTITY_TYPE": call.entity and call.entity.type,
            "CRM_ENTITY_ID": call.entity and call.entity.id,
        }

    def show(self, params: Params) -> bool:
        """Whether the call is a running one; its card is then open for these users."""
        return self._for_users(params, self._show)

    def hide(self, params: Params) -> bool:
        """Whether the call is a running one; its card is then closed for these users."""
        return self._for_users(params, self._hide)

    def finish(self, params: Params) -> dict[str, Any]:
        """Ends a call, once; closes every card of it. Raises RestError."""
        call_id = params.get("CALL_ID")
        if not isinstance(call_id, str):
            raise RestError(400, "INVALID_ARGUMENT", "CALL_ID must be a string")
        user = self._user(params)
        call = self.calls.get(call_id.strip())
        if call is None or call.finished is not None:
            raise refused("Call is not found")
        duration = number(params, "DURATION") or 0
        if duration < 0:
            raise refused("DURATION must not be negative")
        status = text(params, "STATUS_CODE") or ("200" if duration else "304")
        if status not in STATUS_CODES:
            raise refused("Unknown STATUS_CODE")
        vote = number(params, "VOTE")
        if vote is not None and vote not in range(6):
            raise refused("VOTE must be from 1 to 5")
        if call.lead is not None:
            self._people.leads[call.lead] = replace(self._people.leads[call.lead], assigned_to=user.id)
        call.finished, call.finished_at = dict(params), self._wall()
        call.activity = Activity(len(self.activities) + 1, call.id, user.id, call.entity)
        self.activities.append(call.activity)
        self._happened("finish", call, user.id)
        for viewer in call.viewers():
            self._hide(call, viewer)
        reason = text(params, "FAILED_REASON") or ""
        return self._counted(call, user, duration, status, reason, vote)

    def attach_record(self, params: Params, upload_address: str) -> dict[str, Any]:
        """A recording of a finished call; a second one replaces it. Raises RestError.

        upload_address: of this portal; an address for the content is answered when the name comes without it.
        """
        call = self.calls.get(text(params, "CALL_ID") or "")
        if call is None or call.finished is None:
            raise refused("Call is not found in the statistic table. Looks like it is not finished yet.")
        url, filename = text(params, "RECORD_URL"), text(params, "FILENAME")
        if url is None and filename is None:
            raise refused("Required parameters are not set. Request should contain or URL or FILENAME parameter")
        filename = filename or (url or "").partition("?")[0].rpartition("/")[2]
        if not filename.lower().endswith((".wav", ".mp3")):
            raise refused("Wrong file extension. Only wav and mp3 are allowed")
        if url is not None:
            return self._recorded(call, Recording(filename, url=url))
        if "FILE_CONTENT" not in params:
            token = secrets.token_urlsafe(24)
            self.uploads[token] = call.id
            call.recording = Recording(filename)
            return {"uploadUrl": f"{upload_address}?token={token}", "fieldName": "file"}
        return self._recorded(call, Recording(filename, content=self._decoded(params)))

    def upload(self, token: str, content: bytes) -> dict[str, Any]:
        """The content of a recording that was announced by its name. Raises RestError."""
        call = self.calls.get(self.uploads.get(token, ""))
        if call is None or call.recording is None:
            raise RestError(403, "INVALID_CREDENTIALS", "Unknown upload token")
        if not content:
            raise refused("File content is empty.")
        return self._recorded(call, Recording(call.recording.filename, content=content))

    def search(self, params: Params) -> list[dict[str, Any]]:
        """The entities of a number with those responsible for them. Raises RestError."""
        phone = text(params, "PHONE_NUMBER")
        if phone is None:
            raise refused("PHONE_NUMBER is empty")
        found = []
        for entity in self._people.entities(phone):
            responsible = self._people.users.get(entity.assigned_to)
            found.append(
                {
                    "CRM_ENTITY_TYPE": entity.type,
                    "CRM_ENTITY_ID": entity.id,
                    "ASSIGNED_BY_ID": entity.assigned_to,
                    "NAME": entity.name,
                    "ASSIGNED_BY": {
                        "ID": str(entity.assigned_to),
                        "TIMEMAN_STATUS": "OPENED",
                        "USER_PHONE_INNER": responsible and responsible.inner,
                        "WORK_PHONE": None,
                        "PERSONAL_PHONE": None,
                        "PERSONAL_MOBILE": None,
                    },
                }
            )
        return found

    def open_cards(self) -> dict[int, list[str]]:
        """CALL_IDs of the open cards by user, in order of registration; users without any are left out."""
        cards: dict[int, list[str]] = {}
        for call in self.calls.values():
            for user in call.viewers():
                cards.setdefault(user, []).append(call.id)
        return cards

    def _user(self, params: Params) -> User:
        """Who the call is for."""
        user_id, inner = number(params, "USER_ID"), text(params, "USER_PHONE_INNER")
        if user_id is None and inner is None:
            raise refused("USER_ID or USER_PHONE_INNER should be set")
        for user in self._people.users.values():
            if (user.id == user_id if user_id is not None else user.inner == inner) and self._works(user.id):
                return user
        raise refused("User is not found or is not active")

    def _works(self, user_id: int) -> bool:
        user = self._people.users.get(user_id)
        return user is not None and user.active and user_id not in self._faults.refused_users

    def _same(self, key: Key) -> Call | None:
        """The call that this register repeats."""
        call_id, at = self._latest.get(key, ("", 0.0))
        call = self.calls.get(call_id)
        return call if call is not None and call.finished is None and self._clock() - at < SAME_CALL else None

    def _entity(self, call: Call, params: Params) -> tuple[Entity | None, list[Entity]]:
        """The entity that a new call belongs to, and those that were made for it."""
        entity_type, entity_id = text(params, "CRM_ENTITY_TYPE"), number(params, "CRM_ENTITY_ID")
        if entity_type is not None and entity_id is not None:
            return Entity(entity_type, entity_id), []
        known = self._people.entities(call.phone)
        if known:
            return Entity(known[0].type, known[0].id), []
        if not switch(params, "CRM_CREATE", False):
            return None, []
        call.lead = self._people.new_lead_id()
        made = Entity("LEAD", call.lead)
        self._people.leads[call.lead] = Lead(call.lead, call.phone, call.user, call.id, text(params, "CRM_SOURCE"))
        return made, [made]

    def _for_users(self, params: Params, change: Callable[[Call, int], None]) -> bool:
        """Changes the screens that a show or a hide names; without any name, the registered user's."""
        call = self.calls.get(text(params, "CALL_ID") or "")
        if call is None or call.finished is not None:
            return False
        named = [user for user in several(params.get("USER_ID")) if user]
        for user in named or [str(call.user)]:
            if user.isdecimal():
                change(call, int(user))
        return True

    def _show(self, call: Call, user: int) -> None:
        if self._works(user) and not call.open_for(user):
            call.shown.setdefault(user, []).append(Showing(self._wall()))
            self._happened("show", call, user)

    def _hide(self, call: Call, user: int) -> None:
        if call.open_for(user):
            call.shown[user][-1].hidden_at = self._wall()
            self._happened("hide", call, user)

    def _happened(self, what: str, call: Call, user: int) -> None:
        self.happenings.append(Happening(what, call.id, user, self._wall()))

    def _counted(
        self, call: Call, user: User, duration: int, status: str, reason: str, vote: int | None
    ) -> dict[str, Any]:
        """Writes the row of the statistics; returns it as finish tells it."""
        activity = call.activity
        told = {
            "CALL_ID": call.id,
            "EXTERNAL_CALL_ID": call.external_id,
            "PORTAL_USER_ID": user.id,
            "PHONE_NUMBER": call.phone,
            "PORTAL_NUMBER": call.line or "",
            "INCOMING": str(call.type),
            "CALL_DURATION": duration,
            "CALL_START_DATE": call.start,
            "CALL_STATUS": int(status == "200"),
            "CALL_VOTE": vote,
            "COST": 0,
            "COST_CURRENCY": "",
            "CALL_FAILED_CODE": status,
            "CALL_FAILED_REASON": reason,
            "REST_APP_ID": None,
            "REST_APP_NAME": None,
            "CRM_ACTIVITY_ID": activity and activity.id,
            "COMMENT": None,
            "CRM_ENTITY_TYPE": call.entity and call.entity.type,
            "CRM_ENTITY_ID": call.entity and call.entity.id,
            "ID": len(self.statistics) + 1,
        }
        row = {name: str(value) if isinstance(value, int) else value for name, value in told.items()}
        del row["INCOMING"], row["CALL_STATUS"]
        extra = {
            "CALL_TYPE": str(call.type),
            "CALL_CATEGORY": "external",
            "CALL_RECORD_URL": None,
            "RECORD_FILE_ID": None,
            "RECORD_DURATION": None,
        }
        self.statistics.append(row | extra)
        return told

    def _recorded(self, call: Call, recording: Recording) -> dict[str, Any]:
        self._files += 1
        call.recording = Recording(recording.filename, self._files, recording.content, recording.url)
        row = next(row for row in self.statistics if row["CALL_ID"] == call.id)
        row["RECORD_FILE_ID"], row["CALL_RECORD_URL"] = self._files, recording.url
        return {"FILE_ID": self._files}

    def _decoded(self, params: Params) -> bytes:
        told = text(params, "FILE_CONTENT")
        if told is None:
            raise refused("File content is empty.")
        try:
            return base64.b64decode(told, validate=True)
        except binascii.Error as error:
            raise refused("File content is not properly encoded. Base64 encoding is expected.") from error

    def _now(self) -> str:
        return datetime.fromtimestamp(self._wall(), UTC).isoformat(timespec="seconds")
