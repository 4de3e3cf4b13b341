"""Logs are events with facts: `log.info("scaling.told", extra={...})`.

On Lambda its own JSON handler prints both. Elsewhere (the local cloud, benchmarks) nothing does, so there this
module's handler stands in for it.
"""

from __future__ import annotations

import json
import logging
from typing import override

#: Libraries that tell of every request and credential they find, at INFO.
_TALKATIVE = ("botocore", "httpx2", "urllib3")
_OF_EVERY_RECORD = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}


class JsonFormatter(logging.Formatter):
    """One JSON object a line, with the names Lambda's own formatter uses."""

    @override
    def format(self, record: logging.LogRecord) -> str:
        line = {
            "timestamp": self.formatTime(record),
            "level": record.levelname,
            "message": record.getMessage(),
        }
        line |= {name: value for name, value in vars(record).items() if name not in _OF_EVERY_RECORD}
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        return json.dumps(line)


def configure() -> None:
    """Quiet the libraries, and give the root logger a handler unless it has one."""
    for name in _TALKATIVE:
        logging.getLogger(name).setLevel(logging.WARNING)
    root = logging.getLogger()
    if root.handlers:
        return
    handler = logging.StreamHandler()
    handler.setFormatter(JsonFormatter())
    root.addHandler(handler)
    logging.getLogger("bellhop").setLevel(logging.INFO)
