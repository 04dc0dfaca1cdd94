"""Markdown that grows: finished blocks are never touched again, and the end is the whole text rendered at once."""

import json

TEXT = """# Refunds

They take **14 days**, see [the handbook](https://example.com/handbook).

```python
print("first")

print("second")
```

- one
- two with `code`

| Month | Revenue |
|:------|--------:|
| Jan   |   1,200 |

The [last] words.

[last]: https://example.com/last
"""

GROW = """async ({ url, text, step }) => {
  const { GrowingView } = await import(url);
  const { loadRenderer } = await import(url.replace("markdown.js", "renderer.js"));
  await loadRenderer();
  const frame = () => new Promise((resolve) => requestAnimationFrame(() => resolve()));
  const make = () => {
    const element = document.createElement("div");
    element.className = "markdown";
    document.getElementById("main").append(element);
    return [element, new GrowingView(element)];
  };
  const [element, view] = make();
  const states = { isTouched: false, halves: [], buttons: 0, longest: 0 };
  const buttons = new Set();
  const nodes = new Map();
  for (let end = 1; end <= text.length; end += step) {
    view.update(text.slice(0, end), true);
    await frame();
    const frozen = [...element.children].filter((one) => one !== view.tail);
    frozen.forEach((one, index) => {
      if (nodes.has(index) && nodes.get(index) !== one) states.isTouched = true;
      nodes.set(index, one);
    });
    element.querySelectorAll("figure.code button").forEach((one) => buttons.add(one));
    states.longest = Math.max(states.longest, view.tail.textContent.length);
    const plain = element.textContent;
    if (/\\*\\*|\\]\\(|```/.test(plain)) states.halves.push(plain.slice(-40));
  }
  states.buttons = buttons.size;
  const first = element.firstElementChild;
  states.shown = element.innerText.replace(/\\s+/g, "");
  view.update(text, false);
  const [whole, other] = make();
  other.update(text, false);
  await new Promise((resolve) => setTimeout(resolve, 50));
  const clean = (one) => one.innerText.replace(/\\s+/g, " ");
  return { ...states, isFirstSame: first === element.firstElementChild, isSame: clean(element) === clean(whole), count: nodes.size, links: whole.querySelectorAll("a").length };
}"""


def grow(console, text, step):
    page = console.open("settings")
    entry = page.locator("script[src]").get_attribute("src")
    url = f"/console/{entry.replace('bundles/app/main.js', 'ui/markdown/markdown.js')}"
    return page.evaluate(GROW, {"url": url, "text": text, "step": step})


def test_finished_blocks_stay_and_the_end_is_the_whole_text(console):
    grown = grow(console, TEXT, 3)
    assert not grown["isTouched"], json.dumps(grown)
    assert grown["halves"] == []
    assert grown["isSame"]
    assert grown["count"] >= 3
    assert grown["links"] == 2


def test_the_copy_button_of_a_code_block_is_one_element_from_the_first_line_to_the_end(console):
    code = "".join(f"print({number})\n\n" for number in range(1_000))
    grown = grow(console, f"Run:\n```python\n{code}```\nDone.", 301)
    assert grown["buttons"] == 1
    assert not grown["isTouched"], json.dumps(grown)
    assert grown["isSame"]


def test_a_long_block_is_rendered_in_pieces_while_it_grows(console):
    items = "".join(f"- item **{number}**\n" for number in range(1_500))
    rows = "".join(f"| {number} | x |\n" for number in range(1_500))
    for text, piece in (
        (items, "item1400item1401"),
        (f"| a | b |\n|---|---|\n{rows}", "1400x1401x"),
        (f"A table:\n| a | b |\n|---|---|\n{rows}", "1400x1401x"),
        ("word " * 4_000, "word" * 3_500),
    ):
        grown = grow(console, f"Before it.\n\nThen:\n\n{text}\nEnd", 997)
        assert grown["longest"] < 9_300
        assert piece in grown["shown"]
        assert grown["halves"] == []
        assert "|" not in grown["shown"]
        # Only the divided block is rendered again, so a selection in the others stays.
        assert grown["isFirstSame"]
        assert grown["isSame"]
