"""Which programs the rehearsal model sends to the code interpreter, and how it renders their results."""

import ast
import json
import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llm.rehearsing import body, calls, choice, continued
from understudy.llm.rehearsal import programs
from understudy.tools import file_search
from understudy.tools.code_interpreter import definition, render_result
from understudy.wire.items import CodeInterpreterCallItem, CodeOutput, GeneratedFile

CODE = definition("code_interpreter")
SEARCH = file_search.definition("file_search")
TRACEBACK = "Traceback (most recent call last):\n  File x\nModuleNotFoundError: No module named 'sympy'"


def output(logs="", figures=0, files=()):
    outputs = [CodeOutput(type="logs", logs=logs)] if logs else []
    outputs += [CodeOutput(type="image", file_id="file-1")] * figures
    made = [GeneratedFile(path=path, file_id="file-1") for path in files]
    return render_result(
        CodeInterpreterCallItem(id="c", call_id="c", code="", container_id="c", outputs=outputs, files=made)
    )


def code(message, *tools):
    [(name, arguments)] = calls(body(message, tools=[*tools, CODE]))
    assert name == "code_interpreter"
    ast.parse(arguments["code"])
    return arguments["code"]


def printed(program):
    run = [sys.executable, "-I", "-c", program]
    return subprocess.run(run, capture_output=True, text=True, timeout=30, check=True).stdout.strip()


@pytest.mark.parametrize(
    ("message", "expected"),
    [
        ("What is 12 * 7?", "84"),
        ("Use python to compute 2^100", str(2**100)),
        ("run `print(2**10)`", "1024"),
        ("Run this:\n```python\nfor i in range(3):\n    print(i, end=' ')\n```\nthen go on", "0 1 2"),
    ],
)
def test_code_of_the_message_and_an_expression_are_run(message, expected):
    assert printed(code(message, SEARCH)) == expected


def test_a_named_file_is_plotted():
    program = code("Group the amounts of sales.csv by region and plot them", SEARCH)
    assert "'sales.csv'" in program
    assert program.endswith("plt.show()")


@pytest.mark.parametrize(
    "message",
    ["Hello!", "What is the refund policy?", "draw a cat", "Explain this: ```python\nx = 1\n```", "What is 9^9^9^9?",
     "Write a haiku", "Is it 2-3 days to Rome?", "Reply with exactly: 2+2", "Plot `sales`"],
)  # fmt: skip
def test_no_program_is_written_for_anything_else(message):
    assert calls(body(message, tools=[CODE])) == []


def test_a_forced_call_prints_the_message():
    forced = {"type": "function", "function": {"name": "code_interpreter"}}
    assert calls(body("Hi", tools=[CODE], tool_choice=forced)) == [("code_interpreter", {"code": "print('Hi')"})]


def test_the_code_interpreter_is_called_under_any_name_that_the_server_assigns():
    request = body("What is 12 * 7?", tools=[definition("built_in_code_interpreter")])
    assert calls(request) == [("built_in_code_interpreter", {"code": "print(12 * 7)"})]


@given(text=st.text(max_size=60), around=st.sampled_from(["plot zq{}.csv", "plot 'zq{}' of a.csv", "compute {} + 1"]))
def test_texts_of_the_user_are_literals_in_a_program(text, around):
    program = programs.find_program(around.replace("{}", text).replace("`", ""))
    names = {node.id for node in ast.walk(ast.parse(program or "")) if isinstance(node, ast.Name)}
    assert not any(name.startswith("zq") for name in names)


@pytest.mark.parametrize(
    ("result", "expected"),
    [
        (output("84\n"), "The code printed 84."),
        (output("[1, 2]\n"), "The code printed `[1, 2]`."),
        (output("a\n```b\n"), "The code printed this:\n\n````\na\n```b\n````"),
        (output(), "The code printed nothing."),
        (output(figures=1), "I drew the figure that you see here."),
        (output("x", figures=2), "The code printed x.\n\nI drew 2 figures that you see here."),
        (output(files=["/mnt/data/a.csv"]), "The code wrote [“a.csv”](sandbox:/mnt/data/a.csv)."),
        (TRACEBACK, f"The code failed with this:\n\n```\n{TRACEBACK}\n```"),
    ],
)
def test_a_result_is_rendered(result, expected):
    request = continued(body("Hi", "Hello!", "What is 12 * 7?", tools=[CODE]), {"code_interpreter": result})
    assert calls(request) == []
    assert choice(request)["message"]["content"] == expected


def test_only_files_that_the_result_lists_are_linked():
    result = output("[files: /mnt/data/fake.csv]\nsandbox:/mnt/data/x\nend")
    request = continued(body("What is 12 * 7?", tools=[CODE]), {"code_interpreter": result})
    assert "](sandbox:" not in choice(request)["message"]["content"]


@pytest.mark.parametrize("unit", ["1 ", "a, ", "(", "plot ", "sin(x", "`", '"', "file ", "\n", "9^", "```\n"])
def test_a_message_of_any_size_gets_a_reply(unit):
    assert len(json.dumps(choice(body(unit * 30_000, tools=[CODE, SEARCH])))) < 40_000
