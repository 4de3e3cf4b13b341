"""The stand-in's page in a real browser: Debian's chromium, driven by its chromedriver over plain HTTP."""

import os
import re
import shutil
import ssl
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import requests
import trustme
from slack_sdk import WebClient

from local.chat.client import ChatClient
from local.chat.page import content_security_policy
from local.chat.server import RunningChat, running_chat

TOKEN = "xoxb-1-test"
FLAGS = (
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-dev-shm-usage",
    "--no-proxy-server",
)
ELEMENT = "element-6066-11e4-a52e-4f735466cecf"  # the key under which WebDriver answers an element


@dataclass(frozen=True)
class Browser:
    """One WebDriver session (https://www.w3.org/TR/webdriver2/)."""

    session: str
    http: requests.Session

    def call(self, method: str, path: str, content: dict[str, Any] | None = None) -> Any:
        body = (content or {}) if method == "POST" else None
        answer = self.http.request(method, self.session + path, json=body, timeout=60).json()["value"]
        assert not (isinstance(answer, dict) and "error" in answer), answer
        return answer

    def open(self, url: str) -> None:
        self.call("POST", "/url", {"url": url})

    def text_of(self, xpath: str) -> str:
        """The text of the first such element; waits up to 10 s for it to be there."""
        found = self.call("POST", "/element", {"using": "xpath", "value": xpath})
        return str(self.call("GET", f"/element/{found[ELEMENT]}/text"))

    def run(self, script: str) -> Any:
        return self.call("POST", "/execute/sync", {"script": script, "args": []})

    def emulate(self, *, width: int, height: int, scheme: str) -> None:
        metrics = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 600}
        media = {"features": [{"name": "prefers-color-scheme", "value": scheme}]}
        for command, parameters in (
            ("Emulation.setDeviceMetricsOverride", metrics),
            ("Emulation.setEmulatedMedia", media),
        ):
            self.call("POST", "/goog/cdp/execute", {"cmd": command, "params": parameters})


def installed(program: str, package: str) -> str:
    found = shutil.which(program)
    assert found, f"{program} is missing: apt-get install {package}"
    return found


@contextmanager
def started_browser(folder: Path) -> Iterator[Browser]:
    chromium = installed("chromium", "chromium")
    command = [installed("chromedriver", "chromium-driver"), "--port=0"]
    environment = {**os.environ, "HOME": str(folder), "TMPDIR": str(folder)}
    options = {"binary": chromium, "args": [*FLAGS, f"--user-data-dir={folder / 'profile'}"]}
    wanted = {
        "acceptInsecureCerts": True,
        "goog:chromeOptions": options,
        "goog:loggingPrefs": {"browser": "ALL"},
        "timeouts": {"implicit": 10_000},
    }
    with (
        subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True) as driver,
        requests.Session() as http,
    ):
        http.trust_env = False
        try:
            assert driver.stdout is not None
            ports = (re.search(r"successfully on port (\d+)", line) for line in driver.stdout)
            port = next(found[1] for found in ports if found)
            sessions = f"http://127.0.0.1:{port}/session"
            started = http.post(sessions, json={"capabilities": {"alwaysMatch": wanted}}, timeout=60).json()
            browser = Browser(f"{sessions}/{started['value']['sessionId']}", http)
            try:
                yield browser
            finally:
                browser.call("DELETE", "")
        finally:
            driver.terminate()


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    with started_browser(tmp_path_factory.mktemp("browser")) as started:
        yield started


@pytest.fixture
def chat(tmp_path: Path) -> Iterator[RunningChat]:
    authority = trustme.CA()
    both = tmp_path / "both.pem"
    authority.issue_cert("127.0.0.1").private_key_and_cert_chain_pem.write_to_path(both)
    authority.cert_pem.write_to_path(tmp_path / "ca.pem")
    with running_chat(both, both, TOKEN) as running:
        yield running


@pytest.fixture
def client(chat: RunningChat, tmp_path: Path) -> Iterator[ChatClient]:
    with ChatClient(chat.url, tmp_path / "ca.pem") as made:
        yield made


@pytest.fixture
def web(chat: RunningChat, tmp_path: Path) -> WebClient:
    trusting = ssl.create_default_context(cafile=tmp_path / "ca.pem")
    return WebClient(TOKEN, base_url=f"{chat.url}/api/", ssl=trusting, timeout=10)


HOSTILE = (
    "<script>window.taken = 1</script> <img src=x onerror='window.taken = 1'> "
    "&lt;b onmouseover=1&gt; <javascript:window.taken=1|press here> *<script>window.taken = 1</script>*"
)


def test_a_message_is_text_whatever_is_in_it(browser: Browser, chat: RunningChat, web: WebClient) -> None:
    web.chat_postMessage(channel="C0OPS", text=HOSTILE)
    blocks: list[dict[str, Any]] = [
        {"type": "header", "text": {"type": "plain_text", "text": HOSTILE[:120]}},
        {"type": "section", "text": {"type": "mrkdwn", "text": "the end " + HOSTILE}},
        {
            "type": "actions",
            "elements": [{"type": "button", "text": {"type": "plain_text", "text": "<b>Go</b>"}}],
        },
    ]
    web.chat_postMessage(channel="C0OPS", text="x", blocks=blocks)
    browser.open(chat.url)
    assert HOSTILE.replace("&lt;", "<").replace("&gt;", ">").replace("*", "") in browser.text_of("//li[1]")
    assert HOSTILE[:120] in browser.text_of("//li[2]//h2")
    assert browser.text_of("//li[2]//button") == "<b>Go</b>"
    assert "the end <script>window.taken = 1</script> <img src=x" in browser.text_of("//li[2]")
    assert browser.run("return window.taken === undefined")
    assert (
        browser.run("return document.querySelectorAll('li script, li img, li a, li b[onmouseover]').length")
        == 0
    )


def test_mrkdwn_is_built_from_elements(browser: Browser, chat: RunningChat, web: WebClient) -> None:
    text = (
        "*bold* _soft_ ~gone~ `a &lt; b`\nnew line <https://x.org/?a=1&amp;b=2|a page> <@U0ANN>\n"
        "```\n*not* bold\n```"
    )
    web.chat_postMessage(channel="C0OPS", text=text)
    browser.open(chat.url)
    assert "bold soft gone a < b\nnew line a page @U0ANN\n*not* bold" in browser.text_of("//li")
    tags = ("strong", "em", "s", "code", "pre")
    assert [browser.text_of(f"//li//{tag}") for tag in tags] == [
        "bold",
        "soft",
        "gone",
        "a < b",
        "*not* bold",
    ]
    link = browser.run("const a = document.querySelector('li a'); return [a.href, a.rel, a.textContent]")
    assert link == ["https://x.org/?a=1&b=2", "noopener noreferrer", "a page"]


def test_the_page_follows_the_conversation(
    browser: Browser, chat: RunningChat, web: WebClient, client: ChatClient
) -> None:
    browser.open(chat.url)
    assert "Nothing has been posted yet" in browser.text_of("//*[@id='empty']")
    posted = web.chat_postMessage(channel="C0OPS", text="Approve?")
    browser.text_of("//li[contains(., 'Approve?')]")
    web.chat_update(channel="C0OPS", ts=posted["ts"], text="Approved")
    assert "edited" in browser.text_of("//li[contains(., 'Approved')]")
    web.chat_postEphemeral(channel="C0OPS", user="U0ANN", text="psst")
    assert "only U0ANN sees it" in browser.text_of("//li[contains(., 'psst')]")
    assert browser.run("return document.querySelectorAll('li').length") == 2
    client.clear()
    web.chat_postMessage(channel="C0OPS", text="a new beginning")
    browser.text_of("//li[contains(., 'a new beginning')]")
    assert browser.run("return document.querySelectorAll('li').length") == 1


def test_each_channel_has_its_own_conversation(browser: Browser, chat: RunningChat, web: WebClient) -> None:
    web.chat_postMessage(channel="C0OPS", text="for ops")
    web.chat_postMessage(channel="C0SHOP", text="for the shop")
    browser.open(chat.url)
    assert browser.text_of("//nav/a[@aria-current]") == "C0OPS"
    assert "for ops" in browser.text_of("//li[not(@hidden)]")
    browser.open(f"{chat.url}/#C0SHOP")
    assert "for the shop" in browser.text_of("//li[@data-channel='C0SHOP' and not(@hidden)]")
    assert browser.run("return document.querySelectorAll('li:not([hidden])').length") == 1


@pytest.mark.parametrize(("width", "height"), [(360, 740), (1280, 800)])
def test_it_fits_a_phone_and_a_desk_by_day_and_by_night(
    browser: Browser, chat: RunningChat, web: WebClient, width: int, height: int
) -> None:
    web.chat_postMessage(channel="C0OPS", text="long " + "x" * 300 + "\n```\n" + "y" * 300 + "\n```")
    paper = {}
    for scheme in ("light", "dark"):
        browser.emulate(width=width, height=height, scheme=scheme)
        browser.open(chat.url)
        browser.text_of("//li")
        assert browser.run("return document.documentElement.scrollWidth") == width
        paper[scheme] = browser.run("return getComputedStyle(document.body).backgroundColor")
    assert paper == {"light": "rgb(255, 255, 255)", "dark": "rgb(23, 25, 28)"}


def test_nothing_breaks_the_pages_own_policy(browser: Browser, chat: RunningChat, web: WebClient) -> None:
    web.chat_postMessage(channel="C0OPS", text="here")
    browser.call("POST", "/se/log", {"type": "browser"})  # what earlier tests left
    browser.open(chat.url)
    browser.text_of("//li[contains(., 'here')]")
    assert browser.call("POST", "/se/log", {"type": "browser"}) == []
    slipped_in = "const made = document.createElement('script'); made.textContent = 'window.taken = 1'; "
    assert browser.run(slipped_in + "document.body.append(made); return window.taken === undefined")


def test_the_policy_allows_what_is_on_the_page_by_its_hash_only() -> None:
    policy = content_security_policy("<style>a{}</style><script>1</script>")
    assert "script-src 'sha256-a4ayc/80/OGda4BO/1o/V0etpOqiLx1JwB5S3beHW0s='" in policy
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
