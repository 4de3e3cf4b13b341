"""The page at /: one file, allowed by its policy to run only the script and the style that are in it."""

import base64
import hashlib
import re
from functools import cache
from pathlib import Path

from local.chat.exchange import Answer

_FILE = Path(__file__).with_name("page.html")


@cache
def answer() -> Answer:
    html = _FILE.read_text(encoding="utf-8")
    headers = {
        "Content-Security-Policy": content_security_policy(html),
        "X-Content-Type-Options": "nosniff",
        "Referrer-Policy": "no-referrer",
        "Cache-Control": "no-store",
    }
    return Answer(200, html.encode(), "text/html; charset=utf-8", headers)


def content_security_policy(html: str) -> str:
    """A policy that allows the inline scripts and styles of `html` by their hashes, and calls home only."""
    return "; ".join(
        (
            "default-src 'none'",
            f"script-src {_hashes(html, 'script')}",
            f"style-src {_hashes(html, 'style')}",
            "connect-src 'self'",
            "img-src data:",
            "base-uri 'none'",
            "form-action 'none'",
            "frame-ancestors 'none'",
        )
    )


def _hashes(html: str, tag: str) -> str:
    inline = re.findall(rf"<{tag}>(.*?)</{tag}>", html, flags=re.DOTALL)
    digests = (base64.b64encode(hashlib.sha256(each.encode()).digest()).decode() for each in inline)
    return " ".join(f"'sha256-{digest}'" for digest in digests) or "'none'"
