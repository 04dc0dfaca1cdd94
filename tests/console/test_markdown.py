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
  const states = { isTouched: false, halves: [], button: null };
  const nodes = new Map();
  for (let end = 1; end <= text.length; end += step) {
    view.update(text.slice(0, end), true);
    await frame();
    const frozen = [...element.children].filter((one) => one !== view.tail);
    frozen.forEach((one, index) => {
      if (nodes.has(index) && nodes.get(index) !== one) states.isTouched = true;
      nodes.set(index, one);
    });
    const plain = element.textContent;
    if (/\\*\\*|\\]\\(|```/.test(plain)) states.halves.push(plain.slice(-40));
  }
  view.update(text, false);
  const [whole, other] = make();
  other.update(text, false);
  await new Promise((resolve) => setTimeout(resolve, 50));
  const clean = (one) => one.innerText.replace(/\\s+/g, " ");
  return { ...states, isSame: clean(element) === clean(whole), count: nodes.size, links: whole.querySelectorAll("a").length };
}"""


def test_finished_blocks_stay_and_the_end_is_the_whole_text(console):
    page = console.open("settings")
    entry = page.locator("script[src]").get_attribute("src")
    url = f"/console/{entry.replace('bundles/app/main.js', 'ui/markdown/markdown.js')}"
    grown = page.evaluate(GROW, {"url": url, "text": TEXT, "step": 3})
    assert not grown["isTouched"], json.dumps(grown)
    assert grown["halves"] == []
    assert grown["isSame"]
    assert grown["count"] >= 3
    assert grown["links"] == 2
