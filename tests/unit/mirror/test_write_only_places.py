# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Copies in places that give no value back: GitHub Actions and GitLab CI, on strict servers."""

from __future__ import annotations

from contextlib import ExitStack

import pytest

from ansible_collections.nebula.credential.plugins.module_utils import errors
from ansible_collections.nebula.credential.plugins.module_utils.model.copies import SYNC
from ansible_collections.nebula.credential.plugins.module_utils.model.mirror import read_mirror
from ansible_collections.nebula.credential.plugins.module_utils.model.scope import NOBODY
from ansible_collections.nebula.credential.plugins.module_utils.model.secret import Secret
from ansible_collections.nebula.credential.plugins.module_utils.operations.dispatch import perform
from ansible_collections.nebula.credential.plugins.module_utils.store.desired import DesiredCredential
from ansible_collections.nebula.credential.plugins.module_utils.store.open import open_store
from tests.servers import github_actions, gitlab_variables
from tests.servers.scripted import Answer

SERVICES = {"github": github_actions, "gitlab": gitlab_variables}
VALUE = "s3cret$value"


class World:
    """A local store with the credential `shop/db-pass`, and a place of a service."""

    def __init__(self, stack, directory, kind):
        self.stack, self.kind = stack, kind
        self.service = stack.enter_context(SERVICES[kind].running())
        self.source = open_store({"backend": "local", "path": str(directory / "main"), "audit": "off"}, name="main")
        self.source.create(DesiredCredential("shop/db-pass", type="basic", value=Secret(VALUE)))
        self.place = self.open()

    def open(self, **options):
        config = {"backend": self.kind, "audit": "off", "max_retries": 1, "base_delay": 0.01, **self.service.options, **options}
        place = open_store(config, name="ci")
        self.stack.callback(place.close)
        return place

    def sync(self, names=None, check=False, mirror=None, **options):
        entry = read_mirror({"to": "ci", **(mirror or {"prefix": "shop/"})})
        parameters = {"mirror": entry.write(), "names": names, **options}
        return perform(self.source, SYNC, parameters, NOBODY, check, beside={"to": self.place}).result

    def row(self, *arguments, **options):
        return self.sync(*arguments, **options)["results"][0]

    def value(self, name="SHOP_DB_PASS"):
        return self.service.open(name) if self.kind == "github" else self.service.of_project[name, "*"]["value"]


@pytest.fixture
def make(tmp_path):
    with ExitStack() as stack:
        yield lambda kind: World(stack, tmp_path, kind)


BOTH = pytest.mark.parametrize("kind", SERVICES)


@BOTH
def test_a_copy_is_written_under_a_name_of_the_place_once(make, kind):
    world = make(kind)
    assert (world.row()["action"], world.row()["to"]) == ("create", "SHOP_DB_PASS")
    assert world.value() == VALUE
    assert world.row()["action"] == "nothing"
    world.source.ensure(DesiredCredential("shop/db-pass", value=Secret("another-value")))
    assert world.row(["shop/db-pass"])["action"] == "update"
    assert world.value() == "another-value"


@BOTH
def test_in_check_mode_nothing_is_written(make, kind):
    world = make(kind)
    assert world.row(check=True)["action"] == "create"
    assert not [each for each in world.service.server.asked if each.method != "GET"]


@BOTH
@pytest.mark.parametrize(
    "use",
    [
        lambda place: place.get("SHOP_DB_PASS"),
        lambda place: place.versions("SHOP_DB_PASS"),
        lambda place: place.ensure(DesiredCredential("SHOP_DB_PASS", value=Secret("by hand"))),
        lambda place: place.create(DesiredCredential("SHOP_DB_PASS", value=Secret("by hand"))),
        lambda place: perform(place, "get", {"name": "SHOP_DB_PASS"}, NOBODY),
    ],
)
def test_a_value_is_neither_read_from_there_nor_written_by_hand(make, kind, use):
    world = make(kind)
    world.sync()
    with pytest.raises(errors.WriteOnly, match="gives no value back"):
        use(world.place)
    assert world.value() == VALUE


@BOTH
def test_every_credential_of_a_store_is_never_written_there(make, kind):
    world = make(kind)
    parameters = {"mirror": {"to": "ci"}, "names": None}
    with pytest.raises(errors.InvalidConfiguration, match="every credential of this store would be written"):
        perform(world.source, SYNC, parameters, NOBODY, beside={"to": world.place})


@BOTH
def test_a_value_that_no_sync_has_recorded_stays(make, kind):
    world = make(kind)
    if kind == "github":
        world.service.change("SHOP_DB_PASS", "by hand")
    else:
        world.service.of_project["SHOP_DB_PASS", "*"] = {"key": "SHOP_DB_PASS", "value": "by hand", "environment_scope": "*"}
    assert world.row()["code"] == "drift"
    assert world.value() == "by hand"
    assert world.row(overwrite_drift=True)["action"] == "update"
    assert world.value() == VALUE


def test_a_secret_of_github_that_was_written_since_is_drift(make):
    world = make("github")
    world.sync()
    world.service.change("SHOP_DB_PASS", "by hand")
    assert world.row()["code"] == "drift"


def test_a_secret_of_github_that_was_written_since_is_not_removed(make):
    world = make("github")
    world.sync()
    world.service.change("SHOP_DB_PASS", "by hand")
    world.source.delete("shop/db-pass")
    assert world.row(on_delete="remove")["code"] == "drift"
    assert world.value() == "by hand"
    assert world.row(on_delete="remove", overwrite_drift=True)["action"] == "remove"


@pytest.mark.parametrize("step", ["PATCH", "POST", "PUT", "GET /repos/shop/web/actions/secrets/SHOP"])
def test_a_run_that_ends_between_two_requests_to_github_is_mended_by_the_next(make, step):
    world = make("github")
    world.place = world.open(max_retries=0)
    world.service.fails_at = step
    first = world.row()
    assert (first["failed"], first.get("code")) in ((True, "unavailable"), (False, None))
    assert not world.row()["failed"]
    assert (world.value(), world.row()["action"]) == (VALUE, "nothing")


@BOTH
def test_a_deleted_or_revoked_source_has_its_copy_removed_if_that_is_wanted(make, kind):
    world = make(kind)
    world.sync()
    world.source.revoke("shop/db-pass")
    assert world.row()["action"] == "keep"
    world.source.delete("shop/db-pass")
    assert world.row(on_delete="remove")["action"] == "remove"
    assert world.sync()["results"] == []


@BOTH
def test_two_credentials_with_one_name_there_are_both_refused(make, kind):
    world = make(kind)
    world.source.create(DesiredCredential("shop/db_pass", value=Secret(VALUE)))
    assert [row["code"] for row in world.sync()["results"]] == ["duplicate", "duplicate"]
    names = {"shop/db-pass": None, "shop/db_pass": "OTHER"}
    assert [row["action"] for row in world.sync(mirror={"names": names})["results"]] == ["create", "create"]


@pytest.mark.parametrize("name", ["1ST", "GITHUB_X", "lower", "A-B"])
def test_a_name_that_github_does_not_take_is_refused_before_a_request(make, name):
    world = make("github")
    row = world.row(["shop/db-pass"], mirror={"names": {"shop/db-pass": name}})
    assert (row["code"], "is no name that it can have there" in row["msg"]) == ("invalid_input", True)
    assert not [each for each in world.service.server.asked if each.method != "GET"]


def test_a_value_that_is_too_large_is_refused_before_a_request(make):
    world = make("github")
    world.source.ensure(DesiredCredential("shop/db-pass", value=Secret("x" * (48 * 1024 + 1))))
    assert world.row()["code"] == "too_large"
    assert not [each for each in world.service.server.asked if each.method != "GET"]


@pytest.mark.parametrize("value", ["short", "with a space in it", "two\nlines of text"])
def test_a_value_that_gitlab_cannot_mask_is_refused_unless_that_is_written_out(make, value):
    world = make("gitlab")
    world.source.ensure(DesiredCredential("shop/db-pass", value=Secret(value)))
    row = world.row()
    assert (row["code"], value in row["msg"], world.service.of_project) == ("invalid_input", False, {})
    world.place = world.open(masked=False)
    assert world.row()["action"] == "create"


def test_a_variable_of_gitlab_is_masked_protected_and_literal(make):
    world = make("gitlab")
    world.sync()
    row = world.service.of_project["SHOP_DB_PASS", "*"]
    assert (row["masked"], row["protected"], row["raw"]) == (True, True, True)


def test_an_environment_of_gitlab_has_a_variable_of_its_own(make):
    world = make("gitlab")
    world.sync()
    world.place = world.open(environment_scope="prod/*")
    assert world.row()["action"] == "create"
    assert set(world.service.of_project) == {("SHOP_DB_PASS", "*"), ("SHOP_DB_PASS", "prod/*")}


@pytest.mark.parametrize(
    ("options", "base"),
    [
        ({"environment": "prod"}, "/repos/shop/web/environments/prod"),
        ({"repository": None, "organization": "shop"}, "/orgs/shop/actions"),
    ],
)
def test_github_has_secrets_of_environments_and_organizations(make, options, base):
    world = make("github")
    world.place = world.open(**options)
    assert world.row()["action"] == "create"
    assert world.service.open("SHOP_DB_PASS", base) == VALUE


ORGANIZATION = {"repository": None, "organization": "shop"}


def test_the_repositories_that_were_selected_for_a_secret_of_an_organization_stay(make):
    world = make("github")
    world.place = world.open(**ORGANIZATION, visibility="selected")
    world.sync()
    world.service.select("SHOP_DB_PASS", 7, 8)
    world.source.ensure(DesiredCredential("shop/db-pass", value=Secret("another-value")))
    assert world.row()["action"] == "update"
    row = world.service.secrets["/orgs/shop/actions"]["SHOP_DB_PASS"]
    assert (row["visibility"], row["selected"]) == ("selected", [7, 8])


def test_a_sync_shows_a_secret_of_an_organization_to_no_more_repositories_than_a_person_has_selected(make):
    world = make("github")
    world.place = world.open(**ORGANIZATION)
    world.sync()
    world.service.select("SHOP_DB_PASS", 7)
    world.source.ensure(DesiredCredential("shop/db-pass", value=Secret("another-value")))
    row = world.row()
    assert (row["code"], "its 'visibility' there is 'selected', and that of this store is 'private'" in row["msg"]) == ("drift", True)
    assert world.row(overwrite_drift=True)["action"] == "update"
    assert world.row()["action"] == "nothing"


def test_a_secret_that_github_shows_as_it_was_before_the_write_is_no_drift_later(make):
    world = make("github")
    world.sync()
    world.source.ensure(DesiredCredential("shop/db-pass", value=Secret("another-value")))
    world.service.lags = True
    world.sync()
    world.service.lags = False
    assert world.row()["action"] == "nothing"
    world.service.change("SHOP_DB_PASS", "by hand")
    assert world.row()["code"] == "drift"


def _limit_at(seconds, now):
    return {"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": str(int(now.timestamp()) + seconds)}


@pytest.mark.parametrize("status", [403, 429])
def test_a_used_up_limit_of_github_says_when_the_next_request_is_taken(make, status):
    world = make("github")
    world.service.refusal = Answer(status, {"message": "API rate limit exceeded"}, _limit_at(1700, world.service.now))
    with pytest.raises(errors.Unavailable, match="limits the rate of requests, and takes the next one in 1700 s"):
        world.sync()


def test_a_secondary_limit_of_github_that_only_its_text_names_is_no_denial(make):
    world = make("github")
    text = "You have exceeded a secondary rate limit. Please wait a few minutes before you try again."
    world.service.refusal = Answer(403, {"message": text}, {"X-RateLimit-Remaining": "4711"})
    with pytest.raises(errors.Unavailable, match="takes the next one in 60 s"):
        world.sync()
    world.service.refusal = Answer(403, {"message": "Resource not accessible by personal access token"})
    with pytest.raises(errors.AccessDenied):
        world.sync()


GROUP = {"project": None, "group": "shop", "environment_scope": "prod/*"}


def test_a_group_of_gitlab_that_has_no_environments_gets_no_value_for_all_of_them(make):
    world = make("gitlab")
    world.service.ignored = {"environment_scope"}
    world.place = world.open(**GROUP)
    row = world.row()
    assert (row["code"], "without 'environment_scope'; it was deleted at once" in row["msg"]) == ("storage", True)
    assert world.service.of_group == {}


def test_a_variable_of_other_environments_in_gitlab_is_not_written(make):
    world = make("gitlab")
    world.service.of_group["SHOP_DB_PASS", "*"] = {"key": "SHOP_DB_PASS", "value": "by hand", "environment_scope": "*"}
    world.place = world.open(**GROUP)
    assert world.row()["action"] == "create"
    assert world.service.of_group["SHOP_DB_PASS", "*"]["value"] == "by hand"


@pytest.mark.parametrize("part", ["raw", "description", "masked", "protected"])
def test_a_gitlab_that_ignores_a_part_of_a_variable_does_not_keep_it(make, part):
    world = make("gitlab")
    world.source.ensure(DesiredCredential("shop/db-pass", value=Secret("plain-value")))
    world.service.ignored = {part}
    row = world.row()
    assert (row["code"], repr(part) in row["msg"], "plain-value" in row["msg"]) == ("storage", True, False)
    assert world.service.of_project == {}


def test_a_variable_that_gitlab_hides_is_updated(make):
    world = make("gitlab")
    world.sync()
    world.service.of_project["SHOP_DB_PASS", "*"]["hidden"] = True
    world.source.ensure(DesiredCredential("shop/db-pass", value=Secret("another-value")))
    assert world.row()["action"] == "update"
    assert world.value() == "another-value"


@BOTH
def test_a_text_of_several_lines_arrives_as_it_is(make, kind):
    world = make(kind)
    world.place = world.open(**({"masked": False} if kind == "gitlab" else {}))
    world.source.ensure(DesiredCredential("shop/db-pass", value=Secret("one\n\ntwo \n")))
    assert world.row()["action"] == "create"
    assert world.value() == "one\n\ntwo \n"


@BOTH
def test_syncs_of_two_stores_to_one_place_do_not_delete_what_the_other_has_written(make, kind, tmp_path):
    world = make(kind)
    other = open_store({"backend": "local", "path": str(tmp_path / "other"), "audit": "off"}, name="other")
    other.create(DesiredCredential("shop/key", value=Secret("k3y-of-the-other")))
    world.sync(on_delete="remove")
    parameters = {"mirror": {"to": "ci", "prefix": "shop/"}, "names": None, "on_delete": "remove"}
    perform(other, SYNC, parameters, NOBODY, beside={"to": world.place})
    world.sync(on_delete="remove")
    assert (world.value(), world.value("SHOP_KEY")) == (VALUE, "k3y-of-the-other")


@BOTH
def test_what_another_run_creates_first_is_written_over(make, kind):
    world = make(kind)
    answer = world.service.server.script

    def answer_late(request):
        if request.method == "POST":
            world.service.server.script = answer
            world.sync()
        return answer(request)

    world.service.server.script = answer_late
    assert not world.row()["failed"]
    assert (world.value(), world.row()["action"]) == (VALUE, "nothing")


@BOTH
def test_a_refused_token_is_named_and_not_shown(make, kind):
    world = make(kind)
    world.place = world.open(token="wr0ng-token")
    with pytest.raises(errors.LoginFailed, match="does not accept the login") as caught:
        world.sync()
    assert "wr0ng" not in str(caught.value)


@BOTH
def test_a_server_that_gives_the_first_page_again_and_again_is_refused(make, kind):
    world = make(kind)
    for number in range(101):
        world.source.create(DesiredCredential("shop/n{0}".format(number), value=Secret("value-{0:08}".format(number))))
    world.sync()
    world.service.ignores_pages = True
    with pytest.raises(errors.StorageError, match=r"what responds at .* is not Git"):
        world.sync()


@BOTH
def test_more_copies_than_a_page_are_all_found(make, kind):
    world = make(kind)
    for number in range(105):
        world.source.create(DesiredCredential("shop/n{0}".format(number), value=Secret("value-{0:08}".format(number))))
    assert [world.sync()["counts"] for _turn in range(2)] == [{"create": 106}, {"nothing": 106}]
