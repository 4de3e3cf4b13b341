"""Messages as the terminal shows them."""

import unicodedata
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from local.chat.messages import Draft, Message
from local.chat.terminal import block_of, body, soften


@pytest.mark.parametrize(
    ("mrkdwn", "text"),
    [
        ("*bold* _soft_ ~gone~ `code`", "bold soft gone code"),
        ("*_both_*", "both"),
        ("2 * 3 * 4, snake_case_name", "2 * 3 * 4, snake_case_name"),
        ("`a *b* c`", "a *b* c"),
        ("<https://x.org|the page>", "the page (https://x.org)"),
        ("<https://x.org> <mailto:a@x.org|a@x.org>", "https://x.org a@x.org (mailto:a@x.org)"),
        ("<@U1> in <#C1|ops>, <!here>", "@U1 in #ops, @here"),
        ("<!date^1392734382^{date}|18 Feb>", "@18 Feb"),
        ("a &lt; b &amp;&amp; c &gt; d, &amp;lt;", "a < b && c > d, &lt;"),
        ("<script>x</script> <javascript:x|press>", "<script>x</script> <javascript:x|press>"),
        ("```\nkubectl *get* pods\n```", "kubectl *get* pods"),
    ],
)
def test_mrkdwn_is_softened(mrkdwn: str, text: str) -> None:
    assert soften(mrkdwn) == text


@given(st.text())
def test_no_text_can_command_the_terminal(text: str) -> None:
    controls = {each for each in soften(text) if unicodedata.category(each) == "Cc"}
    assert controls <= {"\n", "\t"}


def test_blocks_are_shown_before_text() -> None:
    blocks: list[dict[str, Any]] = [
        {"type": "header", "text": {"type": "plain_text", "text": "Pods"}},
        {"type": "section", "text": {"type": "mrkdwn", "text": "*web* 3/3"}},
        {"type": "section", "fields": [{"type": "mrkdwn", "text": "a"}, {"type": "mrkdwn", "text": "b"}]},
        {"type": "divider"},
        {"type": "actions", "elements": [{"type": "button", "text": {"type": "plain_text", "text": "Go"}}]},
        {"type": "context", "elements": [{"type": "mrkdwn", "text": "_by_ ann"}, {"type": "image"}]},
        {"type": "table"},
    ]
    assert body("fallback", blocks).splitlines() == [
        "Pods",
        "web 3/3",
        "a",
        "b",
        "-" * 20,
        "[Go]",
        "by ann  ",
        "(table block)",
    ]


def message(draft: Draft) -> Message:
    return Message(1, datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC), "1.2", draft)


def test_a_private_reply_names_its_reader_and_its_command() -> None:
    draft = Draft(
        via="response_url",
        channel="C1",
        user="U1",
        text="all *well*",
        response_type="ephemeral",
        command="/bellhop status",
    )
    assert block_of(message(draft), UTC) == (
        "03:04:05  C1  only U1 sees it  for '/bellhop status'\n    all well\n"
    )


def test_a_message_in_messenger_is_plain_text_with_its_buttons() -> None:
    said = {"type": "section", "text": {"type": "plain_text", "text": "a *b* &lt; <c>"}}
    button = {"type": "button", "text": {"type": "plain_text", "text": "Explain"}, "value": "explain web"}
    draft = Draft(via="messenger", channel="9876", blocks=[said, {"type": "actions", "elements": [button]}])
    assert block_of(message(draft), UTC) == (
        "03:04:05  9876  in Messenger\n    a *b* &lt; <c>\n    [Explain]\n"
    )


def test_edits_and_deletions_are_told() -> None:
    edit = Draft(via="chat.update", channel="C1", text="new", replaces=1, thread_ts="1.1")
    assert block_of(message(edit), UTC) == "03:04:05  C1  in a thread  edited\n    new\n"
    deletion = Draft(via="response_url", channel="C1", replaces=1, deleted=True)
    assert block_of(message(deletion), UTC) == "03:04:05  C1  deleted\n"
