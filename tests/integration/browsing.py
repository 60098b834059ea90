# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A person with a browser: fills in the forms of oidc-provider, one after the other, and is sent where the login ends."""

from __future__ import annotations

import re
from html import unescape
from urllib.parse import urljoin

import requests

_INPUT = re.compile(r"<input\b[^>]*>")
_PERSON = {"login": "ada", "password": "of no account", "confirm": "yes"}


def log_in(url, end=None):
    """Log in, and consent. Return the address at which the browser arrived, which begins with `end`; None without one.

    A code for a device is confirmed on the last page.
    """
    with requests.Session() as browser:
        browser.trust_env = False
        answer = browser.get(url, allow_redirects=False, timeout=60)
        for _page in range(20):
            if answer.is_redirect:
                place = urljoin(answer.url, answer.headers["Location"])
                if end is not None and place.startswith(end):
                    return place
                answer = browser.get(place, allow_redirects=False, timeout=60)
            elif "<form" not in answer.text:
                return None
            else:
                answer = browser.post(_action(answer), data=_fields(answer.text), allow_redirects=False, timeout=60)
    raise AssertionError("the login does not end")


def _action(answer):
    return urljoin(answer.url, unescape(re.search(r"<form[^>]* action=\"([^\"]+)\"", answer.text).group(1)))


def _fields(page):
    found = [dict(re.findall(r"([\w-]+)=\"([^\"]*)\"", unescape(each))) for each in _INPUT.findall(page)]
    typed = {each["name"]: _PERSON.get(each["name"], each.get("value", "")) for each in found if "name" in each}
    # The page on which a code is confirmed has a button for that.
    return {**typed, **({"confirm": "yes"} if "xsrf" in typed and "user_code" in typed else {})}
