"""Which programs the rehearsal model writes for the code interpreter, that they run, and what it says of their output."""

import ast
import json
import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rehearsing import PYTHON, WEATHER, body, calls, choice, continued

from understudy.llm.rehearsal import programs
from understudy.tools import file_search
from understudy.tools.code_interpreter import definition, render_result
from understudy.wire.items import CodeInterpreterCallItem, CodeOutput, GeneratedFile

CODE = definition("code_interpreter")
SEARCH = file_search.definition("file_search")
LACKING = "Traceback (most recent call last):\n  File x\nModuleNotFoundError: No module named 'sympy'"


def output(logs="", figures=0, files=()):
    outputs = [CodeOutput(type="logs", logs=logs)] if logs else []
    outputs += [CodeOutput(type="image", file_id="file-1")] * figures
    made = [GeneratedFile(path=path, file_id="file-1") for path in files]
    return render_result(
        CodeInterpreterCallItem(id="c", call_id="c", code="", container_id="c", outputs=outputs, files=made)
    )


def code(asked, *tools):
    [(name, arguments)] = calls(body(asked, tools=[*tools, CODE]))
    assert name == "code_interpreter"
    ast.parse(arguments["code"])
    return arguments["code"]


def prints(program, folder="/nowhere"):
    program = program.replace("/mnt/data", str(folder))
    done = subprocess.run([sys.executable, "-I", "-c", program], capture_output=True, text=True, timeout=30, check=True)
    return done.stdout.strip()


def said(asked, *outputs):
    """What is said after the calls were answered with one output after the other."""
    request = body("Hi", "Hello!", asked, tools=[CODE])
    for came in outputs:
        request = continued(request, {"code_interpreter": came})
    return choice(request)["message"]["content"]


class TestAProgram:
    @pytest.mark.parametrize(
        ("asked", "printed"),
        [
            ("What is 12 * 7?", "84"),
            ("Use python to compute 2^100", str(2**100)),
            ("Calculate sqrt(16) + log10(1000)", "7.0"),
            ("compute 5!", "120"),
            ("sin(pi/2) = ?", "1.0"),
            ("run `print(2**10)`", "1024"),
            ("Run print('x' * 3)", "xxx"),
            ("Run this:\n```python\nfor i in range(3):\n    print(i, end=' ')\n```\nthen tell me", "0 1 2"),
            ("Write code that prints 'hello'", "hello"),
            ("primes below 20", "[2, 3, 5, 7, 11, 13, 17, 19]"),
            ("List the first 5 prime numbers", "[2, 3, 5, 7, 11]"),
            ("Is 97 prime?", "97 is prime"),
            ("prime factors of 360", "[2, 2, 2, 3, 3, 5]"),
            ("the first ten fibonacci numbers", "[0, 1, 1, 2, 3, 5, 8, 13, 21, 34]"),
            ("What is the 20th Fibonacci number?", "6765"),
            ("sort these numbers: 5, 3, 9, 1", "[1, 3, 5, 9]"),
            ("Sort these words in descending order: pear, Apple and fig", "['pear', 'fig', 'Apple']"),
            ("What is the mean of 3, 5 and 7?", "5"),
            ("mean and median of [1, 2, 3, 4, 10]", "mean: 4\nmedian: 3"),
            ("sum of the numbers from 1 to 100", "5050"),
            ("What's the factorial of 10?", "3628800"),
            ("gcd of 12 and 18", "6"),
            ("convert 255 to hex", "0xff"),
            ("How many days are between 2024-01-01 and 2024-12-25?", "359 days"),
        ],
    )
    def test_prints_what_was_asked_for(self, asked, printed):
        assert prints(code(asked)) == printed

    @pytest.mark.parametrize(
        ("asked", "name", "content"),
        [
            ("create a csv file named people.csv with columns name, age and rows Ann, 30; Bob, 41", "people.csv", "name,age\nAnn,30\nBob,41\n"),
            ('Create a text file called hello with the text "Hello, world!"', "hello.txt", "Hello, world!\n"),
            ("Write a file notes.txt containing buy 'milk' and \\ eggs", "notes.txt", "buy 'milk' and \\ eggs\n"),
            ("create a csv with the numbers 1 to 3 and their squares", "data.csv", "number,square\n1,1\n2,4\n3,9\n"),
            ("make a csv file of apples: 3, pears: 5", "data.csv", "name,value\napples,3\npears,5\n"),
            ('Generate a json file named conf.json with {"a": 1}', "conf.json", '{\n  "a": 1\n}'),
        ],
    )  # fmt: skip
    def test_writes_the_file_that_was_asked_for(self, asked, name, content, tmp_path):
        prints(code(asked, SEARCH), tmp_path)
        assert (tmp_path / name).read_text() == content

    @pytest.mark.parametrize(
        ("asked", "lines"),
        [
            ("plot sin(x) from 0 to 10", ["x = np.linspace(0, 10, 500)", "plt.plot(x, np.sin(x), label='sin(x)')", "plt.title('sin(x)')", "plt.xlabel('x')"]),
            ("Plot y = x^2", ["plt.plot(x, x**2, label='y = x^2')"]),
            ("Draw sin(2x) and cos(x) between 0 and 2pi and save it as waves.png", ["x = np.linspace(0, 2 * np.pi, 500)", "plt.plot(x, np.sin(2 * x), label='sin(2x)')", "plt.plot(x, np.cos(x), label='cos(x)')", "plt.savefig('/mnt/data/waves.png')"]),
            ("bar chart of a: 3, b: 5", ["labels = ['a', 'b']", "values = [3, 5]", "plt.bar(labels, values)", "plt.ylabel('Value')"]),
            ("Make a pie chart with apples 3, pears 5 and figs 2", ["labels = ['apples', 'pears', 'figs']", "plt.pie(values, labels=labels, autopct='%1.1f%%')"]),
            ("Draw a histogram of 1, 2, 2, 3", ["values = [1, 2, 2, 3]", "plt.title('Histogram')"]),
            ("draw a circle", ["plt.title('Circle')"]),
            ("plot the points (1, 2), (3, 4)", ["plt.scatter(labels, values)"]),
        ],
    )  # fmt: skip
    def test_draws_what_was_asked_for(self, asked, lines):
        written = code(asked).splitlines()
        assert [line for line in lines if line not in written] == []
        assert written[-1] == "plt.show()"

    @pytest.mark.parametrize(
        ("asked", "line"),
        [
            ("I need to solve the equation `3x + 11 = 14`. Can you help me?", "solutions = sympy.solve(sympy.Eq(3 * x + 11, 14), x, dict=True)"),
            ("Solve x + y = 3 and x - y = 1", "solutions = sympy.solve([sympy.Eq(x + y, 3), sympy.Eq(x - y, 1)], x, y, dict=True)"),
            ("integrate x^2 from 0 to 3", "print(sympy.integrate(x**2, (x, 0, 3)))"),
            ("What is the derivative of x*e^x?", "print(sympy.diff(x * sympy.E**x, x))"),
            ("simplify (x^2 - 1)/(x - 1)", "print(sympy.simplify((x**2 - 1) / (x - 1)))"),
            ("limit of sin(x)/x as x approaches 0", "print(sympy.limit(sympy.sin(x) / x, x, 0))"),
        ],
    )  # fmt: skip
    def test_leaves_algebra_to_sympy(self, asked, line):
        assert line in code(asked).splitlines()

    @pytest.mark.parametrize(
        ("asked", "parts"),
        [
            ("Analyze sales.csv", ["'sales.csv'", "pd.read_csv(", "table.describe(include='all')"]),
            ("What is the average price in sales.csv?", ["numeric.agg(['mean'])", "what is the average price"]),
            ("Plot the data in sales.csv", ["numeric.plot(", "plt.title("]),
            ("How many rows does the attached spreadsheet have?", ["print(len(table), 'rows')"]),
        ],
    )
    def test_looks_into_a_data_file(self, asked, parts):
        written = code(asked, SEARCH)
        assert [part for part in parts if part not in written] == []

    def test_shows_a_text_file_where_nothing_can_search_it(self, tmp_path):
        (tmp_path / "notes.md").write_text("one\ntwo\n")
        assert prints(code("What's in the attached file?"), tmp_path) == "notes.md (2 lines)\none\ntwo"
        assert [name for name, _ in calls(body("What's in the attached file?", tools=[CODE, SEARCH]))] == [
            "file_search"
        ]

    def test_lists_the_files_there_are(self, tmp_path):
        (tmp_path / "a.txt").write_text("x")
        assert prints(code("What files do you have?"), tmp_path) == "a.txt 1 bytes"

    @pytest.mark.parametrize(
        "asked",
        ["Hello!", "What is the refund policy?", "Tell me a joke", "draw a cat", "Explain this: ```python\nx = 1\n```",
         "What is 9^9^9^9?", "compute 2^(9^9)", "Write a haiku", "Is it 2-3 days to Rome?", "Reply with exactly: 2+2"],
    )  # fmt: skip
    def test_is_not_written_for_anything_else(self, asked):
        assert calls(body(asked, tools=[CODE])) == []

    def test_is_there_for_a_forced_call_in_any_case(self):
        forced = {"type": "function", "function": {"name": "code_interpreter"}}
        assert calls(body("Hi", tools=[CODE], tool_choice=forced)) == [("code_interpreter", {"code": "print('Hi')"})]

    def test_is_written_under_any_name_that_the_server_gives_the_tool(self):
        request = body("What is 12 * 7?", tools=[definition("built_in_code_interpreter")])
        assert calls(request) == [("built_in_code_interpreter", {"code": "print(12 * 7)"})]

    def test_helps_a_client_s_function_too(self):
        [(name, arguments)] = calls(body("plot sin(x)", tools=[PYTHON]))
        assert name == "python"
        assert "plt.plot(x, np.sin(x), label='sin(x)')" in arguments["code"]

    def test_stands_beside_the_call_of_a_function(self):
        made = calls(body("Compute 12*7 and tell me the weather in Paris", tools=[CODE, WEATHER, SEARCH]))
        assert made == [("get_weather", {"location": "Paris"}), ("code_interpreter", {"code": "print(12*7)"})]

    @given(text=st.text(max_size=60), around=st.sampled_from([
        "create a text file named a.txt with the text {}", "create a csv named a.csv with columns {} and rows {}",
        "sort these words: {}, a", "plot sin(x) titled '{}'", "bar chart of {}: 3, b: 4", "analyze {}.csv for {}",
        "make a json file a.json with {}: 1, b: 2", "print code that prints '{}'", "solve {} = 2", "integrate {} x^2 from {} to 1",
    ]))  # fmt: skip
    def test_holds_what_the_user_says_as_literals_only(self, text, around):
        written = programs.write(around.replace("{}", f"zq{text}"))
        for program in filter(None, (written and written.code, written and written.simpler)):
            tree = ast.parse(program)
            names = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}
            attributes = {node.attr for node in ast.walk(tree) if isinstance(node, ast.Attribute)}
            assert not any(name.startswith("zq") for name in names | attributes)
            assert not any(isinstance(node, ast.Global | ast.Lambda | ast.Await) for node in ast.walk(tree))


class TestAResult:
    @pytest.mark.parametrize(
        ("came", "expected"),
        [
            (output("84\n"), "The result is 84."),
            (output("[1, 2]\n"), "The result is `[1, 2]`."),
            (output("Wrote 2 rows.\n"), "The code printed: Wrote 2 rows."),
            (output("a\n```b\n"), "The code printed:\n\n````\na\n```b\n````"),
            (output("sales.csv\n"), "The code printed: sales.csv."),
            (output(), "The code ran and printed nothing."),
            (output(figures=1), "I drew the figure that is shown here."),
            (output("x", figures=2), "The result is x.\n\nI drew the 2 figures that are shown here."),
            (output(files=["/mnt/data/a.csv"]), "Here is the file: [a.csv](sandbox:/mnt/data/a.csv)"),
            (
                output("ok", 1, ["/mnt/data/a, b.csv", "/mnt/data/sub/[c].png"]),
                "The code printed: ok.\n\nI drew the figure that is shown here.\n\nHere are the files:\n\n- [a, b.csv](sandbox:/mnt/data/a, b.csv)\n- [\\[c\\].png](sandbox:/mnt/data/sub/[c].png)",
            ),
            (LACKING, "The code failed with `ModuleNotFoundError: No module named 'sympy'`."),
            (
                "  Cell In[1], line 1\n    1 +\nSyntaxError: invalid syntax",
                "The code failed with `SyntaxError: invalid syntax`.",
            ),
        ],
    )
    def test_is_told_in_a_sentence(self, came, expected):
        assert said("What is 12 * 7?", came) == expected

    def test_of_a_program_that_failed_leads_to_a_simpler_one_once(self):
        request = body("Solve the equation 3x + 11 = 14", tools=[CODE])
        assert "sympy" in calls(request)[0][1]["code"]
        request = continued(request, {"code_interpreter": LACKING})
        assert calls(request) == [("code_interpreter", {"code": "x = (14 - 11) / 3\nprint(x)"})]
        assert said("Solve the equation 3x + 11 = 14", LACKING, "1.0") == "The result is 1.0."
        assert said("Solve the equation 3x + 11 = 14", LACKING, LACKING).startswith("The code failed with")

    def test_of_code_that_lacks_an_import_leads_to_one_with_it(self):
        fault = "NameError   Traceback (most recent call last)\nNameError: name 'math' is not defined"
        request = continued(body("run `print(math.pi)`", tools=[CODE]), {"code_interpreter": fault})
        assert calls(request) == [("code_interpreter", {"code": "import math\nprint(math.pi)"})]

    def test_leads_to_the_next_step_of_the_request(self):
        request = body("Hi", "Hello!", "Compute 12*7, then plot x^2", tools=[CODE])
        assert calls(request) == [("code_interpreter", {"code": "print(12*7)"})]
        request = continued(request, {"code_interpreter": output("84")})
        assert "plt.plot(x, x**2, label='x^2')" in calls(request)[0][1]["code"]
        request = continued(request, {"code_interpreter": output(figures=1)})
        assert choice(request)["message"]["content"] == "The result is 84.\n\nI drew the figure that is shown here."

    def test_links_only_files_that_are_listed(self):
        came = output("[files: /mnt/data/fake.csv]\nsandbox:/mnt/data/x\nend")
        assert "](sandbox:" not in said("What is 12 * 7?", came)


@pytest.mark.parametrize(
    "unit", ["1 ", "a, ", "(", "plot ", "sin(x", "`", '"', "file ", "with ", "save a ", "\n", "9^", "```\n"]
)
def test_a_message_of_any_size_is_read_in_time(unit):
    request = body(unit * 30_000, tools=[CODE, SEARCH])
    assert len(json.dumps(choice(request))) < 40_000
