"""A policy and what became of it, in Slack's markup. Pure; `now` is when it was asked."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

from bellhop.chat.slack import escape, shortened
from bellhop.scaling.policy import Policy
from bellhop.scaling.proposal import is_active
from bellhop.scaling.status import LastDecision, Pause, Source
from bellhop.scaling.transitions import ABLE_TO_SCALE

#: Of one line in a block of code, and of a sentence that others wrote: characters.
_LINE, _SENTENCE = 400, 200
#: So many ringing alarms are named.
_NAMED = 3


def headline(policy: Policy, now: datetime) -> str:
    """Which policy it is, what it sizes, how large that may be and was when it was seen last."""
    spec, hold = policy.spec, policy.status.hold
    # A size that was set by hand is in the hold before the next look sees it.
    size = hold.replicas if hold is not None and hold.until > now else policy.status.current_replicas
    seen = "" if size is None else f", now {size}"
    return (
        f"*{policy.namespace}/{policy.name}* {policy.target_kind.lower()}/{escape(policy.target_name)}"
        f" {spec.min_replicas} to {spec.max_replicas}{seen}{', dryRun' if spec.dry_run else ''}"
    )


def change(last: LastDecision) -> str:
    """A decision's from and to."""
    if last.current == last.desired:
        return f"held at {last.current}"
    moved = f"{last.current} -&gt; {last.desired}"
    return f"would go {moved} (dryRun)" if last.dry else moved


def sentence(text: str) -> str:
    """What somebody else wrote, made fit to be shown among other things: one line, and no block of code."""
    return _cut(" ".join(text.split()).replace("```", "'''"), _SENTENCE)


def _cut(text: str, most: int) -> str:
    """The text, escaped, of about `most` characters: what is mostly entities is cut shorter."""
    escaped = escape(shortened(text, most))
    return escaped if len(escaped) <= 2 * most else escape(shortened(text, most // 5))


def moment(when: datetime, now: datetime) -> str:
    """A time of today without its date, any other with it."""
    when = when.astimezone(UTC)
    today = when.date() == now.astimezone(UTC).date()
    return when.strftime("%H:%M:%S UTC" if today else "%Y-%m-%d %H:%M:%S UTC")


def code(lines: Sequence[str], most: int) -> str:
    """A block of code of at most `most` characters, if its last line is no longer. What is too much is left out
    before that line, which says what came of it."""
    shown = [_cut(line.replace("`", "'"), _LINE) for line in lines]
    fits = most - len("```\n\n```\n…")
    kept, last = shown[:-1], shown[-1:]
    while kept and sum(len(line) + 1 for line in (*kept, *last)) > fits:
        kept.pop()
    left_out = ["…"] if len(kept) + len(last) < len(shown) else []
    return "\n".join(("```", *kept, *left_out, *last, "```"))


def paused_all(pause: Pause | None, now: datetime) -> list[str]:
    """The line that says that somebody paused all policies, if somebody did."""
    if pause is None:
        return []
    since = moment(pause.at, now)
    return [
        f":double_vertical_bar: all policies are paused by {sentence(pause.by)} since {since}: `resume all`"
    ]


def ringing(policy: Policy, now: datetime) -> list[Source]:
    """The sources that ask for something now."""
    if policy.problem():
        return []
    found = policy.status.triggers
    return [s for s in found if policy.trigger_of(s) is not None and is_active(s, policy.spec, now)]


def marks(policy: Policy, now: datetime) -> list[str]:
    """What rings for a policy and what holds it, each with its sign."""
    found = []
    if names := [sentence(source.name) for source in ringing(policy, now)]:
        more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
        found.append(f":rotating_light: {', '.join(names[:_NAMED])}{more}")
    return found + holds(policy, now)


def holds(policy: Policy, now: datetime) -> list[str]:
    """What people and conditions hold a policy back with, and how to end it."""
    return [*_pauses(policy, now), *_approvals(policy, now), *_refusals(policy)]


def _pauses(policy: Policy, now: datetime) -> list[str]:
    status, resume = policy.status, f"`resume {policy.name} -n {policy.namespace}`"
    found = []
    if policy.spec.paused:
        found.append(":double_vertical_bar: the policy says paused: true")
    if status.paused is not None:
        since = moment(status.paused.at, now)
        found.append(f":double_vertical_bar: paused by {sentence(status.paused.by)} since {since}: {resume}")
    if (hold := status.hold) is not None and hold.until > now:
        until = moment(hold.until, now)
        found.append(
            f":hourglass: {sentence(hold.by)} set {hold.replicas}, held until {until}: {resume} ends that sooner"
        )
    if policy.held_until is not None and policy.held_until > now:
        found.append(
            f":hourglass: held until {moment(policy.held_until, now)} by annotation bellhop.dev/hold"
        )
    return found


def _approvals(policy: Policy, now: datetime) -> list[str]:
    status, found = policy.status, []
    if (asked := status.question) is not None and asked.expires_at > now:
        until = moment(asked.expires_at, now)
        found.append(f":question: {asked.wanted} wanted: `approve {sentence(asked.id)}` until {until}")
    if (ceiling := status.ceiling) is not None and ceiling.until > now:
        until = moment(ceiling.until, now)
        found.append(
            f":unlock: {sentence(ceiling.by)} approved up to {policy.spec.max_replicas} until {until}"
        )
    return found


def _refusals(policy: Policy) -> list[str]:
    if problem := policy.problem():
        return [f":warning: {sentence(problem)}"]
    refused = [c for c in policy.status.conditions if c.type == ABLE_TO_SCALE and c.status == "False"]
    return [f":no_entry: {sentence(c.reason)}: {sentence(c.message)}" for c in refused]
