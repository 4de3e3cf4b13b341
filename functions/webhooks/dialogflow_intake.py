"""What a Dialogflow agent asks: verify, read, ask `commands`, answer in the same request.

Dialogflow waits 5 s: 4 s are for Bellhop, whatever they are spent on.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import dialogflow_credentials
import dialogflow_requests
from bellhop import http_api
from bellhop.chat import dialogflow
from bellhop.errors import BusyError
from bellhop.http_api import Request, Response
from commands_queue import Envelope
from dialogflow_requests import Question

log = logging.getLogger("bellhop.webhooks")

#: Of the 5 s that Dialogflow waits; the network is between.
BUDGET_SECONDS = 4.0
#: Bytes. Dialogflow's requests are some kilobytes; Lambda takes 6 MiB.
LARGEST_BODY = 128 * 1024


@dataclass(frozen=True, slots=True)
class DialogflowIntake:
    """token_accepts: given a test of one token, whether any that is good now passes it.

    ask: an envelope to `commands`, and how many seconds its answer may take; a neutral message as JSON. Raises
    TimeoutError when it takes longer, BusyError when the same question is being answered. timer: seconds,
    monotonic.
    """

    token_accepts: Callable[[Callable[[str], bool]], bool]
    ask: Callable[[Envelope, float], dict[str, Any]]
    timer: Callable[[], float] = time.monotonic

    def es(self, request: Request, *, now: float) -> Response:
        """now: seconds since the epoch, as below. Out of time, the event `bellhop-wait` asks once more."""
        until = self.timer() + BUDGET_SECONDS
        dialogflow_credentials.verify(request, self.token_accepts)
        question = dialogflow_requests.es(request.body)
        message = self._asked(question, request, now=now, until=until)
        if message is not None:
            return http_api.json_answer(dialogflow.es_answer(message, question.session))
        if question.asks_again:
            return http_api.json_answer(dialogflow.es_answer(dialogflow.LATER, question.session))
        waiting = dialogflow.es_wait(question.response_id, question.text, question.language)
        return http_api.json_answer(waiting)

    def cx(self, request: Request, *, now: float) -> Response:
        until = self.timer() + BUDGET_SECONDS
        dialogflow_credentials.verify(request, self.token_accepts)
        question = dialogflow_requests.cx(request.body)
        message = self._asked(question, request, now=now, until=until)
        return http_api.json_answer(dialogflow.cx_answer(dialogflow.LATER if message is None else message))

    def _asked(
        self, question: Question, request: Request, *, now: float, until: float
    ) -> dict[str, Any] | None:
        """The answer, or None when it takes too long."""
        envelope = question.envelope(received_at=now, correlation=request.id)
        facts = {"id": envelope["id"], "agent": question.agent, "correlation": request.id}
        left = until - self.timer()
        try:
            message = self.ask(envelope, left) if left > 0 else None
        except (TimeoutError, BusyError):
            message = None
        log.info("question.late" if message is None else "question.answered", extra=facts)
        return message
