"""The console's door: sessions, forms that only its own pages send, errors that people can read."""

import re
import time
from collections.abc import Iterator
from urllib.parse import quote

import httpx
import pytest

from serving import Serving

BROWSER = {"Accept": "text/html", "Sec-Fetch-Site": "same-origin"}


@pytest.fixture
def browser(served: Serving) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=served.url, headers=BROWSER, timeout=30) as found:
        yield found


def log_in(browser: httpx.Client, secret: str, onward: str = "/") -> httpx.Response:
    return browser.post("/login", data={"secret": secret, "next": onward})


def test_who_has_no_session_is_asked_for_a_key_and_led_back(
    served: Serving, browser: httpx.Client
) -> None:
    answer = browser.get("/approvals?agent=support")
    assert answer.status_code == 303
    assert answer.headers["location"] == "/login?next=/approvals%3Fagent%3Dsupport"
    asked = browser.get(answer.headers["location"])
    assert 'value="/approvals?agent=support"' in asked.text
    assert log_in(browser, served.key("all"), "/ledger").headers["location"] == "/ledger"


def test_a_session_opens_what_its_key_opens(served: Serving, browser: httpx.Client) -> None:
    answer = log_in(browser, served.key("read"))
    cookie = answer.headers["set-cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=strict" in cookie
    assert "ak_" not in cookie
    assert browser.get("/v1/agents").status_code == 200
    refused = browser.get("/stop/confirm?scope=*")
    assert refused.status_code == 403
    assert "text/html" in refused.headers["content-type"]


def test_a_session_is_for_looking_at_the_api_and_not_for_changing(
    served: Serving, browser: httpx.Client
) -> None:
    log_in(browser, served.key("all"))
    headers = {"Accept": "application/json"}
    assert browser.post("/v1/stop", json={"scope": "*"}, headers=headers).status_code == 401


def test_a_session_ends_with_its_key(served: Serving, browser: httpx.Client) -> None:
    log_in(browser, served.key("all"))
    listed = served.home.cli("key", "list", "--json").check().out
    newest = max(re.findall(r'"id": "(key_\w+)"', listed))
    assert browser.get("/v1/agents").status_code == 200
    served.home.cli("key", "revoke", newest, "--by", "olga@acme.example").check()
    time.sleep(1.1)
    assert browser.get("/v1/agents").status_code == 303


def test_a_session_ends_when_it_is_told_to(served: Serving, browser: httpx.Client) -> None:
    log_in(browser, served.key("all"))
    refused = browser.post("/logout", data={"csrf": "another"})
    assert refused.status_code == 403
    found = re.search(r'name="csrf" value="(\w+)"', browser.get("/stop").text)
    assert found is not None
    assert browser.post("/logout", data={"csrf": found[1]}).headers["location"] == "/login"
    assert browser.get("/v1/agents").status_code == 303


@pytest.mark.parametrize(
    "headers",
    [
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "", "Origin": "http://elsewhere.example"},
        {"Sec-Fetch-Site": "none"},
    ],
)
def test_a_form_of_another_site_is_refused(
    served: Serving, browser: httpx.Client, headers: dict[str, str]
) -> None:
    assert log_in(browser, served.key("all")).status_code == 303
    answer = browser.post("/login", data={"secret": "ak_x"}, headers=headers)
    assert answer.status_code == 403


def test_a_form_without_its_sessions_word_is_refused(
    served: Serving, browser: httpx.Client
) -> None:
    log_in(browser, served.key("all"))
    said = {"scope": "*", "mode": "pause", "on": "1"}
    assert browser.post("/stop", data=said).status_code == 403
    assert browser.post("/stop", data=said | {"csrf": "guessed"}).status_code == 403
    assert browser.get("/v1/stop").json() == []


@pytest.mark.parametrize(
    "onward", ["//elsewhere.example", "https://elsewhere.example", "/\\elsewhere", "javascript:x"]
)
def test_a_login_leads_to_no_other_site(
    served: Serving, browser: httpx.Client, onward: str
) -> None:
    assert log_in(browser, served.key("all"), onward).headers["location"] == "/"


@pytest.mark.parametrize("onward", ["http://[", "//[x", "/\0", "x", "/\ud800"])
def test_whatever_a_login_is_to_lead_to_its_page_is_shown(
    browser: httpx.Client, onward: str
) -> None:
    named = quote(onward, errors="surrogatepass")
    asked = browser.get(f"/login?next={named}")
    assert asked.status_code == 200
    assert 'name="next" value="/' in asked.text


def test_a_wrong_key_is_refused_on_the_page_and_slowed(browser: httpx.Client) -> None:
    found = [log_in(browser, f"ak_wrong{n}").status_code for n in range(12)]
    assert found[0] == 401
    assert found[-1] == 429
