"""The portal over HTTP on loopback: addresses, bodies, credentials, limits, faults."""

import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

from aiohttp import web

from amibridge.demo.portal.access import Caller
from amibridge.demo.portal.carrying_out import carry_out, carry_out_batch
from amibridge.demo.portal.errors import RestError
from amibridge.demo.portal.faults import TOKEN
from amibridge.demo.portal.methods import documented
from amibridge.demo.portal.page import html_page, state
from amibridge.demo.portal.parameters import Params, php_array, query
from amibridge.demo.portal.portal import Portal, Request

LIMIT = 32 * 2**20
"""Bytes of a body; a recording may be in it."""
_JSON = ("application/json", "text/json")
_FORM = ("application/x-www-form-urlencoded",)


@asynccontextmanager
async def running(portal: Portal, *, host: str = "127.0.0.1", port: int = 0) -> AsyncIterator[Portal]:
    """Serves the portal; its addresses are known inside. port: 0 for any free one."""
    server = _Server(portal)
    app = web.Application(client_max_size=LIMIT)
    app.router.add_get("/", server.page)
    app.router.add_get("/state", server.state)
    app.router.add_route("*", "/oauth/token/", server.token)
    app.router.add_post("/rest/upload.json", server.upload)
    app.router.add_route("*", "/rest/{user}/{code}/{method}", server.webhook)
    app.router.add_route("*", "/rest/{method}", server.oauth)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=1.0)
    await runner.setup()
    door = _Door(runner, host, port)
    try:
        await door.open()
        portal.url = f"http://{host}:{door.port}/"
        portal.faults.attach(door.close, door.open)
        yield portal
    finally:
        portal.faults.release()
        portal.faults.attach(None, None)
        await runner.cleanup()


class _Door:
    """The port of a serving; the same one when it is opened again."""

    def __init__(self, runner: web.AppRunner, host: str, port: int) -> None:
        self._runner, self._host, self.port = runner, host, port
        self._site: web.TCPSite | None = None

    async def open(self) -> None:
        if self._site is None:
            self._site = web.TCPSite(self._runner, self._host, self.port, reuse_address=True)
            await self._site.start()
            self.port = self._runner.addresses[0][1]

    async def close(self) -> None:
        """Connections that are open end without an answer."""
        if self._site is None:
            return
        site, self._site = self._site, None
        await site.stop()
        for connection in list(self._runner.server.connections) if self._runner.server else ():
            if connection.transport is not None:
                connection.transport.abort()


class _Server:
    """The handlers of one serving."""

    def __init__(self, portal: Portal) -> None:
        self._portal = portal

    async def webhook(self, request: web.Request) -> web.StreamResponse:
        """`/rest/<user>/<code>/<method>`."""
        told = request.match_info
        return await self._rest(
            request, "webhook", lambda params: self._portal.access.webhook(told["user"], told["code"])
        )

    async def oauth(self, request: web.Request) -> web.StreamResponse:
        """`/rest/<method>` with a token in the parameters or in the header."""
        scheme, _, bearer = request.headers.get("Authorization", "").partition(" ")
        header = bearer.strip() if scheme.lower() == "bearer" else None
        return await self._rest(
            request, "oauth", lambda params: self._portal.access.token(params.pop("auth", None) or header)
        )

    async def token(self, request: web.Request) -> web.StreamResponse:
        """The token end point. It belongs to another server: the limits do not count it."""
        faults = self._portal.faults
        if faults.down:
            return _cut(request)
        try:
            failure = faults.failure([TOKEN])
            if failure is not None:
                raise failure
            told = self._portal.access.refresh(await _parameters(request), self._portal.oauth_url)
        except RestError as error:
            return web.json_response(error.body(), status=error.status)
        self._portal.changed()
        await faults.released([TOKEN])
        return _cut(request) if faults.loses([TOKEN]) or faults.down else web.json_response(told)

    async def upload(self, request: web.Request) -> web.StreamResponse:
        """The content of a recording, in the field `file` of a form or as the body."""
        if self._portal.faults.down:
            return _cut(request)
        try:
            if request.content_type.startswith("multipart/"):
                field = (await request.post()).get("file")
                content = field.file.read() if isinstance(field, web.FileField) else b""
            else:
                content = await request.read()
            told = self._portal.telephony.upload(request.query.get("token", ""), content)
        except RestError as error:
            return web.json_response(error.body(), status=error.status)
        self._portal.changed()
        return web.json_response({"result": told})

    async def page(self, request: web.Request) -> web.StreamResponse:
        """What everybody sees now."""
        language = "ru" if request.query.get("lang") == "ru" else "en"
        return web.Response(text=html_page(self._portal, language), content_type="text/html", charset="utf-8")

    async def state(self, request: web.Request) -> web.StreamResponse:
        """The same as JSON."""
        return web.json_response(state(self._portal))

    async def _rest(self, request: web.Request, kind: str, identify: Callable[[Params], Caller]) -> web.StreamResponse:
        """Carries out one request. Lost, held back or refused as the faults say."""
        portal, faults = self._portal, self._portal.faults
        name = documented(request.match_info["method"].removesuffix(".json"))
        logged = Request(portal.wall(), name, {}, kind)
        portal.requests.append(logged)
        methods = [name]
        status = 200
        body: Any = {}
        try:
            logged.params = await _parameters(request)
            methods += _commands(logged.params) if name == "batch" else []
            if faults.down:
                logged.outcome = "down"
                portal.changed()
                return _cut(request)
            failure = faults.failure(methods)
            if failure is not None:
                raise failure
            if not portal.bucket.take():
                raise RestError(503, "QUERY_LIMIT_EXCEEDED", "Too many requests")
            caller = identify(logged.params)
            if name == "batch":
                done, logged.commands = carry_out_batch(portal, caller, logged.params)
            else:
                done = carry_out(portal, caller, name, logged.params)
            body, logged.outcome = done.body(), "lost" if faults.loses(methods) else "ok"
            if faults.rewrite is not None:
                body = faults.rewrite(name, body)
        except RestError as error:
            status, body, logged.outcome = error.status, error.body(), error.code
        portal.changed()
        await faults.released(methods)
        return _cut(request) if logged.outcome == "lost" or faults.down else web.json_response(body, status=status)


def _commands(params: Params) -> list[str]:
    """The methods that a batch asks for."""
    asked = params.get("cmd")
    told = asked.values() if isinstance(asked, dict) else asked if isinstance(asked, list) else ()
    return [str(one).partition("?")[0] for one in told]


async def _parameters(request: web.Request) -> Params:
    """Those of the address, and over them those of the body. Raises RestError for JSON that is none."""
    params = query(request.query_string)
    if request.content_type in _FORM:
        return params | query(await request.text())
    if request.content_type not in _JSON:
        return params
    raw = await request.read()
    try:
        told: Any = json.loads(raw) if raw.strip() else {}
    except ValueError as error:
        raise RestError(400, "INVALID_REQUEST", "The body is not JSON") from error
    if told == []:
        told = {}
    if not isinstance(told, dict):
        raise RestError(400, "INVALID_REQUEST", "The body is not a JSON object")
    return params | {name: php_array(value) for name, value in told.items()}


def _cut(request: web.Request) -> web.Response:
    """Ends the connection; what is returned goes nowhere."""
    if request.transport is not None:
        request.transport.abort()
    return web.Response(status=500)
