"""Which methods an address takes: `OPTIONS`, and a complete `Allow` with every 405."""

import re

from fastapi import FastAPI
from starlette.datastructures import MutableHeaders
from starlette.responses import Response
from starlette.routing import compile_path
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.web.params import without_dots


class AllowedMethods:
    """Answers `OPTIONS` and completes `Allow` from the OpenAPI document.

    The router stops at the first route whose path fits, and so would list only that one's methods.
    """

    def __init__(self, app: ASGIApp, api: FastAPI) -> None:
        self.app = app
        self.api = api
        self._allowed: list[tuple[re.Pattern[str], set[str]]] | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        if scope["method"] == "OPTIONS":
            allow = self._allow(scope["path"])
            if allow is not None:
                headers = {"Allow": allow, "Cache-Control": "no-store"}
                await Response(status_code=204, headers=headers)(scope, receive, send)
                return

        async def send_with_allow(message: Message) -> None:
            if message["type"] == "http.response.start" and message["status"] == 405:
                allow = self._allow(scope["path"])
                MutableHeaders(scope=message)["Allow"] = allow or "GET, HEAD, OPTIONS"
            await send(message)

        await self.app(scope, receive, send_with_allow)

    def _allow(self, path: str) -> str | None:
        if self._allowed is None:
            self._allowed = [
                (without_dots(compile_path(template)[0]), set(operations))
                for template, operations in self.api.openapi()["paths"].items()
            ]
        # An address may be of several templates: `bulk` is also the slug that an article may have.
        matching = [methods for pattern, methods in self._allowed if pattern.match(path)]
        return _named(set.union(*matching)) if matching else None


def _named(operations: set[str]) -> str:
    methods = {method.upper() for method in operations}
    if "GET" in methods:
        methods.add("HEAD")
    return ", ".join(sorted(methods | {"OPTIONS"}))
