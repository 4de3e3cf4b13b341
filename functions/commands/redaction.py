"""Secrets in what programs write, masked before anybody reads, searches or cuts it. Pure.

The shapes are the vendors' own where they have one. Where in doubt it is masked: better a word too many than a key.
Commits, digests and UUIDs are hexadecimal, and stay.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from private_keys import MASK, without_private_keys

#: Says that what follows is secret, wherever a longer name ends so: dbPassword, AWS_SECRET_ACCESS_KEY.
_CLEAR = (
    r"(?:password|passwort|passwd|passphrase|secret|credential)s?(?:[-_ ]?(?:access)?[-_ ]?key)?"
    r"|token|(?:api|access|account|private|signing|encryption|shared|master|license)[-_ ]?key(?:[-_ ]?id)?"
    r"|shared[-_ ]?access[-_ ]?signature|session[-_ ]?id|connection[-_ ]?string"
    r"|x-amz-(?:credential|security-token|signature)"
)
#: Says so only as a word of its own: "bypass" and "author" do not.
_SHORT = r"pass|passcode|pwd|auth|cookie|sig|signature|pin"
_BOUNDARY = r"(?:\b|_|(?-i:(?<=[a-z0-9])(?=[A-Z])))"
_NAME = rf"(?:(?:{_CLEAR})|{_BOUNDARY}(?:{_SHORT}))(?:[-_](?:base|prod|dev|test|staging|new|old|value))?[-_]?\d{{0,3}}"

#: A value: in (escaped) quotes, which may not close; in brackets; up to the next part of a connection string; or up
#: to a space, a quote or the next parameter of a query.
_VALUE = (
    r"""(?:\\{1,3}"(?:(?!\\{1,3}").)*(?:\\{1,3}"|$)|"(?:\\.|[^"\\\n])*(?:"|$)|'(?:\\.|[^'\\\n])*(?:'|$)"""
    r"""|`[^`\n]*(?:`|$)|\[[^\]\n]*(?:\]|$)|\{[^}\n]*(?:\}|$)"""
    r"""|[^\s"'`;][^;\n"'`]{0,200}(?=;[ \t]*[\w .-]{1,40}=)"""
    r"""|(?:(?![&;][ ]?[\w.%-]{0,40}=)[^\s"'`])+)"""
)
_AUTHORIZATION = r"(?P<before>authorization[\"']?\s{0,3}[:=]\s{0,3}[\[(\"']*)"
_LIKE_ONE = r"(?=\S*[\d=+/]|(?-i:\S*[a-z]\S*[A-Z]))"
_ASSIGNED = r"(?:\\{0,3}[\"'`])?\]?[ \t]*(?::=|=>|==?|:)[ \t]*"


def _keeping(found: re.Match[str]) -> str:
    """The secret masked; what stands before it and after it stays."""
    groups = found.groupdict()
    return groups["before"] + MASK + (groups.get("after") or "")


def _if_mixed(found: re.Match[str]) -> str:
    """Masked, if it has capitals, small letters and digits, as an AWS secret key has and a word or a path has not."""
    kinds = (str.isupper, str.islower, str.isdigit)
    return MASK if all(any(map(is_kind, found[0])) for is_kind in kinds) else found[0]


type _Rule = tuple[re.Pattern[str], str | Callable[[re.Match[str]], str]]

#: What has a shape of its own.
_SHAPES: tuple[_Rule, ...] = tuple(
    (re.compile(pattern), MASK)
    for pattern in (
        # JSON web tokens: https://www.rfc-editor.org/rfc/rfc7515
        r"eyJ[A-Za-z0-9_-]{6,2000}\.[A-Za-z0-9_-]{4,}(?:\.[A-Za-z0-9_-]*)*",
        # https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_identifiers.html#identifiers-unique-ids
        r"(?<![A-Za-z0-9])(?:AKIA|ASIA|ABIA|ACCA)[A-Z0-9]{16}(?![A-Za-z0-9])",
        # AWS's session tokens begin so.
        r"(?:FwoG|FQoG|FQoD|IQoJ)[A-Za-z0-9+/=]{60,}",
        # https://docs.slack.dev/authentication/tokens
        r"(?:xox[a-z](?:\.xox[a-z])?|xapp|xwfp)-[A-Za-z0-9-]{6,}",
        # GitHub, GitLab, Google, Stripe, npm, PyPI, SendGrid, OpenAI, Anthropic, as their own scanners find them.
        r"\b(?:gh[pousr]_[A-Za-z0-9]{20,}|github_pat_\w{20,}|glpat-[\w-]{16,}|AIza[\w-]{30,}|ya29\.[\w.-]{16,})",
        r"\b(?:(?:[srp]k_(?:live|test)|whsec)_\w{16,}|npm_[A-Za-z0-9]{30,}|pypi-[\w-]{40,}|sk-[\w-]{20,})",
        r"\bSG\.[\w-]{16,}\.[\w-]{16,}",
    )
)
#: What stands where secrets stand.
_PLACES: tuple[_Rule, ...] = tuple(
    (re.compile(pattern, re.IGNORECASE | re.MULTILINE), _keeping)
    for pattern in (
        r"(?P<before>hooks\.slack\.com/(?:services|workflows|triggers|commands|actions)/)[^\s\"'<>]+",
        # Before a URL's host: a password, whatever it holds, but no port and path; and a user alone.
        r"(?P<before>\b[a-z][a-z0-9+.-]{0,30}://[^\s:/@\"'<>]{0,200}:)(?!\d{1,5}/)[^\s\"'<>]{1,2000}(?P<after>@)",
        r"(?P<before>\b[a-z][a-z0-9+.-]{0,30}://)[^\s/?#\"'<>]{1,2000}(?P<after>@)",
        # An Authorization header with its parameters; or its value alone, where it looks like one.
        rf"{_AUTHORIZATION}(?:[a-z][\w-]*[ \t]+)?[^\s\"']+(?:(?<=,)[ \t]*[a-z]+=[^\s\"']+)*",
        rf"(?P<before>\b(?:bearer|basic|digest|negotiate|apikey|token)[ \t]+){_LIKE_ONE}[\w+/=.~:-]{{6,}}",
        r"(?P<before>cookie\d?[\"']?:[ \t]*)[^\n]+",
        r"(?P<before>\s(?:-u|--user)[ =][\"']?[^\s:\"']+:)[^\s\"']+",
        r"(?P<before>\b(?:identified by|password)[ \t]+)'[^'\n]*'?",
        rf"(?P<before>{_NAME}{_ASSIGNED}){_VALUE}",
        rf"(?P<before>(?<![\w-])--?[\w-]{{0,30}}(?:{_CLEAR}|pass|pwd)[ \t]+)(?!-){_VALUE}",
        rf"(?P<before><(?:[\w:.-]{{0,40}})(?:{_CLEAR}|pass|pwd)(?:\s[^>]*)?>)[^<\n]+(?P<after></)",
    )
)
_RANDOM: _Rule = (re.compile(r"(?<![A-Za-z0-9/+])[A-Za-z0-9/+]{40}(?![A-Za-z0-9/+=])"), _if_mixed)


def redacted(text: str) -> str:
    """The text with what looks like a secret masked. Lines may become fewer: a private key is one mask.

    Redact all that was read, then search and cut: half a secret looks like none.
    """
    text = without_private_keys(text)
    for pattern, instead in (*_SHAPES, *_PLACES, _RANDOM):
        text = pattern.sub(instead, text)
    return text
