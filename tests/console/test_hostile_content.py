"""Names, metadata, files and answers of others on every page that shows them: they stay text."""

import pytest
from playwright.sync_api import expect

from upstream import fault, text

pytestmark = pytest.mark.slow

NAME = (
    "<img src=x onerror='window.owned=1'><script>window.owned=1</script>\u202egnp.exe \"'`{{7*7}}"
    " [x](javascript:window.owned=1) </title><base href=//evil.example>"
)
METADATA = {
    "<b onclick=window.owned=1>": NAME,
    "__proto__": "javascript:window.owned=1",
    "constructor": "<svg onload=1>",
}
TEXT = f"# {NAME}\n\n" + "<iframe srcdoc='<script>parent.owned=1</script>'></iframe> zebra facts. " * 60
PAGES = {
    "assistants": "table",
    "assistants/{assistant}?tab=overview": ".fields",
    "assistants/{assistant}?tab=json": ".json-tree",
    "assistants/{assistant}?tab=api": "pre",
    "files": "table",
    "files/{file}": "figure.code",
    "files/{file}?tab=overview": ".fields",
    "vector-stores": "table",
    "vector-stores/{store}": "table",
    "vector-stores/{store}?tab=overview": ".fields",
    "vector-stores/{store}?tab=search&question=zebra+facts": ".reason",
    "vector-stores/{store}/files/{file}": ".chunk",
    "vector-stores/{store}/files/{file}?tab=text": "figure.code",
    "vector-stores/{store}/files/{file}?tab=overview": ".fields",
    "threads?metadata[set]=hostile": "table",
    "threads/{thread}": ".message",
    "playground?assistant={assistant}&thread={thread}": ".message",
    "runs": "table",
    "threads/{thread}/runs/{run}": ".page-body",
    "threads/{thread}/runs/{run}?tab=events": ".page-body",
    "threads/{thread}/runs/{failed}": ".page-body",
    "conversations/{conversation}": ".page-body",
    "responses": "table",
    "responses/{response}": ".page-body",
    "completions": "table",
    "completions/{completion}": ".page-body",
    "webhooks": "table",
    "webhooks/{webhook}": ".fields",
    "": "main",
}
_FORBIDDEN = "#app :is(iframe, script, object, embed, base, meta, svg[onload], [onerror], [onclick], [onload])"
_UNSAFE_LINKS = """(links) => links.map((one) => one.protocol)
    .filter((one) => !["http:", "https:", "mailto:", "blob:"].includes(one))"""


@pytest.fixture(scope="module")
def objects(console_server, session_upstream):
    client = console_server.client
    file = client.files.create(file=("zebra <b>.html", TEXT.encode()), purpose="assistants")
    store = client.vector_stores.create(name=NAME[:256], metadata=METADATA, description=NAME)
    client.vector_stores.files.create_and_poll(
        file.id, vector_store_id=store.id, attributes={"<i>": NAME, "constructor": 1}, poll_interval_ms=50
    )
    assistant = client.beta.assistants.create(
        model="gpt-4o",
        name=NAME[:256],
        description=NAME,
        instructions=TEXT,
        metadata=METADATA,
        tools=[{"type": "file_search"}],
        tool_resources={"file_search": {"vector_store_ids": [store.id]}},
    )
    thread = client.beta.threads.create(
        messages=[{"role": "user", "content": NAME}], metadata=METADATA | {"set": "hostile"}
    )
    runs = []
    for answer in (text(NAME), fault(400, NAME)):
        session_upstream.answer(answer)
        runs.append(
            client.beta.threads.runs.create_and_poll(
                thread_id=thread.id, assistant_id=assistant.id, metadata=METADATA, poll_interval_ms=50
            )
        )
    assert [run.status for run in runs] == ["completed", "failed"]
    conversation = client.conversations.create(items=[{"role": "user", "content": NAME}], metadata=METADATA)
    response = client.responses.create(model="rehearsal", input=f"Repeat: {NAME}", metadata=METADATA)
    completion = client.chat.completions.create(
        model="rehearsal", messages=[{"role": "user", "content": f"Repeat: {NAME}"}], store=True, metadata=METADATA
    )
    webhook = console_server.ask(
        "POST",
        "/v1/webhook_endpoints",
        {"name": NAME[:64], "url": "https://example.com/%3Cscript%3E", "event_types": ["batch.completed"]},
    ).json
    return {
        "file": file.id,
        "store": store.id,
        "assistant": assistant.id,
        "thread": thread.id,
        "run": runs[0].id,
        "failed": runs[1].id,
        "conversation": conversation.id,
        "response": response.id,
        "completion": completion.id,
        "webhook": webhook.get("id", ""),
    }


def test_foreign_text_stays_text_on_every_page(console, objects):
    for template, content in PAGES.items():
        page = console.open(template.format(**objects))
        expect(page.locator(content).first).to_be_visible()
        expect(page.locator("#main .skeleton")).to_have_count(0)
        assert page.evaluate("() => window.owned ?? null") is None, template
        assert page.evaluate("() => window.violations") == [], template
        assert page.locator(_FORBIDDEN).count() == 0, template
        assert page.locator("#app a").evaluate_all(_UNSAFE_LINKS) == [], template
        assert page.locator(".page-head bdi, .fields bdi, .tag bdi").filter(has_text="\u202e").count() == 0, template
        assert not console.has_horizontal_scroll(), template


def test_a_dialog_about_a_hostile_object_names_it_as_text(console, objects):
    page = console.open(f"assistants/{objects['assistant']}?tab=overview")
    expect(page.locator(".fields").first).to_be_visible()
    page.keyboard.press("#")
    dialog = page.get_by_role("dialog")
    expect(dialog).to_contain_text("<script>window.owned=1</script>")
    page.keyboard.press("Escape")
    page.keyboard.press("e")
    expect(dialog.get_by_label("Name")).to_have_value(NAME[:256])
    assert page.evaluate("() => window.owned ?? null") is None
    assert console.find_accessibility_problems() == []
