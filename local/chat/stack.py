"""Where the running local stack is: what the runner wrote into .bellhop/local.json."""

import json
from dataclasses import dataclass
from pathlib import Path

LOCAL_FILE = Path(".bellhop/local.json")
_TEXTS = ("door_url", "door_host", "chat_url", "team", "channel", "user")


class NoStackError(Exception):
    """There is no stack to talk to; the message says what to do."""


@dataclass(frozen=True, slots=True)
class Stack:
    """Addresses and identities of the running stack; `door_host` goes into the Host header."""

    door_url: str
    door_host: str
    chat_url: str
    team: str
    channel: str
    user: str
    ca_file: Path
    signing_secret_file: Path

    def signing_secret(self) -> str:
        """Raises NoStackError when the file is not there."""
        try:
            return self.signing_secret_file.read_text(encoding="utf-8").strip()
        except OSError as wrong:
            raise NoStackError(f"cannot read the signing secret: {wrong}") from None


def read_stack(file: Path = LOCAL_FILE) -> Stack:
    """The stack described by `file`. Its paths are relative to the folder that holds `.bellhop`.

    Raises NoStackError when there is no such file, or it is not one of the runner's.
    """
    try:
        content = json.loads(file.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise NoStackError(
            f"no stack is running here ({file} is missing): start one with `make run`"
        ) from None
    except (OSError, ValueError) as wrong:
        raise NoStackError(f"cannot read {file}: {wrong}") from None
    wanted = (*_TEXTS, "ca_file", "signing_secret_file")
    missing = [key for key in wanted if not isinstance(content, dict) or not content.get(key)]
    if missing:
        raise NoStackError(f"{file} lacks {', '.join(missing)}: start the stack anew with `make run`")
    root = file.resolve().parent.parent
    return Stack(
        **{key: str(content[key]).rstrip("/") for key in _TEXTS},
        ca_file=root / content["ca_file"],
        signing_secret_file=root / content["signing_secret_file"],
    )
