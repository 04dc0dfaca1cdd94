"""The examples of docs/move/responses.md run, one after the other on the same data, and both ways give the same answer."""

import json
import time
from itertools import groupby

import pytest

from clients.scenario import scenario
from docs.blocks import blocks_of
from upstream import echo

PARAMETERS = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}


def examples():
    """The blocks of each section, by its title."""
    blocks = groupby(blocks_of("python", "docs/move/responses.md"), lambda block: block.section)
    return {title: [block.compile() for block in section] for title, section in blocks}


@pytest.mark.proves("conversations.migration")
def test_the_examples_of_both_apis_run_and_agree(client, upstream, capsys):
    upstream.always(scenario)
    names = {
        "client": client,
        "MODEL": "gpt-4o",
        "PARAMETERS": PARAMETERS,
        "weather": lambda given: f"{json.loads(given)['city']} is mild",
        "time": time,
    }
    sections = examples()

    def run(title):
        for code in sections[title]:
            capsys.readouterr()
            exec(code, names)
            yield names, capsys.readouterr().out

    answers = [known["answer"] for known, _ in run("A question")]
    assert answers == ["You said: I am Ada."] * 3
    assert names["response"].output_text == "You said: Who am I?"
    (_, items), (_, messages) = run("Continuing a thread as a conversation")
    assert items.splitlines()[-1] == "message assistant You said: Who am I?"
    assert messages.splitlines() == [
        "user I am Ada.",
        "assistant You said: I am Ada.",
        "user Who am I?",
        "assistant You said: Who am I?",
        "user Thank you.",
        "assistant You said: Thank you.",
    ]
    assert [known["answer"] for known, _ in run("Functions")] == ["Outputs: Paris is mild"] * 2
    upstream.always(echo)
    streamed = [out for _, out in run("Streams")]
    assert streamed == ["You said: weather: Paris", "You said: Hello"]
    _, *cited = [list(known.get("cited", [])) for known, _ in run("Files")]
    assert cited == [[names["file"].id]] * 2
    assert [known["response"].output_text for known, _ in run("Background work")] == ["You said: Hello"]
    assert set(sections) == {
        "A question",
        "Continuing a thread as a conversation",
        "Functions",
        "Streams",
        "Files",
        "Background work",
    }
