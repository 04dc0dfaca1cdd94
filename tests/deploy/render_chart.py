"""Run by the Python of the environment `helm`: lints the chart, and renders it with each of the values on stdin.

Writes JSON: the messages of the linter, and for each name the manifests, or the error of the rendering.
"""

import json
import sys

import helm_python

chart, values = sys.argv[1], json.load(sys.stdin)
rendered = {}
for name, changes in values.items():
    try:
        rendered[name] = helm_python.Chart.load(chart).render(changes, name="example")
    except helm_python.HelmError as error:
        rendered[name] = str(error)
sys.stdout.write(json.dumps({"lint": helm_python.lint(chart), "rendered": rendered}))
