"""A response_url's life: five posts, thirty minutes, and what its posts become."""

from datetime import UTC, datetime, timedelta

import pytest

from local.chat.block_rules import RefusedError
from local.chat.messages import Conversation, Draft
from local.chat.replies import reply_draft, take_reply
from local.chat.response_urls import Minted, ResponseUrls, UrlRefusedError


class Watch:
    def __init__(self) -> None:
        self.now = datetime(2026, 1, 2, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now


@pytest.fixture
def watch() -> Watch:
    return Watch()


@pytest.fixture
def urls(watch: Watch) -> ResponseUrls:
    return ResponseUrls(watch)


def mint(urls: ResponseUrls, message_ts: str | None = None) -> Minted:
    return urls.mint(channel="C1", user="U1", command="/bellhop status", message_ts=message_ts)


def test_the_sixth_post_is_refused(urls: ResponseUrls) -> None:
    minted = mint(urls)
    for _ in range(5):
        urls.use(minted.id, minted.secret)
    with pytest.raises(UrlRefusedError, match=r"^used_url$"):
        urls.use(minted.id, minted.secret)


def test_after_thirty_minutes_no_post_is_taken(urls: ResponseUrls, watch: Watch) -> None:
    minted = mint(urls)
    watch.now += timedelta(minutes=30) - timedelta(microseconds=1)
    urls.use(minted.id, minted.secret)
    watch.now += timedelta(microseconds=1)
    with pytest.raises(UrlRefusedError, match=r"^expired_url$"):
        urls.use(minted.id, minted.secret)


def test_a_wrong_secret_and_an_unknown_url_look_like_expired_ones(urls: ResponseUrls) -> None:
    minted = mint(urls)
    for url_id, secret in ((minted.id, "guess"), ("1", minted.secret), (minted.id, "\xff")):
        with pytest.raises(UrlRefusedError, match=r"^expired_url$"):
            urls.look_up(url_id, secret)


def test_expired_urls_are_forgotten_with_the_next_one(urls: ResponseUrls, watch: Watch) -> None:
    old = mint(urls)
    watch.now += timedelta(hours=1)
    assert mint(urls).id != old.id
    assert len(urls._minted) == 1


def test_a_refused_post_is_not_counted(urls: ResponseUrls, watch: Watch) -> None:
    minted, kept = mint(urls), Conversation(watch)

    def post(body: bytes) -> tuple[int, bytes]:
        answer = take_reply(minted.id, minted.secret, body, urls=urls, conversation=kept)
        return answer.status, answer.body

    for _ in range(9):
        assert post(b"{") == (400, b"invalid_payload")
        assert post(b"{}") == (400, b"no_text")
        assert post(b'{"blocks": [{"type": "section"}]}') == (400, b"invalid_blocks")
    assert [post(b'{"text": "x"}') for _ in range(6)] == [
        *[(200, b"ok")] * 5,
        (404, b'{"ok": false, "error": "used_url"}'),
    ]
    assert kept.since(0)[2] == 5


def test_only_the_person_who_asked_sees_a_reply_unless_it_says_otherwise(urls: ResponseUrls) -> None:
    minted = mint(urls)
    assert reply_draft({"text": "x"}, minted, original=None).response_type == "ephemeral"
    public = reply_draft({"text": "x", "response_type": "in_channel"}, minted, original=None)
    assert (public.response_type, public.user, public.channel) == ("in_channel", "U1", "C1")
    assert (public.command, public.reply_to) == ("/bellhop status", minted.id)


def test_a_button_press_replaces_the_message_with_the_button(urls: ResponseUrls, watch: Watch) -> None:
    kept = Conversation(watch)
    asked = kept.keep(Draft(via="chat.postMessage", channel="C1", text="Approve?"))
    minted = mint(urls, asked.ts)
    body = b'{"text": "Approved", "replace_original": true}'
    answer = take_reply(minted.id, minted.secret, body, urls=urls, conversation=kept)
    assert answer.status == 200
    [edit] = kept.since(asked.sequence)[0]
    assert (edit.ts, edit.draft.replaces, edit.draft.response_type) == (asked.ts, 1, "in_channel")


def test_a_reply_can_be_replaced_and_deleted_through_its_own_url(urls: ResponseUrls, watch: Watch) -> None:
    kept, minted = Conversation(watch), mint(urls)
    for body in (
        b'{"text": "working", "replace_original": true}',
        b'{"text": "done", "replace_original": true}',
        b'{"delete_original": true}',
    ):
        assert take_reply(minted.id, minted.secret, body, urls=urls, conversation=kept).body == b"ok"
    first, second, third = kept.since(0)[0]
    assert (first.draft.replaces, second.draft.replaces, third.draft.replaces) == (None, 1, 2)
    assert (second.draft.deleted, third.draft.deleted) == (False, True)
    assert first.ts == second.ts == third.ts


def test_text_that_is_too_long_is_refused(urls: ResponseUrls) -> None:
    with pytest.raises(RefusedError, match=r"^msg_too_long$"):
        reply_draft({"text": "x" * 40_001}, mint(urls), original=None)
