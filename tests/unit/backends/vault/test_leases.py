# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Leases in memory: one request however many ask, renewed in time, another one where that does not do, revoked at the end."""

from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from ansible_collections.nebula.credential.plugins.module_utils.backends.vault.lease import read_lease
from ansible_collections.nebula.credential.plugins.module_utils.backends.vault.lease_manager import Leases, Server
from ansible_collections.nebula.credential.plugins.module_utils.context import deadline
from ansible_collections.nebula.credential.plugins.module_utils.errors import (
    AccessDenied,
    LoginFailed,
    NotFound,
    StorageError,
    Timeout,
    Unavailable,
)

HOUR = 3600.0


class World:
    """A server that leases, a clock that the test moves, and what was asked and warned."""

    def __init__(self, seconds=HOUR, renewable=True, **options):
        self.seconds, self.renewable, self.logins = seconds, renewable, 1
        self.now, self.asked, self.warnings, self.failing = 1000.0, [], [], {}
        server = Server(obtain=self.obtain, renew=self.renew, revoke=self.revoke, attend=lambda: self.logins)
        self.leases = Leases(server, self.warnings.append, clock=lambda: self.now, **options)

    def asks(self, what):
        self.asked.append(what)
        problem = self.failing.get(what.split()[0])
        if problem is not None:
            raise problem

    def obtain(self, name):
        self.asks("obtain " + name)
        count = sum(one.startswith("obtain") for one in self.asked)
        given = {"username": "v-{0}-{1}".format(name, count), "password": "p{0}".format(count)}
        return {"lease_id": "creds/{0}/{1}".format(name, count), "lease_duration": self.seconds, "renewable": self.renewable, "data": given}

    def renew(self, lease_id):
        self.asks("renew " + lease_id)
        return {"lease_id": lease_id, "lease_duration": self.seconds, "renewable": True, "data": None}

    def revoke(self, lease_id):
        self.asks("revoke " + lease_id)

    def user(self, name="app"):
        return self.leases.get(name).fields["username"].expose().decode()


def test_one_request_serves_every_field_and_everybody_who_asks():
    world = World()
    both = [world.leases.get("app").fields[field].expose() for field in ("username", "password")]
    assert both == [b"v-app-1", b"p1"]
    assert world.asked == ["obtain app"]


def test_one_request_is_made_however_many_threads_ask_at_once():
    world, gate = World(), threading.Barrier(16)

    def ask(_each):
        gate.wait()
        return world.user()

    with ThreadPoolExecutor(16) as pool:
        assert set(pool.map(ask, range(16))) == {"v-app-1"}
    assert world.asked == ["obtain app"]


def test_names_do_not_wait_for_each_other():
    world, entered, go_on = World(), threading.Event(), threading.Event()
    obtain = world.obtain

    def slow(name):
        if name == "slow":
            entered.set()
            go_on.wait(60)
        return obtain(name)

    world.leases._server = world.leases._server._replace(obtain=slow)
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(world.user, "slow")
        assert entered.wait(60)
        assert world.user("quick") == "v-quick-1"
        with deadline.within(0.1, "get"), pytest.raises(Timeout, match=r"get did not end within 0\.1 s"):
            world.user("slow")
        go_on.set()
        assert waiting.result(60) == "v-slow-2"


@pytest.mark.parametrize(("seconds", "margin"), [(300.0, 100.0), (HOUR, 1200.0), (24 * HOUR, HOUR)])
def test_a_lease_is_renewed_when_a_third_or_an_hour_is_left(seconds, margin):
    world = World(seconds)
    world.user()
    world.now += seconds - margin - 1
    assert world.user() == "v-app-1"
    assert world.asked == ["obtain app"]
    world.now += 1
    assert world.user() == "v-app-1"
    world.now += seconds - margin - 1
    assert world.user() == "v-app-1"
    assert world.asked == ["obtain app", "renew creds/app/1"]


def test_renewing_moves_the_end_and_keeps_version_and_value():
    world = World()
    first = world.leases.get("app").record("default")
    world.now += 3000
    second = world.leases.get("app").record("default")
    assert (second.version, second.full_metadata.created_at) == (first.version, first.full_metadata.created_at)
    assert second.full_metadata.expires_at > first.full_metadata.expires_at
    assert second.fields == first.fields


@pytest.mark.parametrize("refusal", [StorageError("lease not found"), AccessDenied("no"), NotFound("gone")], ids=repr)
def test_a_refused_renewal_gives_way_to_another_lease(refusal):
    world = World()
    world.user()
    world.failing["renew"] = refusal
    world.now += 3000
    assert world.user() == "v-app-2"
    assert world.asked == ["obtain app", "renew creds/app/1", "obtain app"]


def test_where_the_longest_time_is_near_another_lease_is_taken():
    world = World()
    world.user()
    world.now, world.seconds = world.now + 3000, 600  # all that the server has left to give
    assert world.user() == "v-app-2"


def test_our_own_longest_time_counts_too():
    world = World(longest=2 * HOUR)
    world.user()
    for _each in range(2):
        world.now += 2500
        assert world.user() in ("v-app-1", "v-app-2")
    assert world.asked == ["obtain app", "renew creds/app/1", "obtain app"]


def test_what_is_not_renewable_is_replaced_before_it_ends():
    world = World(renewable=False)
    world.user()
    world.now += 3000
    assert world.user() == "v-app-2"
    assert world.asked == ["obtain app", "obtain app"]


def test_what_has_no_lease_is_kept_for_as_long_as_it_says_that_it_is_good():
    """A certificate of `pki/issue`, a code, a token of a cloud, a password that changes at set times: their end is in the answer."""
    made = read_lease("web", {"data": {"certificate": "PEM", "ca_chain": ["a"]}}, 0.0)
    assert made.fields["ca_chain"].expose() == b'["a"]'
    assert made.record("default").type == "opaque"
    ends = int(made.created_at.timestamp()) + 900
    written = time.strftime("%Y-%m-%dT%H:%M:%S.123456789Z", time.gmtime(ends))
    for said in ({"expiration": ends}, {"expires_at_seconds": ends}, {"expire_time": written}, {"ttl": 900}):
        assert 880 < read_lease("web", {"lease_id": "", "lease_duration": 0, "data": said}, 0.0).seconds_left(0.0) <= 900, said


class Unleased(World):
    """A server whose answers have no lease."""

    def __init__(self, **said):
        super().__init__()
        self.said = said

    def obtain(self, name):
        return {"lease_id": "", "lease_duration": 0, "data": dict(super().obtain(name)["data"], **self.said)}


def test_what_does_not_say_when_it_ends_is_used_once():
    world = Unleased()
    assert [world.user(), world.user()] == ["v-app-1", "v-app-2"]
    assert world.leases.renew_due() is None
    assert world.asked == ["obtain app", "obtain app"]


@pytest.mark.parametrize("said", [{"expiration": 10**400}, {"ttl": 10**400}, {"expires_at_seconds": 10**309}])
def test_a_number_that_no_float_holds_is_a_time_far_away(said):
    assert read_lease("web", {"lease_id": "", "lease_duration": 0, "data": said}, 0.0).seconds_left(0.0) == 36500 * 86400.0


def test_what_has_no_lease_is_not_requested_again_unless_somebody_reads_it():
    world = Unleased(ttl=30)
    assert [world.user(), world.user()] == ["v-app-1", "v-app-1"]
    world.now += 31
    assert world.leases.renew_due() is None
    assert world.asked == ["obtain app"]
    assert world.user() == "v-app-2"


@pytest.mark.parametrize("problem", [Unavailable("the server is sealed"), Timeout("too late")], ids=repr)
def test_while_the_server_is_away_what_is_still_good_is_served_with_a_warning(problem):
    world = World()
    world.user()
    world.failing = {"renew": problem, "obtain": problem}
    world.now += 3000
    assert [world.user() for _each in range(5)] == ["v-app-1"] * 5
    assert world.asked == ["obtain app", "renew creds/app/1"]
    (warning,) = world.warnings
    assert "it is valid for another 600 s" in warning
    world.now += 30
    world.failing = {}
    assert world.user() == "v-app-1"
    assert world.asked[2:] == ["renew creds/app/1"]


def test_when_it_is_over_and_the_server_is_away_that_is_an_error():
    world = World()
    world.user()
    world.failing = {"renew": Unavailable("down"), "obtain": Unavailable("down")}
    world.now += HOUR
    with pytest.raises(Unavailable):
        world.user()


def test_after_another_login_there_is_another_lease():
    """The server ends what it leased when the token of that login ends."""
    world = World()
    world.user()
    world.logins += 1
    assert world.user() == "v-app-2"
    assert world.asked == ["obtain app", "obtain app"]


def test_somebody_who_stays_is_told_when_to_come_back():
    world = World(300.0)
    assert world.leases.renew_due() is None
    world.user()
    assert world.leases.renew_due() == 30.0
    world.now += 190
    assert world.leases.renew_due() == 10.0
    world.now += 10
    assert world.leases.renew_due() == 30.0
    assert world.asked == ["obtain app", "renew creds/app/1"]


def test_somebody_who_stays_is_warned_when_a_lease_is_over():
    world = World(300.0)
    world.user()
    world.failing = {"renew": Unavailable("down"), "obtain": LoginFailed("the token is spent")}
    world.now += 301
    world.leases.renew_due()
    assert world.warnings == ["the lease of 'app' has ended, and a new one cannot be obtained: the token is spent"]


def test_closing_revokes_everything_once_also_what_was_replaced():
    world = World()
    world.user("app")
    world.user("web")
    world.failing["renew"] = StorageError("refused")
    world.now += 3000
    world.user("app")
    world.asked.clear()
    world.leases.close()
    world.leases.close()
    assert sorted(world.asked) == ["revoke creds/app/1", "revoke creds/app/3", "revoke creds/web/2"]


def test_what_has_ended_by_itself_is_not_revoked():
    world = World()
    world.user()
    world.now += HOUR
    world.leases.close()
    assert world.asked == ["obtain app"]


def test_a_lease_that_cannot_be_revoked_is_told_with_its_end_and_without_its_id():
    world = World()
    world.user("app")
    world.user("web")
    world.failing["revoke"] = Unavailable("the server cannot be reached")
    world.leases.close()
    assert len(world.warnings) == 2
    for warning in world.warnings:
        assert "was not revoked (the server cannot be reached); the server ends it at 20" in warning
        assert "creds/" not in warning


def test_a_lease_tells_no_secret():
    world = World()
    lease = world.leases.get("app")
    assert [word for word in ("creds/app/1", "p1", "v-app-1") if word in repr(lease) + repr(lease.record("t"))] == []


def test_closing_waits_for_what_is_being_leased_just_now():
    world, entered, go_on = World(), threading.Event(), threading.Event()
    obtain = world.obtain

    def slow(name):
        entered.set()
        go_on.wait(60)
        return obtain(name)

    world.leases._server = world.leases._server._replace(obtain=slow)
    with ThreadPoolExecutor(2) as pool:
        asking = pool.submit(world.user)
        assert entered.wait(60)
        closing = pool.submit(world.leases.close)
        go_on.set()
        closing.result(60)
        asking.result(60)
    assert world.asked == ["obtain app", "revoke creds/app/1"]


def test_a_connection_that_breaks_while_revoking_is_tried_once_more():
    world, answers = World(), [Unavailable("the connection ended"), None]
    world.user()

    def breaking(lease_id):
        world.asked.append("revoke " + lease_id)
        problem = answers.pop(0)
        if problem is not None:
            raise problem

    world.leases._server = world.leases._server._replace(revoke=breaking)
    world.leases.close()
    assert world.asked == ["obtain app", "revoke creds/app/1", "revoke creds/app/1"]
    assert world.warnings == []
