"""Outputs of code, and how they are returned."""

import asyncio

import pytest

from sandbox.sandbox_runs import ok, pixels, run
from understudy.errors import SandboxError
from understudy.tools.sandbox import Image, Stream, Value

PNG = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="


async def test_the_value_of_the_last_expression_is_an_output(shared):
    ran = await run(shared, "2**100")
    assert ran.outputs[0] == Value(str(2**100))
    assert ran.status == "ok"
    assert ran.ended.lost == "nothing"


async def test_variables_and_imports_persist_from_one_cell_to_the_next(shared):
    await ok(shared, "import math\nanswer = 42")
    assert await ok(shared, "math.floor(answer / 2)") == "21"


async def test_printed_output_arrives_in_order_and_per_stream(shared):
    ran = await run(shared, "import sys\nprint('a')\nsys.stdout.flush()\nprint('b', file=sys.stderr)\n3")
    assert ran.outputs[:-1] == [Stream("stdout", "a\n"), Stream("stderr", "b\n"), Value("3")]


async def test_printed_output_is_streamed_while_the_code_runs(shared):
    said = shared.execute("print('now', flush=True)\nimport time\ntime.sleep(60)")
    async with asyncio.timeout(10):
        assert await anext(said) == Stream("stdout", "now\n")
        await said.aclose()


async def test_the_output_of_child_processes_is_captured(shared):
    assert "hello from below" in (await run(shared, "import os\nos.system('echo hello from below')")).text


async def test_the_last_words_of_a_program_belong_to_its_cell(shared):
    for number in range(100):
        assert (await run(shared, f"import os; os.write(1, b'{number}')\nNone")).text == str(number)


async def test_an_error_has_its_traceback_without_terminal_colours(shared):
    ran = await run(shared, "def half(x):\n    return x / 0\nhalf(1)")
    assert ran.status == "error"
    assert ran.error.name == "ZeroDivisionError"
    assert ran.error.traceback.rstrip().endswith("ZeroDivisionError: division by zero")
    assert "\x1b" not in ran.error.traceback
    assert "return x / 0" in ran.error.traceback


async def test_code_that_is_not_python_is_an_error(shared):
    assert (await run(shared, "for in it")).error.name == "SyntaxError"


async def test_a_figure_becomes_an_image_of_its_size(shared):
    ran = await run(
        shared,
        "import matplotlib.pyplot as plt\nplt.figure(figsize=(4, 3), dpi=100)\nplt.plot([1, 3, 2])\nplt.show()\n'shown'",
    )
    (image,) = ran.images
    assert ran.outputs.index(image) < ran.outputs.index(Value("'shown'"))
    assert image.mime == "image/png"
    width, height, drawn = pixels(image.data)
    assert abs(width - 400) < 60, width
    assert abs(height - 300) < 60, height
    assert len(set(drawn)) > 10, "it is blank"


async def test_the_libraries_that_people_expect_are_there(shared):
    code = (
        "import numpy, pandas, scipy.stats, sympy, PIL, openpyxl, sklearn.linear_model\n"
        "x = sympy.Symbol('x')\n"
        "model = sklearn.linear_model.LinearRegression().fit([[0], [1]], [1, 3])\n"
        "str(sympy.integrate(x**2, x)), float(model.predict([[2]]).round()[0]), pandas.DataFrame({'a': [1, 2]}).a.sum().item()"
    )
    assert await ok(shared, code) == "('x**3/3', 5.0, 3)"


async def test_text_is_truncated_at_its_limit_with_a_note(shared, settings):
    ran = await run(shared, "for _ in range(5000): print('é' * 10)\nraise ValueError('seen all the same')")
    assert len(ran.text.encode()) <= settings.output_bytes
    assert [note.text for note in ran.notes] == ["[The output exceeds the limit of 10000 bytes; the rest was dropped.]"]
    assert ran.error.message == "seen all the same"


async def test_text_up_to_its_limit_is_whole(shared, settings):
    ran = await run(shared, f"print('x' * {settings.output_bytes - 1})")
    assert len(ran.text) == settings.output_bytes
    assert ran.notes == []


async def test_images_are_limited_in_number(shared):
    code = f"import base64\nfrom IPython.display import Image, display\nfor _ in range(25): display(Image(base64.b64decode('{PNG}')))"
    ran = await run(shared, code)
    assert len(ran.images) == 20
    assert [note.text for note in ran.notes] == ["[The output exceeds the limit of 20 images; the rest was dropped.]"]


async def test_malformed_image_data_falls_back_to_its_text(shared):
    code = (
        "from IPython.display import display\n"
        "for data in ('bm90IGFuIGltYWdl', '%%%', 7):\n"
        "    display({'image/png': data, 'text/plain': 'words'}, raw=True)"
    )
    ran = await run(shared, code)
    assert ran.images == []
    assert ran.value == "wordswordswords"
    assert ran.status == "ok"


async def test_control_characters_do_not_get_out(shared):
    ran = await run(shared, r"print('\x1b[31mred\x1b[0m \x00 \ud800 \x07 tab\tend')")
    assert ran.text == "red \ufffd ? \ufffd tab\tend\n"


async def test_invalid_utf8_output_becomes_replacement_characters(shared):
    # What is written past Python comes by a way of its own, before or after the value.
    assert "a\ufffd\ufffdb\n" in (await run(shared, r"import os; os.write(1, b'a\xff\xfeb\n')")).text


async def test_input_raises_stdin_not_implemented(shared):
    assert (await run(shared, "input('name? ')")).error.name == "StdinNotImplementedError"


async def test_exit_and_quit_do_not_end_the_session(shared):
    await ok(shared, "kept = 1")
    for way in ("exit()", "quit()", "import sys; sys.exit(3)"):
        assert (await run(shared, way)).status == "error"
    assert await ok(shared, "kept") == "1"


async def test_code_of_more_than_a_mebibyte_is_refused(shared):
    with pytest.raises(SandboxError, match="1048576 bytes"):
        await run(shared, "#" * (1 << 20) + "#")


async def test_cells_take_their_turns(shared):
    await ok(shared, "order = []")
    slow = asyncio.create_task(run(shared, "import time\ntime.sleep(0.2)\norder.append('first')"))
    await asyncio.sleep(0)
    await ok(shared, "order.append('second')")
    await slow
    assert await ok(shared, "order") == "['first', 'second']"


async def test_a_jpeg_is_an_image_too(shared):
    code = (
        "import io, PIL.Image\nfrom IPython.display import Image\nbuffer = io.BytesIO()\n"
        "PIL.Image.new('RGB', (8, 8), 'red').save(buffer, 'JPEG')\nImage(buffer.getvalue(), format='jpeg')"
    )
    (image,) = (await run(shared, code)).images
    assert isinstance(image, Image)
    assert image.mime == "image/jpeg"
