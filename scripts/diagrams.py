"""The program behind scripts/diagrams: draws each diagram of the pages in Chromium, once for each theme."""

import re
import shutil
import sys
from pathlib import Path

from playwright.sync_api import Page, sync_playwright
from site_hooks import diagram_name, diagrams_of

ROOT = Path(__file__).resolve().parent.parent
PICTURES = ROOT / "docs" / "images" / "diagrams"
PROGRAM = ROOT / ".venv-clients" / "diagrams" / "node_modules" / "mermaid" / "dist" / "mermaid.min.js"
FONT = 'system-ui, -apple-system, "Segoe UI", Roboto, "Noto Sans", sans-serif'
COLORS = {
    "light": {
        "background": "#ffffff",
        "primaryColor": "#e8f1fd",
        "primaryBorderColor": "#7d8793",
        "primaryTextColor": "#1a1f26",
        "lineColor": "#57606c",
        "textColor": "#1a1f26",
        "clusterBkg": "#f6f7f9",
        "clusterBorder": "#dfe3e8",
        "edgeLabelBackground": "#ffffff",
    },
    "dark": {
        "background": "#12151a",
        "primaryColor": "#182a42",
        "primaryBorderColor": "#76818f",
        "primaryTextColor": "#e7eaee",
        "lineColor": "#a3adb9",
        "textColor": "#e7eaee",
        "clusterBkg": "#1a1e25",
        "clusterBorder": "#2b313a",
        "edgeLabelBackground": "#12151a",
        "darkMode": True,
    },
}
RENDER = """async ([text, colors, font]) => {
  mermaid.initialize({
    startOnLoad: false, theme: "base", htmlLabels: false, deterministicIds: true, fontFamily: font,
    flowchart: {htmlLabels: false, useMaxWidth: false}, sequence: {useMaxWidth: false},
    themeVariables: {...colors, fontFamily: font, fontSize: "14px"},
  });
  return (await mermaid.render("diagram", text)).svg;
}"""


def main() -> None:
    program = shutil.which("chromium") or shutil.which("google-chrome")
    if program is None:
        sys.exit("Chromium not found; scripts/setup-system installs it.")
    texts = {diagram_name(text): text for page in sorted((ROOT / "docs").rglob("*.md")) for text in diagrams_of(page)}
    PICTURES.mkdir(exist_ok=True)
    for picture in PICTURES.glob("*.svg"):
        if picture.stem.rpartition("-")[0] not in texts:
            picture.unlink()
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=["--no-sandbox", "--disable-gpu"])
        page = browser.new_page()
        page.add_script_tag(path=PROGRAM)
        for name, text in texts.items():
            draw(page, name, text)
        browser.close()


def draw(page: Page, name: str, text: str) -> None:
    for theme, colors in COLORS.items():
        svg = page.evaluate(RENDER, [text, colors, FONT])
        # A picture has the size of its drawing; without it, browsers stretch it to the width of the page.
        size = re.search(r'viewBox="[-\d.]+ [-\d.]+ ([\d.]+) ([\d.]+)"', svg)
        assert size is not None
        if 'width="100%"' in svg:
            svg = svg.replace('width="100%"', f'width="{size[1]}" height="{size[2]}"', 1)
        (PICTURES / f"{name}-{theme}.svg").write_text(f"{svg}\n", "utf-8")


if __name__ == "__main__":
    main()
