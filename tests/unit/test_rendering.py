"""One neutral message, in Slack's form, in Messenger's, and as plain text."""

from __future__ import annotations

import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from slack_sdk.models.blocks import Block

from bellhop.chat.cutting import FENCE, pieces
from bellhop.chat.message import Button, Message
from bellhop.chat.messenger import payloads
from bellhop.chat.plain import plain
from bellhop.chat.slack import escape, render
from local.chat.block_rules import checked_blocks, checked_text

WORDS = st.text(max_size=60) | st.sampled_from(
    [
        "`" * 3,
        "```\nx\n```",
        "&amp;" * 2000,
        "x" * 9000,
        "a b " * 3000,
        "l\n" * 4000,
        "😀" * 4000,
        "<" * 4000,
        "",
    ]
)
TEXTS = st.lists(WORDS, max_size=8).map("\n".join)
BUTTONS = st.lists(
    st.builds(
        Button,
        label=WORDS,
        command=st.text(max_size=20) | st.sampled_from(["x" * 2000, "x" * 2001, "x" * 1001]),
        style=st.sampled_from(["", "primary", "danger", "pink"]),
        confirm=WORDS,
    ),
    max_size=40,
).map(tuple)
MESSAGES = st.builds(Message, text=TEXTS, buttons=BUTTONS, context=WORDS)


def sections(rendered: dict[str, Any]) -> list[str]:
    return [block["text"]["text"] for block in rendered["blocks"] if block["type"] == "section"]


def elements(rendered: dict[str, Any]) -> list[dict[str, Any]]:
    found = [block["elements"] for block in rendered["blocks"] if block["type"] == "actions"]
    return found[0] if found else []


# Slack


@given(MESSAGES)
def test_slack_takes_every_message(message: Message) -> None:
    rendered = render(message)
    for block in Block.parse_all(rendered["blocks"]):
        assert block.to_dict()
    assert checked_blocks(rendered["blocks"]) == rendered["blocks"] != []
    assert checked_text(rendered["text"]) == rendered["text"]
    assert all(text.strip() for text in sections(rendered))
    assert len({each["action_id"] for each in elements(rendered)}) == len(elements(rendered))


@given(TEXTS)
def test_every_block_of_code_that_is_opened_is_closed_in_its_section(text: str) -> None:
    balanced = text if text.count(FENCE) % 2 == 0 else f"{text}\n{FENCE}"
    balanced = "\n".join(line if len(line) < 2000 else "long" for line in balanced.split("\n"))
    for section in sections(render(Message(balanced))):
        assert section.count(FENCE) % 2 == 0


def test_a_short_text_is_one_section_and_its_own_fallback() -> None:
    rendered = render(Message("*x*", context="small"))
    assert rendered["text"] == "*x*"
    assert [block["type"] for block in rendered["blocks"]] == ["section", "context"]


def test_a_long_text_is_split_at_line_ends_and_none_is_lost() -> None:
    lines = [f"line {number} {'x' * 80}" for number in range(100)]
    said = sections(render(Message("\n".join(lines))))
    assert len(said) > 1
    assert "\n".join(said) == "\n".join(lines)


def test_a_block_of_code_goes_on_in_the_next_section() -> None:
    code = [f"{number} {'x' * 80}" for number in range(60)]
    first, second = sections(render(Message("\n".join(("before", FENCE, *code, FENCE, "after")))))
    assert first.startswith(f"before\n{FENCE}\n0 ")
    assert first.endswith(f"\n{FENCE}")
    assert second.startswith(f"{FENCE}\n")
    assert second.endswith(f"\n{FENCE}\nafter")


def test_what_is_too_much_is_counted_in_lines() -> None:
    said = sections(render(Message("\n".join(f"{'x' * 99}" for _ in range(200)))))
    found = re.fullmatch(r"… (\d+) lines more", said[-1])
    assert found
    assert sum(len(each.split("\n")) for each in said[:-1]) + int(found[1]) == 200


@pytest.mark.parametrize("most", [50, 51, 52, 53, 99])
def test_no_entity_and_no_link_is_cut_through(most: int) -> None:
    text = "a&amp;&lt;" * 100 + "<https://x.example|label>" * 20
    cut = pieces(text, most=most, in_all=10_000)
    assert "".join(cut.texts) == text
    for each in cut.texts:
        assert re.fullmatch(r"(?:a|&amp;|&lt;|<https://x\.example\|label>)*", each)


def test_a_button_is_what_is_typed_when_it_is_pressed() -> None:
    [button] = elements(render(Message("x", (Button("Pause", "pause web -n shop", "danger", "Sure?"),))))
    assert (button["action_id"], button["value"], button["style"]) == ("b0", "pause web -n shop", "danger")
    assert button["text"]["text"] == button["confirm"]["confirm"]["text"] == "Pause"
    assert button["confirm"]["text"]["text"] == "Sure?"


def test_a_button_without_style_or_question_says_neither() -> None:
    [button] = elements(render(Message("x", (Button("Help", "help", style="pink"),))))
    assert button.keys() == {"type", "action_id", "text", "value"}


def test_buttons_that_slack_would_refuse_are_left_out_and_long_labels_cut() -> None:
    refused = (Button("x", "x" * 2001), Button("", "help"), Button(" ", "help"), Button("x", ""))
    many = tuple(Button(f"{number} {'x' * 80}", "help") for number in range(30))
    assert elements(render(Message("x", refused))) == []
    shown = elements(render(Message("x", refused + many)))
    assert len(shown) == 25
    assert {len(each["text"]["text"]) for each in shown} == {75}


def test_buttons_alone_need_no_text_and_nothing_is_still_something() -> None:
    assert [block["type"] for block in render(Message("", (Button("a", "b"),)))["blocks"]] == ["actions"]
    assert sections(render(Message(" \n "))) == ["…"]


# Messenger


@given(MESSAGES, st.sampled_from([100, 640, 2000]))
def test_messenger_takes_every_message(message: Message, most: int) -> None:
    bodies = payloads(message, "9876", most=most)
    assert bodies
    for body in bodies:
        assert (body["recipient"], body["messaging_type"]) == ({"id": "9876"}, "RESPONSE")
        text = body["message"]["text"]
        assert text.strip()
        assert len(text.encode("utf-16-le", "surrogatepass")) // 2 <= most
        assert "quick_replies" not in body["message"] or body is bodies[-1]
    for reply in bodies[-1]["message"].get("quick_replies", []):
        assert 0 < len(reply["title"]) <= 20
        assert 0 < len(reply["payload"]) <= 1000
    assert len(bodies[-1]["message"].get("quick_replies", [])) <= 13


def test_a_reply_is_plain_text_with_its_small_print_and_quick_replies() -> None:
    message = Message("*shop/web*: 4 -&gt; 6", (Button("Explain", "explain web -n shop"),), "alarm x")
    [body] = payloads(message, "9876")
    assert body == {
        "recipient": {"id": "9876"},
        "messaging_type": "RESPONSE",
        "message": {
            "text": "shop/web: 4 -> 6\nalarm x",
            "quick_replies": [{"content_type": "text", "title": "Explain", "payload": "explain web -n shop"}],
        },
    }


def test_a_long_reply_is_several_messages_split_at_lines_with_the_buttons_last() -> None:
    lines = [f"line {number}" for number in range(60)]
    bodies = payloads(Message("\n".join(lines), (Button("a", "b"),)), "9", most=200)
    assert "\n".join(body["message"]["text"] for body in bodies) == "\n".join(lines)
    assert ["quick_replies" in body["message"] for body in bodies] == [False] * (len(bodies) - 1) + [True]


def test_words_stay_whole_where_they_fit() -> None:
    bodies = payloads(Message("word " * 100), "9", most=100)
    assert {word for body in bodies for word in body["message"]["text"].split(" ")} - {""} == {"word"}


def test_an_endless_reply_ends_and_says_so() -> None:
    bodies = payloads(Message("\n".join("x" * 100 for _ in range(1000))), "9")
    assert len(bodies) < 10
    assert re.search(r"\n… \d+ lines more\Z", bodies[-1]["message"]["text"])


def test_buttons_that_messenger_would_refuse_are_left_out_and_long_titles_cut() -> None:
    buttons = (Button("x", "x" * 1001), Button("", "help"), *(Button("y" * 30, "help") for _ in range(20)))
    [body] = payloads(Message("x", buttons), "9")
    assert [each["title"] for each in body["message"]["quick_replies"]] == [f"{'y' * 19}…"] * 13


# Plain text


@pytest.mark.parametrize(
    ("mrkdwn", "text"),
    [
        ("*bold* _it_ ~s~ `code`", "bold it s code"),
        ("*_both_*", "both"),
        ("2 * 3 * 4, a_b_c, x*y*z", "2 * 3 * 4, a_b_c, x*y*z"),
        ("```\n*x* :x: &lt;\n```", "*x* :x: <"),
        ("before\n```one```\nafter", "before\none\nafter"),
        ("`*x*`", "*x*"),
        ("<https://x.example|docs> <https://y.example>", "docs (https://x.example) https://y.example"),
        ("<https://x.example/?a=1&amp;b=2>", "https://x.example/?a=1&b=2"),
        ("<@U1> <@U1|ana> <#C1|ops> <!here> <!subteam^S1|@sre>", "@U1 @ana #ops @here @@sre"),
        ("&lt;b&gt; &amp;lt;", "<b> &lt;"),
        (":white_check_mark: done :no_entry: no", "\u2705 done \u26d4 no"),
        (":party_parrot: yes", "yes"),
        ("09:30:00 arn:aws:sns:eu :30: a:x:b", "09:30:00 arn:aws:sns:eu :30: a:x:b"),
        ("a < b ``` c", "a < b ``` c"),
    ],
)
def test_mrkdwn_reads_as_plain_text(mrkdwn: str, text: str) -> None:
    assert plain(mrkdwn) == text


@given(st.text(st.characters(codec="utf-8", exclude_characters="*_~`:"), max_size=200))
def test_what_was_escaped_reads_as_it_was(text: str) -> None:
    assert plain(escape(text)) == text


@given(st.text("*_~`<>|&:x \n!@#;", max_size=300))
def test_any_text_is_some_plain_text(text: str) -> None:
    assert len(plain(text)) <= len(text) + 4 * text.count("<")


@pytest.mark.parametrize("text", ["*a " * 20_000, "<a" * 20_000, "`" * 50_001, ":x" * 20_000, "*_~" * 9000])
def test_hostile_text_takes_no_longer(text: str) -> None:
    assert plain(text) is not None
