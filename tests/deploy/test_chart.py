"""The Helm chart: Helm renders it, Kubernetes's schemas accept the result, and wrong combinations are refused."""

import json
import subprocess
from functools import cache

import pytest
import yaml

from clients.environments import environment
from deploy.reading import DEPLOY, ROOT
from deploy.test_files import SETTINGS, lint
from docs.command_lines import parse_understudy
from serving import WAIT

pytestmark = pytest.mark.slow
ALERTS = (DEPLOY / "prometheus" / "alerts.yml").read_text()
CHART = DEPLOY / "helm" / "understudy"
SECRET = {"existingSecret": "understudy", "clustered": True}
BUCKET = {"settings": {"blobs": {"kind": "s3", "bucket": "files", "endpoint": "https://s3.example.com"}}}
VALUES = {
    "one node": {},
    "cluster": SECRET
    | BUCKET
    | {
        "config": '[providers.local]\nbase_url = "http://vllm/v1"\n',
        "nodes": {"replicas": 3, "runJobs": False, "nodeSelector": {"disk": "ssd"}},
        "workers": {"replicas": 2},
        "ingress": {"enabled": True, "tlsSecret": "tls"},
        "networkPolicy": {"fromNamespaces": ["ingress"], "egressPorts": [443, 5432, 6379]},
    },
    "autoscaled": SECRET
    | {
        "persistence": {"sharedClaim": "files"},
        "workers": {"autoscaling": {"enabled": True}, "sandbox": {"enabled": True, "existingClaim": "interpreter"}},
        "metrics": {"enabled": True, "podMonitor": {"enabled": True}},
    },
}
REFUSED = {
    "two nodes on SQLite": ({"nodes": {"replicas": 2}}, "share work through PostgreSQL and Redis"),
    "a worker on SQLite": ({"workers": {"replicas": 1}}, "share work through PostgreSQL and Redis"),
    "a cluster without addresses": ({"clustered": True}, "clustered needs existingSecret"),
    "a cluster without shared files": (SECRET, "The pods of a cluster share files"),
    "a bucket without a name": ({"settings": {"blobs": {"kind": "s3"}}}, "needs settings.blobs.bucket"),
    "nothing that runs jobs": (SECRET | BUCKET | {"nodes": {"runJobs": False}}, "nothing would run"),
    "an unknown value": ({"nodes": {"count": 2}}, "count"),
}


@cache
def report():
    values = VALUES | {name: changes for name, (changes, _) in REFUSED.items()}
    done = subprocess.run(
        [environment("helm").python, ROOT / "tests" / "deploy" / "render_chart.py", CHART],
        input=json.dumps(values),
        capture_output=True,
        text=True,
        timeout=WAIT,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def manifests(name):
    rendered = report()["rendered"][name]
    assert isinstance(rendered, dict), rendered
    texts = [text for path, text in rendered.items() if not path.endswith("NOTES.txt")]
    return [manifest for text in texts for manifest in yaml.safe_load_all(text) if manifest]


def pods(name):
    return [one["spec"]["template"]["spec"] for one in manifests(name) if one["kind"] == "Deployment"]


def test_the_linter_of_helm_finds_nothing_serious():
    assert [message for message in report()["lint"]["messages"] if message["severity"] > 1] == []


@pytest.mark.parametrize("name", VALUES)
def test_kubernetes_accepts_the_manifests(name, tmp_path):
    known = [one for one in manifests(name) if "coreos.com" not in one["apiVersion"]]
    path = tmp_path / "manifests.yaml"
    path.write_text(yaml.safe_dump_all(known))
    lint(environment("deploy").program("kubernetes-validate"), "--strict", "-k", "1.36", path)
    names = [(one["kind"], one["metadata"]["name"]) for one in known]
    assert len(names) == len(set(names))


@pytest.mark.parametrize("name", REFUSED)
def test_values_with_which_servers_would_not_find_each_other_are_refused(name):
    error = report()["rendered"][name]
    assert isinstance(error, str)
    assert REFUSED[name][1] in error


@pytest.mark.parametrize("name", VALUES)
def test_pods_have_existing_settings_and_commands_and_no_privileges(name):
    for pod in pods(name):
        (container,) = pod["containers"]
        assert {one["name"] for one in container["env"]} <= SETTINGS
        assert parse_understudy(container["args"])
        assert container["securityContext"]["readOnlyRootFilesystem"]
        assert not container["securityContext"]["allowPrivilegeEscalation"]
        assert container["securityContext"]["capabilities"] == {"drop": ["ALL"]}
        assert pod["securityContext"]["runAsUser"] >= 10000
        # Else the variables of a service called `understudy` would be taken for settings.
        assert pod["enableServiceLinks"] is False
        (shutdown,) = [one["value"] for one in container["env"] if one["name"] == "UNDERSTUDY_SHUTDOWN_SECONDS"]
        assert pod["terminationGracePeriodSeconds"] > int(shutdown)


def test_only_pods_that_run_code_have_the_loose_profile():
    node, worker = pods("autoscaled")
    assert node["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    assert worker["securityContext"]["seccompProfile"] == {"type": "Unconfined"}
    assert worker["hostUsers"] is False
    assert worker["containers"][0]["securityContext"]["procMount"] == "Unmasked"


def test_workers_scale_by_the_age_of_the_oldest_job():
    (autoscaler,) = [one for one in manifests("autoscaled") if one["kind"] == "HorizontalPodAutoscaler"]
    (metric,) = autoscaler["spec"]["metrics"]
    named = metric["external"]["metric"]
    assert f'{named["name"]}{{queue="{named["selector"]["matchLabels"]["queue"]}"}}' in ALERTS
    (worker,) = [
        one
        for one in manifests("autoscaled")
        if one["metadata"]["name"] == "example-worker" and "template" in one["spec"]
    ]
    assert "replicas" not in worker["spec"]
