import assert from "node:assert/strict";
import { afterEach, test } from "node:test";
import { load } from "./modules.mjs";

// What a browser has and the modules expect.
globalThis.sessionStorage = { getItem: () => null, setItem: () => {}, removeItem: () => {} };
globalThis.addEventListener = () => {};
const wait = globalThis.setTimeout;
globalThis.setTimeout = (run, milliseconds) => wait(run, milliseconds / 100);
globalThis.BroadcastChannel = class { addEventListener() {} removeEventListener() {} postMessage() {} };

const { followEvents } = await load("api/event_stream.js");
const { get, ApiError } = await load("api/client.js");
const { connection } = await load("state/connection.js");
const fetched = globalThis.fetch;
afterEach(() => {
  globalThis.fetch = fetched;
});

/** Answers the requests one after another; each answer is text that ends in a drop, or a status with a body. */
function scriptAnswers(...answers) {
  const requests = [];
  globalThis.fetch = async (url) => {
    requests.push(new URL(url).search);
    const answer = answers.shift();
    if (answer instanceof Error) throw answer;
    if (answer.status) return Response.json(answer.body ?? {}, { status: answer.status, headers: { "x-request-id": "req_1" } });
    const pieces = new TextEncoder().encode(answer.text);
    let sent = 0;
    const stream = new ReadableStream({
      pull(controller) {
        if (sent < pieces.length) controller.enqueue(pieces.slice(sent, (sent += 7)));
        else if (answer.isDropped) controller.error(new TypeError("network error"));
        else controller.close();
      },
    });
    return new Response(stream, { headers: { "content-type": "text/event-stream" } });
  };
  return requests;
}

const follow = async (options = {}) => {
  const seen = [];
  await followEvents({ path: "/threads/t/runs/r/events", signal: new AbortController().signal, onEvent: (event) => seen.push(event.data), ...options });
  return seen;
};

test("a stream that drops is resumed behind the last numbered event, and ends with done", async () => {
  const requests = scriptAnswers(
    { text: "id: 1\nevent: a\ndata: one\n\nevent: a\ndata: half of two\n\n", isDropped: true },
    new TypeError("offline"), new TypeError("offline"), new TypeError("offline"),
    { text: "event: a\ndata: half of two\n\nid: 2\nevent: a\ndata: two\n\nevent: done\ndata: [DONE]\n\nid: 9\ndata: never\n\n" },
  );
  assert.deepEqual(await follow(), ["one", "half of two", "half of two", "two"]);
  assert.deepEqual([requests[0], requests.at(-1)], ["", "?starting_after=1"]);
  assert.equal(connection.value, "online");
});

test("a stream that the server refuses ends with its error", async () => {
  scriptAnswers({ status: 404, body: { error: { message: "No run found.", code: null } } });
  await assert.rejects(follow(), (error) => error instanceof ApiError && error.status === 404 && error.requestId === "req_1");
});

test("a stream that the server cannot resume begins again, once its follower has dropped what it had", async () => {
  const refusal = { status: 400, body: { error: { message: "Event 1 is not stored.", code: null, param: "starting_after" } } };
  const requests = scriptAnswers(
    { text: "id: 1\ndata: one\n\n", isDropped: true }, refusal, { text: "id: 5\ndata: uno\n\nevent: done\ndata: [DONE]\n\n" },
  );
  const seen = [];
  await follow({ onEvent: (event) => seen.push(event.data), onRestart: () => seen.splice(0) });
  assert.deepEqual([seen, requests], [["uno"], ["", "?starting_after=1", ""]]);
  scriptAnswers(refusal);
  await assert.rejects(follow({ after: "1" }), { status: 400, param: "starting_after" });
});

test("an aborted stream ends without an error", async () => {
  const abort = new AbortController();
  scriptAnswers({ text: "id: 1\ndata: one\n\n" });
  assert.deepEqual(await follow({ signal: abort.signal, onEvent: () => abort.abort() }), []);
});

test("reads are tried again when a gateway fails, and writes and other errors are not", async () => {
  const requests = scriptAnswers({ status: 502 }, { status: 200, body: { data: [] } });
  assert.deepEqual(await get("/threads", { limit: 2 }), { data: [] });
  assert.deepEqual(requests, ["?limit=2", "?limit=2"]);
  scriptAnswers({ status: 429, body: { error: { message: "Slow down.", code: "rate_limit_exceeded" } } });
  await assert.rejects(get("/threads"), { status: 429, code: "rate_limit_exceeded", message: "Slow down." });
});
