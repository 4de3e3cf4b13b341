"""The neutral envelope of a command: verified once at the door, trusted by the workers."""

from __future__ import annotations

import msgspec

from bellhop.errors import InvalidInputError


class Envelope(msgspec.Struct, frozen=True, kw_only=True):
    """A command as someone typed it, or as the button said that they pressed.

    id: the same for every delivery of it. platform: "slack", "messenger" or "dialogflow". workspace, user, channel:
    the platform's immutable ids (Messenger: the page's id, and the person's twice). received_at: seconds since the
    epoch. response_url: where Slack takes the answer; a secret while it lasts. thread: Slack's ts of the message
    that is answered in a thread (mentions). pressed: Slack's ts of the message whose button was pressed.
    """

    id: str
    platform: str
    workspace: str
    user: str
    channel: str
    text: str
    received_at: float
    correlation: str
    response_url: str | None = None
    thread: str | None = None
    pressed: str | None = None

    @property
    def caller(self) -> str:
        """The id that the access document maps to a person."""
        return f"{self.platform}:{self.workspace}/{self.user}"


def decode(body: str) -> Envelope:
    """Raises InvalidInputError when the message is not an envelope."""
    try:
        return msgspec.json.decode(body, type=Envelope)
    except (msgspec.DecodeError, UnicodeEncodeError) as error:
        raise InvalidInputError(f"not a command's envelope: {error}") from error


def from_document(document: object) -> Envelope:
    """As `decode`, from JSON that was read already."""
    try:
        return msgspec.convert(document, Envelope)
    except msgspec.ValidationError as error:
        raise InvalidInputError(f"not a command's envelope: {error}") from error
