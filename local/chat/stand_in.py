"""The stand-in without a network: a function from request to answer over what it keeps."""

import re
from collections.abc import Callable
from datetime import datetime

from local.chat import control, graph_api, page, web_api
from local.chat.exchange import Answer, Request, json_answer
from local.chat.faults import Faults
from local.chat.messages import Conversation
from local.chat.replies import take_reply
from local.chat.response_urls import ResponseUrls

_RESPONSE_URL = re.compile(r"/commands/[^/]+/(?P<id>[^/]+)/(?P<secret>[^/]+)")


class StandIn:
    """Slack's side (/commands, /api), Meta's (/v25.0) and the stand-in's own (/, /control).

    Safe to use from many threads. page_token: "" lets nobody send as a page.
    """

    def __init__(
        self,
        *,
        bot_token: str,
        port: int,
        now: Callable[[], datetime],
        conversation: Conversation,
        page_token: str = "",
    ) -> None:
        self.conversation = conversation
        self._urls = ResponseUrls(now)
        self._faults = Faults()
        self._bot_token = bot_token
        self._page_token = page_token
        self._port = port
        self._own: dict[tuple[str, str], Callable[[Request], Answer]] = {
            ("GET", "/"): lambda _: page.answer(),
            ("GET", "/control/messages"): self._list_messages,
            ("DELETE", "/control/messages"): self._clear_messages,
            ("POST", "/control/response-urls"): self._mint,
            ("GET", "/control/faults"): self._list_faults,
            ("POST", "/control/faults"): self._add_fault,
            ("DELETE", "/control/faults"): self._clear_faults,
        }

    def answer(self, request: Request) -> Answer:
        """Answer one request; never raises."""
        if request.path.startswith(("/commands/", "/api/", "/v25.0/")):
            return self._as_platform(request)
        if control.stranger(request, self._port):
            return json_answer({"ok": False, "error": "only for this machine's own page and tools"}, 403)
        serve = self._own.get((request.method, request.path))
        return serve(request) if serve else json_answer({"ok": False, "error": "not_found"}, 404)

    def _as_platform(self, request: Request) -> Answer:
        fault = self._faults.take(request.path)
        if fault is not None:
            return fault.answer()
        if request.method != "POST":
            return json_answer({"ok": False, "error": "method_not_allowed"}, 405, {"Allow": "POST"})
        if request.path.startswith("/api/"):
            method = request.path.removeprefix("/api/")
            return web_api.call(method, request, bot_token=self._bot_token, conversation=self.conversation)
        if graph_api.MESSAGES.fullmatch(request.path):
            return graph_api.send(request, page_token=self._page_token, conversation=self.conversation)
        parts = _RESPONSE_URL.fullmatch(request.path)
        if parts is None:
            return json_answer({"ok": False, "error": "expired_url"}, 404)
        return take_reply(
            parts["id"], parts["secret"], request.body, urls=self._urls, conversation=self.conversation
        )

    def _list_messages(self, request: Request) -> Answer:
        return control.list_messages(request, self.conversation)

    def _clear_messages(self, _: Request) -> Answer:
        self.conversation.clear()
        return json_answer({"ok": True})

    def _mint(self, request: Request) -> Answer:
        return control.mint_response_url(request, self._urls, self._port)

    def _add_fault(self, request: Request) -> Answer:
        return control.add_fault(request, self._faults)

    def _list_faults(self, _: Request) -> Answer:
        return control.list_faults(self._faults)

    def _clear_faults(self, _: Request) -> Answer:
        self._faults.clear()
        return json_answer({"ok": True})
