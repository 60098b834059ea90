# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""How old a value may be in a play: `ttl`, `refresh_ahead`, `serve_stale` and `idle` as a user sets them, on a real server (J7)."""

from __future__ import annotations

import json
import threading
from contextlib import ExitStack
from urllib.parse import urlsplit

import pytest

from ansible_collections.nebula.credential.plugins.lookup import get
from tests.integration.conducted import conducted
from tests.integration.counted import VALUE, read
from tests.integration.session_runs import eventually
from tests.servers import proxy

WITHOUT = "This run continues without a session"
STALE = "the backend does not respond; the value that was read before is used, for 600 s beyond its TTL at most ('serve_stale')"
CLEARED = "- {name: cleared, nebula.credential.cache: {state: cleared}}\n"


class Distant:
    """The counted store behind a network, and a hand on both: plays have it unplugged and mended, and the secret `a` changed."""

    def __init__(self, project, counted, between, **options):
        self.project, self.counted, self.between = project, counted, between
        url = "http://{0}:{1}".format(between.host, between.port)
        # A refused connection is told at once: repeats are not what is looked at here.
        self.config = counted.configured(**{"url": url, "max_retries": 0, **options})
        project.write("ansible.cfg", "[defaults]\n")

    def unplugged(self):
        self.between.mode = proxy.REFUSE

    def silent(self):
        self.between.mode = proxy.SILENT

    def slow(self):
        """For longer than a session may be silent."""
        self.silent()
        threading.Timer(get.HEARTBEAT_TIMEOUT + 1, self.mended).start()

    def mended(self):
        self.between.mode = proxy.PASS

    def changed(self):
        """Somebody else stores another value."""
        place = self.counted.store.path("a")
        self.counted.server.call("POST", place, {"data": {"password": "another"}})

    def begun(self):
        assert list(self.base.glob("nebula-*/s"))

    def ended(self):
        eventually(lambda: not list(self.base.glob("nebula-*")), "it does not end")

    def play(self, tasks, **session):
        self.project.write("nebula.yml", json.dumps({"default": "prod", "stores": {"prod": self.config}, "session": session}))
        return self.project.play(tasks)


@pytest.fixture
def distant(project, counted):
    with ExitStack() as stack:
        url = urlsplit(counted.server.url)
        store = Distant(project, counted, stack.enter_context(proxy.running(url.hostname, url.port)))
        deeds = {deed: getattr(store, deed) for deed in ("unplugged", "silent", "slow", "mended", "changed", "begun", "ended")}
        store.task = stack.enter_context(conducted(**deeds)).task
        yield store


def sees(value, name="read"):
    """A task that sees a value of `a`."""
    return "- {{name: {0}, ansible.builtin.assert: {{quiet: true, that: \"lookup('nebula.credential.get', 'a') == '{1}'\"}}}}\n".format(
        name, value
    )


UNREACHABLE = "the server cannot be reached"


def fails(name, why=UNREACHABLE):
    """A task whose lookup fails, and one that sees that it did."""
    told = '- {{name: fails {0}, register: failed, ignore_errors: true, ansible.builtin.debug: {{msg: "{{{{ {1} }}}}"}}}}\n'
    text = told.format(name, "lookup('nebula.credential.get', '{0}') | length".format(name))
    return text + "- {{name: it did, ansible.builtin.assert: {{that: [failed is failed, \"'{0}' in failed.msg\"]}}}}\n".format(why)


def test_a_value_is_used_for_its_time_and_then_read_again(distant):
    """What somebody else has changed is seen after `ttl`, or at once after clearing."""
    told = read("a") + "\n" + distant.task("changed")
    distant.play(told + sees(VALUE + "a") + CLEARED + sees("another"), ttl=300).succeeded()
    distant.counted.fill("a")
    distant.play(told + sees("another"), ttl=0.001).succeeded()


@pytest.mark.parametrize("share", [0, 1])
def test_a_value_is_read_again_ahead_of_its_end_while_the_old_one_serves(distant, share):
    """`refresh_ahead: 0` reads with every use, in the background; `1` never does before the end."""
    awaited = """
- name: waiting
  ansible.builtin.debug: {msg: x}
  register: found
  retries: 200
  delay: 0.05
  until: lookup('nebula.credential.get', 'a') == 'another'
- {name: the old one came first, ansible.builtin.assert: {that: found.attempts > 1}}
"""
    told = read("a") + "\n" + distant.task("changed")
    distant.play(told + (awaited if share == 0 else sees(VALUE + "a")), ttl=3600, refresh_ahead=share).succeeded()
    assert distant.counted.logins() == 1
    assert (distant.counted.reads()["a"] == 1) == (share == 1)


def test_a_stale_value_serves_while_the_backend_is_away_if_the_user_allows(distant):
    """With a warning. What was never read fails; what is read again later is what is there then."""
    away = distant.task("unplugged") + sees(VALUE + "a", "stale") + sees(VALUE + "a", "stale") + fails("b")
    back = distant.task("mended") + distant.task("changed") + CLEARED + sees("another") + read("b") + "\n"
    told = "- {name: kept, nebula.credential.cache: {}}\n"
    run = distant.play(read("a") + "\n" + away + told + back, ttl=0.001, serve_stale=600).succeeded()
    assert STALE in " ".join(run.output.split())
    assert run.result("kept")["statistics"]["stale"] == 2
    assert WITHOUT not in run.output
    assert distant.counted.logins() == 1


def test_nothing_stale_is_served_without_leave(distant):
    """After `ttl` the backend has to answer, or the lookup fails."""
    tasks = read("a") + "\n" + distant.task("unplugged") + fails("a") + distant.task("mended") + sees(VALUE + "a")
    run = distant.play(tasks, ttl=0.001).succeeded()
    assert "serve_stale" not in run.output


@pytest.mark.parametrize("how", [pytest.param("unplugged", marks=pytest.mark.long), "silent"])
def test_a_backend_that_goes_away_in_mid_run(distant, how):
    """What was read serves, without a warning; what was not fails with what is wrong; nothing is written; later all is as before."""
    limit, why, code = {"unplugged": (60, UNREACHABLE, "unavailable"), "silent": (5, "did not end within 5 s", "timeout")}[how]
    distant.config.update(read_timeout=limit, write_timeout=limit)
    written = "- {{name: {0}, nebula.credential.credential: {{name: c, type: basic, value: new}}{1}}}\n"
    read_c = "- {name: c is there, ansible.builtin.assert: {that: \"lookup('nebula.credential.get', 'c') == 'new'\"}}\n"
    away = distant.task(how) + read("a") + "\n" + fails("b", why) + written.format("lost", ", ignore_errors: true") + read("a") + "\n"
    back = distant.task("mended") + read("b") + "\n" + written.format("written", "") + read_c
    run = distant.play(read("a") + "\n" + away + back).succeeded()
    assert (run.result("lost")["failed"], run.result("lost")["code"]) == (True, code)
    assert run.result("written")["changed"]
    assert "[WARNING]" not in run.output
    assert distant.counted.logins() == 1
    assert distant.counted.reads()["a"] == 1


def test_a_backend_that_comes_after_the_first_question(distant):
    """What failed is asked for again: neither the login nor the answer that was not there is kept."""
    run = distant.play(distant.task("unplugged") + fails("a") + fails("a") + distant.task("mended") + read("a") + "\n" + read("a"))
    assert WITHOUT not in run.succeeded().output
    assert (distant.counted.logins(), distant.counted.reads()) == (1, {"a": 1})


def test_a_backend_that_is_slow_is_waited_for(distant):
    """A session that works shows so, and is not taken for one that hangs."""
    distant.config.update(read_timeout=60)
    run = distant.play(read("a") + "\n" + distant.task("slow") + read("b") + "\n" + read("a")).succeeded()
    assert "[WARNING]" not in run.output
    assert (distant.counted.logins(), distant.counted.reads()) == (1, {"a": 1, "b": 1})


def test_a_session_that_is_idle_ends_and_the_next_question_starts_another(distant, base, monkeypatch):
    """Nobody is warned of it."""
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(base))
    begun, ended = distant.task("begun"), distant.task("ended")
    distant.base = base
    run = distant.play(read("a") + "\n" + begun + ended + read("a") + "\n" + begun, idle=1).succeeded()
    assert "[WARNING]" not in run.output
    assert (distant.counted.logins(), distant.counted.reads()) == (2, {"a": 2})
