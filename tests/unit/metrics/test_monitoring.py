# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The dashboard and the alert rules ask for what stores really export: each metric, label and code in them is in the text of a real run."""

from __future__ import annotations

import json
import re

import promql_parser
import pytest
import yaml
from prometheus_client.parser import text_string_to_metric_families

from ansible_collections.nebula.credential.plugins.module_utils import errors
from ansible_collections.nebula.credential.plugins.module_utils.errors import NotFound, Unavailable
from ansible_collections.nebula.credential.plugins.module_utils.layers.cache.layer import Cache, CacheTerms
from ansible_collections.nebula.credential.plugins.module_utils.layers.observer import BREAKER_STATES
from ansible_collections.nebula.credential.plugins.module_utils.store.open import open_store
from tests.conftest import CHECKOUT
from tests.unit.store.managing import ask, create

FOLDER = CHECKOUT / "docs" / "monitoring"
RULES = [
    rule for group in yaml.safe_load((FOLDER / "prometheus-rules.yml").read_text(encoding="utf-8"))["groups"] for rule in group["rules"]
]
DASHBOARD = json.loads((FOLDER / "grafana-dashboard.json").read_text(encoding="utf-8"))
PANELS = [(panel["title"], target["expr"]) for panel in DASHBOARD["panels"] for target in panel["targets"]]
QUERIES = [*((rule["alert"], rule["expr"]) for rule in RULES), *PANELS]
CODES = {"ok", *(kind.code for kind in vars(errors).values() if isinstance(kind, type) and hasattr(kind, "code"))}
OF_A_SCRAPE = {"job", "instance"}


@pytest.fixture(scope="module")
def exported(tmp_path_factory):
    """The labels of each metric that two stores export: one that works and has a cache, one whose server is not there."""
    place = tmp_path_factory.mktemp("stores")
    cached = open_store(
        {"backend": "local", "path": str(place / "store"), "key_sources": [{"source": "key_file", "path": str(place / "key")}]},
        cache=lambda backend, count: Cache(backend, CacheTerms(), lambda work: work(), count),
    )
    create(cached)
    for _time in range(2):
        ask(cached, "get", name="db")
    with pytest.raises(NotFound):
        ask(cached, "get", name="other")
    down = {"max_retries": 1, "base_delay": 0.01, "breaker_failures": 1, "audit_path": str(place / "audit.jsonl")}
    gone = open_store({"backend": "vault", "url": "http://127.0.0.1:1", "auth": {"token": "t"}, **down}, name="gone")
    with pytest.raises(Unavailable):
        ask(gone, "get", name="db")
    texts = [ask(store, "store_info", prometheus=True).result["prometheus"] for store in (cached, gone)]
    cached.close()
    gone.close()
    found = {}
    for family in (family for text in texts for family in text_string_to_metric_families(text)):
        for sample in family.samples:
            found.setdefault(sample.name, set()).update(sample.labels)
    return found


def parse(query):
    """A query with Grafana's variables replaced, as its parser reads it."""
    return promql_parser.parse(re.sub(r"\$__(rate_interval|range)", "5m", query))


def list_parts(expression):
    """An expression and all below it."""
    yield expression
    for name in ("expr", "lhs", "rhs", "vector_selector"):
        below = getattr(expression, name, None)
        if below is not None:
            yield from list_parts(below)
    for argument in getattr(expression, "args", None) or ():
        yield from list_parts(argument)


def list_selectors(query):
    return [part for part in list_parts(parse(query)) if isinstance(part, promql_parser.VectorSelector)]


def list_matchers(query):
    return [(matcher.name, matcher.value) for selector in list_selectors(query) for matcher in selector.matchers.matchers]


@pytest.mark.parametrize(("title", "query"), QUERIES)
def test_each_metric_and_label_of_a_query_is_exported(exported, title, query):
    selectors = list_selectors(query)
    assert selectors, title
    assert [selector.name for selector in selectors if selector.name not in exported] == []
    for selector in selectors:
        assert {matcher.name for matcher in selector.matchers.matchers} <= exported[selector.name]
    known = set.union(*(exported[selector.name] for selector in selectors)) | OF_A_SCRAPE
    grouped = [part.modifier for part in list_parts(parse(query)) if isinstance(part, promql_parser.AggregateExpr) and part.modifier]
    assert {label for modifier in grouped for label in modifier.labels} <= known


def test_what_the_page_of_metrics_names_is_exported(exported):
    page = (CHECKOUT / "docs" / "advanced" / "metrics.md").read_text(encoding="utf-8")
    named = set(re.findall(r"^\| .*?(nebula_credential_\w+)", page, re.MULTILINE))
    assert {name for name in named if name not in exported and name + "_bucket" not in exported} == set()


@pytest.mark.parametrize(("title", "query"), QUERIES)
def test_each_result_and_state_of_a_query_exists(title, query):
    results = {word for label, value in list_matchers(query) if label == "result" for word in value.split("|")}
    states = {value for label, value in list_matchers(query) if label == "state"}
    assert results <= CODES, title
    assert states <= set(BREAKER_STATES), title


def test_each_alert_says_what_happened_what_to_do_and_of_which_store():
    assert [rule["alert"] for rule in RULES if not {"summary", "description"} <= set(rule["annotations"])] == []
    assert [rule["alert"] for rule in RULES if "$labels.store" not in rule["annotations"]["summary"]] == []
    assert {rule["labels"]["severity"] for rule in RULES} == {"warning", "critical"}


def test_panels_of_the_dashboard_do_not_overlap_and_ask_the_chosen_data_source():
    places = set()
    for panel in DASHBOARD["panels"]:
        grid = panel["gridPos"]
        area = {(x, y) for x in range(grid["x"], grid["x"] + grid["w"]) for y in range(grid["y"], grid["y"] + grid["h"])}
        assert not places & area, panel["title"]
        assert max(x for x, _y in area) < 24
        assert panel["datasource"]["uid"] == "${datasource}"
        places |= area
