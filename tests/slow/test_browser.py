"""The official package for JavaScript in a real browser, on a page of another origin than the server's."""

import json
import os
import queue
import shutil
import subprocess
import threading
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer

import pytest

from clients.environments import environment
from serving import KEY, WAIT
from upstream import text

pytestmark = pytest.mark.slow
PAGE = """<!doctype html><meta charset="utf-8"><script type="module">
import OpenAI from "/index.mjs";
const found = {};
try {
  const options = {baseURL: BASE_URL, apiKey: API_KEY, dangerouslyAllowBrowser: true, maxRetries: 0};
  const client = new OpenAI(options);
  const {data, request_id} = await client.models.list().withResponse();
  found.models = data.data.map((model) => model.id);
  found.requestId = request_id;
  const messages = [{role: "user", content: "Hello"}];
  found.chat = "";
  for await (const chunk of await client.chat.completions.create({model: "gpt-4o", messages, stream: true})) {
    found.chat += chunk.choices[0]?.delta?.content ?? "";
  }
  found.response = (await client.responses.create({model: "gpt-4o", input: "Hello"})).output_text;
  const assistant = await client.beta.assistants.create({model: "gpt-4o"});
  const thread = {messages};
  found.run = [];
  for await (const event of await client.beta.threads.createAndRun({assistant_id: assistant.id, thread, stream: true})) {
    found.run.push(event.event);
  }
  await client.beta.assistants.delete(assistant.id);
  const file = await client.files.create({file: new File(["Hi"], "a.txt"), purpose: "user_data"});
  found.file = await (await client.files.content(file.id)).text();
  found.missing = await client.beta.assistants.retrieve("asst_x").catch((error) => error.status);
  const stranger = new OpenAI({...options, apiKey: "sk-wrong"});
  found.refused = await stranger.models.list().catch((error) => error.status);
} catch (error) {
  found.error = String(error?.stack ?? error);
}
await fetch("/found", {method: "POST", body: JSON.stringify(found)});
</script>"""


class _Site(SimpleHTTPRequestHandler):
    """The page, the files of the package, and what the page found."""

    extensions_map = {".mjs": "text/javascript", ".js": "text/javascript", "": "application/octet-stream"}  # noqa: RUF012

    def __init__(self, *args, page, found, directory):
        self._page = page
        self._found = found
        super().__init__(*args, directory=directory)

    def do_GET(self):
        if self.path != "/page":
            super().do_GET()
            return
        self._answer(self._page.encode())

    def do_POST(self):
        self._found.put(json.loads(self.rfile.read(int(self.headers["content-length"]))))
        self._answer(b"")

    def _answer(self, body):
        self.send_response(200)
        self.send_header("content-type", "text/html")
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


@pytest.fixture
def browser():
    found = shutil.which("chromium") or shutil.which("google-chrome")
    if found is None:
        if os.environ.get("CI") == "true":
            raise AssertionError("no browser is installed")
        pytest.skip("no browser is installed: neither 'chromium' nor 'google-chrome' is found")
    return found


@pytest.mark.parametrize("origin", ["*", "named"])
def test_a_page_of_another_origin_uses_the_package_for_javascript(new_server, upstream, browser, tmp_path, origin):
    upstream.always(text("Hi", " there"))
    found: queue.Queue = queue.Queue()
    with ThreadingHTTPServer(("127.0.0.1", 0), None) as site:
        own = f"http://localhost:{site.server_address[1]}"
        allowed = "*" if origin == "*" else own
        server = new_server(f'[cors]\norigins = ["{allowed}"]\n').start()
        page = PAGE.replace("BASE_URL", json.dumps(server.url)).replace("API_KEY", json.dumps(KEY))
        package = environment("node").home / "node_modules" / "openai-7"
        site.RequestHandlerClass = partial(_Site, page=page, found=found, directory=str(package))
        threading.Thread(target=site.serve_forever, daemon=True).start()
        flags = ["--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"]
        command = [browser, *flags, f"--user-data-dir={tmp_path / 'profile'}", f"{own}/page"]
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            seen = found.get(timeout=2 * WAIT)
        finally:
            process.kill()
            process.wait(WAIT)
            site.shutdown()
    assert "error" not in seen, seen["error"]
    assert "gpt-4o" in seen["models"]
    assert seen["requestId"].startswith("req_")
    assert (seen["chat"], seen["response"], seen["file"]) == ("Hi there", "Hi there", "Hi")
    assert "thread.run.completed" in seen["run"][-2:]
    assert (seen["missing"], seen["refused"]) == (404, 401)
