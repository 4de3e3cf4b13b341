"""The kept conversation: numbers, timestamps, waiting, edits."""

from datetime import UTC, datetime
from threading import Thread

from local.chat.messages import Conversation, Draft, Message

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


def conversation(capacity: int = 100) -> Conversation:
    return Conversation(lambda: NOW, capacity=capacity)


def draft(text: str = "x") -> Draft:
    return Draft(via="chat.postMessage", channel="C1", text=text)


def test_timestamps_rise_and_are_unique_though_the_clock_stands_still() -> None:
    kept = conversation()
    stamps = [kept.keep(draft()).ts for _ in range(5)]
    assert stamps == [f"1767323045.00000{n}" for n in range(5)]


def test_many_threads_get_a_number_and_a_timestamp_each() -> None:
    kept = conversation(capacity=1000)
    threads = [Thread(target=lambda: [kept.keep(draft()) for _ in range(50)]) for _ in range(8)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    messages, first, last = kept.since(0)
    assert [each.sequence for each in messages] == list(range(1, 401))
    assert len({each.ts for each in messages}) == 400
    assert (first, last) == (1, 400)


def test_a_waiting_reader_gets_the_next_message() -> None:
    kept = conversation()
    got: list[Message] = []
    reader = Thread(target=lambda: got.extend(kept.since(0, wait_seconds=30)[0]))
    reader.start()
    kept.keep(draft("news"))
    reader.join(timeout=10)
    assert [each.draft.text for each in got] == ["news"]


def test_closing_lets_a_waiting_reader_go() -> None:
    kept = conversation()
    reader = Thread(target=lambda: kept.since(0, wait_seconds=30))
    reader.start()
    kept.close()
    reader.join(timeout=10)
    assert not reader.is_alive()


def test_numbers_go_on_after_all_is_forgotten() -> None:
    kept = conversation()
    kept.keep(draft())
    kept.clear()
    assert kept.since(0) == ([], 2, 1)
    assert kept.keep(draft()).sequence == 2


def test_the_oldest_go_first() -> None:
    kept = conversation(capacity=2)
    for text in ("a", "b", "c"):
        kept.keep(draft(text))
    messages, first, _ = kept.since(0)
    assert ([each.draft.text for each in messages], first) == (["b", "c"], 2)


def test_the_newest_version_stands_until_it_is_deleted() -> None:
    kept = conversation()
    original = kept.keep(draft("one"))
    edit = Draft(via="chat.update", channel="C1", text="two", ts=original.ts, replaces=original.sequence)
    assert kept.keep(edit).ts == original.ts
    found = kept.standing(lambda each: each.ts == original.ts)
    assert found is not None
    assert found.draft.text == "two"
    kept.keep(Draft(via="response_url", channel="C1", ts=original.ts, deleted=True))
    assert kept.standing(lambda each: each.ts == original.ts) is None
