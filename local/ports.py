"""The local cloud's ports on the loopback: configurable, and checked before anything is started."""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Mapping
from dataclasses import dataclass, fields

from local.processes import LocalCloudError

LOOPBACK = "127.0.0.1"
_PATIENCE_SECONDS = 3.0
_LOOK_EVERY_SECONDS = 0.1


@dataclass(frozen=True, slots=True)
class Ports:
    """aws: MiniStack. cluster: the Kubernetes stand-in; control: its faults and log of requests. chat: Slack's."""

    aws: int = 4566
    cluster: int = 6443
    control: int = 6444
    chat: int = 8443

    @classmethod
    def chosen(cls, environment: Mapping[str, str] = os.environ) -> Ports:
        """The defaults, or BELLHOP_PORT_AWS, _CLUSTER, _CONTROL and _CHAT."""
        given = {}
        for field in fields(cls):
            name = f"BELLHOP_PORT_{field.name.upper()}"
            text = environment.get(name, "")
            if text and not (text.isdecimal() and 0 < int(text) < 65536):
                raise LocalCloudError(f"{name} is {text!r}: it must be a port number")
            if text:
                given[field.name] = int(text)
        return cls(**given)

    @classmethod
    def free(cls) -> Ports:
        """Four ports nobody listens on now."""
        sockets = [socket.create_server((LOOPBACK, 0)) for _ in fields(cls)]
        try:
            return cls(*(s.getsockname()[1] for s in sockets))
        finally:
            for one in sockets:
                one.close()

    def require_free(self) -> None:
        """Raise LocalCloudError naming every port that is taken, and how to choose another.

        A moment is allowed for the connections of a local cloud that has just been stopped to end.
        """
        deadline = time.monotonic() + _PATIENCE_SECONDS
        while taken := [field.name for field in fields(self) if not _is_free(getattr(self, field.name))]:
            if time.monotonic() > deadline:
                hints = [
                    f"  {getattr(self, name)} ({name}): free it, or set BELLHOP_PORT_{name.upper()}"
                    for name in taken
                ]
                said = "something else listens on ports the local cloud needs:"
                raise LocalCloudError("\n".join([said, *hints]))
            time.sleep(_LOOK_EVERY_SECONDS)


def _is_free(port: int) -> bool:
    try:
        socket.create_server((LOOPBACK, port)).close()
    except OSError:
        return False
    return True
