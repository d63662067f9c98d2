"""/v1/ as an application of its own: programs bring keys, so nothing of cookies, sessions and pages runs for them.

Each piece of middleware that Django cannot run in the loop costs two changes of thread for each request; what programs
need of it is called directly here.
"""

from __future__ import annotations

from typing import Any

from django.core.handlers.asgi import ASGIHandler
from django.core.handlers.exception import convert_exception_to_response
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.middleware.common import CommonMiddleware
from django.middleware.security import SecurityMiddleware

from chatapp.content_security import ContentSecurityMiddleware
from chatapp.errors import ErrorMiddleware
from chatapp.operations.correlation import CorrelationMiddleware

PATHS = "/v1/"
_AROUND = (SecurityMiddleware, CommonMiddleware, ContentSecurityMiddleware)


class ApiHandler(ASGIHandler):
    def load_middleware(self, is_async: bool = True) -> None:
        self._view_middleware: list[Any] = []
        self._template_response_middleware: list[Any] = []
        self._exception_middleware = [ErrorMiddleware(_nothing).process_exception]
        self._middleware_chain = convert_exception_to_response(
            CorrelationMiddleware(convert_exception_to_response(self._around))
        )
        self._pieces = [kind(_nothing) for kind in _AROUND]

    async def _around(self, request: HttpRequest) -> HttpResponseBase:
        for piece in self._pieces:
            asked = getattr(piece, "process_request", None)
            if asked is not None and (response := asked(request)) is not None:
                return response  # another address, or a host that is not ours
        response = await self._get_response_async(request)  # type: ignore[attr-defined]
        for piece in reversed(self._pieces):
            response = piece.process_response(request, response)
        return response

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Without a thread of each request's own: nothing here leaves state in one."""
        await self.handle(scope, receive, send)


def _nothing(_: HttpRequest) -> Any:
    return None
