"""`alarms`: CloudWatch's alarms, and one of them in full."""

from __future__ import annotations

from bellhop.chat.access import Risk
from bellhop.chat.slack import escape
from bellhop.errors import RefusedError
from reading_arguments import alarm_name, alarm_state, one_of
from registry import Answer, Argument, Call, Command
from tables import age, table
from wording import code, moment, sentence

_ORDER = ("ALARM", "INSUFFICIENT_DATA", "OK")
_REASON = 1500


def run(call: Call) -> Answer:
    name = call.given.get("name")
    if call.given.get("action") == "show":
        if name is None:
            raise RefusedError("BadArguments", "`alarms show` needs the alarm's NAME")
        if "state" in call.given:
            raise RefusedError("BadArguments", "--state is for `alarms list`")
        return _one(call, name)
    if name is not None:
        raise RefusedError("BadArguments", f"`alarms list` takes no name: did you mean `alarms show {name}`?")
    return _all(call)


def _all(call: Call) -> Answer:
    state = call.given.get("state", "")
    found, unread = call.desk.views.alarms.alarms(state=state)
    if not found:
        return Answer(f"No alarm is in state {state}." if state else "There are no alarms in CloudWatch.")
    ordered = sorted(found, key=lambda a: (_ORDER.index(a.state) if a.state in _ORDER else 9, a.name))
    rows = [(a.state, age(a.since, call.at), a.name, a.watches) for a in ordered]
    return Answer(table(("STATE", "SINCE", "NAME", "WATCHES"), rows, unread=unread))


def _one(call: Call, name: str) -> Answer:
    found, _ = call.desk.views.alarms.alarms(name=name)
    if not found:
        raise RefusedError("AlarmMissing", f"there is no alarm `{name}`: `alarms` lists them")
    alarm = found[0]
    since = f"since {moment(alarm.since, call.at)}, {age(alarm.since, call.at)} ago"
    lines = [f"*{escape(alarm.name)}* {escape(alarm.state)} {since}", f"Watches {sentence(alarm.watches)}"]
    lines += [sentence(alarm.description)] if alarm.description else []
    lines += [code([alarm.reason], _REASON)] if alarm.reason else []
    plural = "" if alarm.acts == 1 else "s"
    lines.append(
        f"{alarm.acts} action{plural} when it rings." if alarm.acts else "It does nothing when it rings."
    )
    return Answer("\n".join(lines), subject=f"alarm/{alarm.name}")


COMMAND = Command(
    name="alarms",
    summary="CloudWatch's alarms with their states, or one in full.",
    risk=Risk.READ,
    run=run,
    arguments=(
        Argument(
            "action", "list, if not said, or show", one_of("list", "show"), optional=True, shown="{list,show}"
        ),
        Argument("name", "the alarm to show", alarm_name, optional=True),
        Argument("--state", "only those in ALARM, OK or INSUFFICIENT_DATA", alarm_state),
    ),
    examples=("alarms", "alarms list --state ALARM", "alarms show web-cpu-high"),
)
