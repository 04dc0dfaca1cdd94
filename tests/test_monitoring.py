"""The dashboard, the alert rules and the queries of the guide: each parses, and names only metrics that a scrape has."""

import json
import re
from pathlib import Path

import promql_parser
import pytest
import yaml

from understudy.engine.metrics.families import FAMILIES

ROOT = Path(__file__).resolve().parents[1]
GUIDE = (ROOT / "docs" / "guides" / "observability.md").read_text("utf-8")
RULES = yaml.safe_load((ROOT / "deploy" / "prometheus" / "alerts.yml").read_text("utf-8"))["groups"][0]["rules"]
DASHBOARD = json.loads((ROOT / "deploy" / "grafana" / "understudy.json").read_text("utf-8"))
PANELS = [panel for panel in DASHBOARD["panels"] if panel["type"] != "row"]
# Of the client library, which tests/e2e/test_metrics.py finds in a scrape, and of Prometheus itself.
OTHERS = {
    "up",
    "process_start_time_seconds",
    "process_cpu_seconds_total",
    "process_resident_memory_bytes",
    "process_open_fds",
    "process_max_fds",
}
TARGET_LABELS = {"job", "instance"}


def list_samples():
    """The labels of each sample."""
    samples = dict.fromkeys(OTHERS, TARGET_LABELS)
    for family in FAMILIES:
        labels = {*family.labels, *TARGET_LABELS}
        if family.kind == "histogram":
            samples[f"{family.sample_name}_bucket"] = labels | {"le"}
            samples |= dict.fromkeys([f"{family.sample_name}_sum", f"{family.sample_name}_count"], labels)
        else:
            samples[family.sample_name] = labels
    return samples


SAMPLES = list_samples()


def selectors(node):
    """The selectors of an expression."""
    if isinstance(node, promql_parser.VectorSelector):
        yield node
    for name in ("lhs", "rhs", "expr", "vector_selector", "param"):
        if (part := getattr(node, name, None)) is not None:
            yield from selectors(part)
    for part in getattr(node, "args", ()):
        yield from selectors(part)


def check(expression):
    expression = expression.replace("$__rate_interval", "5m")
    found = list(selectors(promql_parser.parse(expression)))
    assert found, expression
    for selector in found:
        assert selector.name in SAMPLES, expression
        labels = {matcher.name for matcher in selector.matchers.matchers}
        assert labels <= SAMPLES[selector.name], expression
    grouped = {label for text in re.findall(r"by \(([^)]*)\)", expression) for label in text.split(", ")}
    assert grouped <= set().union(*(SAMPLES[selector.name] for selector in found)), expression


@pytest.mark.parametrize("rule", RULES, ids=[rule["alert"] for rule in RULES])
def test_an_alert_reads_metrics_that_exist_and_the_guide_explains_it(rule):
    check(rule["expr"])
    assert rule["labels"]["severity"] in {"warning", "critical"}
    page, _, anchor = rule["annotations"]["runbook_url"].partition("#")
    assert page == "https://understudy.example/docs/guides/observability/"
    assert anchor == rule["alert"].lower()
    assert f"#### {rule['alert']}\n" in GUIDE
    labels = set(re.findall(r"\$labels\.(\w+)", rule["annotations"]["summary"]))
    assert labels <= set().union(*(SAMPLES[one.name] for one in selectors(promql_parser.parse(rule["expr"]))))


def test_the_guide_explains_no_alert_that_is_not_there():
    assert re.findall(r"^#### (Understudy\w+)$", GUIDE, re.MULTILINE) == [rule["alert"] for rule in RULES]


@pytest.mark.parametrize("panel", PANELS, ids=[panel["title"] for panel in PANELS])
def test_a_panel_of_the_dashboard_reads_metrics_that_exist(panel):
    for target in panel["targets"]:
        check(target["expr"])
        labels = set(re.findall(r"{{(\w+)}}", target["legendFormat"]))
        found = selectors(promql_parser.parse(target["expr"].replace("$__rate_interval", "5m")))
        assert labels <= set().union(*(SAMPLES[one.name] for one in found))


def test_the_dashboard_has_every_metric():
    expressions = " ".join(target["expr"] for panel in PANELS for target in panel["targets"])
    missing = [family.sample_name for family in FAMILIES if family.sample_name not in expressions]
    assert missing == []
    assert len({panel["id"] for panel in DASHBOARD["panels"]}) == len(DASHBOARD["panels"])


def test_the_queries_of_the_guide_read_metrics_that_exist():
    queries = re.findall(r"^\| [^|`]+ \| `(.*understudy_.*)` \|$", GUIDE, re.MULTILINE)
    assert len(queries) >= 10
    for query in queries:
        check(query.replace("\\|", "|"))
