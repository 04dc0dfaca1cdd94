"""Batches: made from a file, followed to their end, with the errors of a file that cannot run."""

import json

from playwright.sync_api import expect

from console.browser import NARROW, open_console


def test_a_batch_is_made_and_followed(browser, console, server):
    body = {"model": "rehearsal", "messages": [{"role": "user", "content": "Hi"}]}
    line = {"custom_id": "1", "method": "POST", "url": "/v1/chat/completions", "body": body}
    file = server.client.files.create(file=("lines.jsonl", json.dumps(line).encode()), purpose="batch")
    wrong = server.client.files.create(file=("wrong.jsonl", b"no JSON"), purpose="batch")
    page = console.open("batches")
    page.keyboard.press("c")
    page.get_by_role("dialog").get_by_label("Input file").fill(file.id)
    page.keyboard.press("Control+Enter")
    expect(page.locator("dl.fields")).to_contain_text("completed")
    expect(page.locator("dl.fields")).to_contain_text("1 of 1")
    page.get_by_role("link", name="Output", exact=True).click()
    expect(page.locator("figure.code")).to_contain_text('"custom_id":"1"')
    failed = server.client.batches.create(
        input_file_id=wrong.id, endpoint="/v1/chat/completions", completion_window="24h"
    )
    with open_console(browser, server, NARROW, "dark") as small:
        small.open(f"batches/{failed.id}")
        expect(small.page.get_by_role("alert")).to_contain_text("Line 1")
        assert not small.has_horizontal_scroll()
        assert small.find_accessibility_problems() == []
