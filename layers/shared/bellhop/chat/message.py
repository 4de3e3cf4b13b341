"""The neutral message that every platform's form is made of. Pure."""

from __future__ import annotations

import msgspec


class Button(msgspec.Struct, frozen=True, omit_defaults=True):
    """A button. Pressing it is typing `command`, as whoever presses: parsed, authorised and recorded like it.

    style: "primary", "danger" or "". confirm: asked before it counts, where the platform can; "" asks nothing.
    """

    label: str
    command: str
    style: str = ""
    confirm: str = ""


class Message(msgspec.Struct, frozen=True, omit_defaults=True):
    """text: Slack's mrkdwn, escaped where it must be (other platforms undo both). context: small print under it.

    public: shown to the whole channel, not only to who asked. replace: instead of the message whose button was
    pressed.
    """

    text: str
    buttons: tuple[Button, ...] = ()
    context: str = ""
    public: bool = False
    replace: bool = False
