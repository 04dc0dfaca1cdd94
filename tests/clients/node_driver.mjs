// Drives servers with a version of the official Node package: node_driver.mjs PACKAGE_FOLDER URL KEY [URL KEY]...

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";

import { driveServers } from "./checks.mjs";

const [folder, ...servers] = process.argv.slice(2);
const { exports: entry, version } = JSON.parse(readFileSync(join(folder, "package.json"), "utf8"));
const main = entry["."].import?.default ?? entry["."].import ?? entry["."].default;
const { default: OpenAI, AzureOpenAI, toFile } = await import(pathToFileURL(join(folder, main)));

const newest = !version.startsWith("4.");
let options, client, assistants, threads, root;
const unknown = `asst_${"0".repeat(24)}`;
const weather = {
  type: "function",
  function: {
    name: "get_weather",
    description: "The weather in a city.",
    parameters: { type: "object", properties: { city: { type: "string" } }, required: ["city"] },
  },
};
const poll = { pollIntervalMs: 10 };

function connect(baseURL, apiKey) {
  options = { apiKey, maxRetries: 0, timeout: 20_000 };
  client = new OpenAI({ baseURL, ...options });
  ({ assistants, threads } = client.beta);
  root = baseURL.replace(/\/v1$/, "");
}

// The first generation of the package names an object's parents by position, the next one by name.
const at = newest
  ? {
      message: (method, id, thread, ...rest) =>
        threads.messages[method](id, rest.length ? { thread_id: thread, ...rest[0] } : { thread_id: thread }),
      run: (method, id, thread, ...rest) =>
        threads.runs[method](id, rest.length ? { thread_id: thread, ...rest[0] } : { thread_id: thread }),
      poll: (id, thread) => threads.runs.poll(id, { thread_id: thread }, poll),
      submitAndPoll: (id, thread, body) =>
        threads.runs.submitToolOutputsAndPoll(id, { thread_id: thread, ...body }, poll),
      submitStream: (from, id, thread, body) => from.submitToolOutputsStream(id, { thread_id: thread, ...body }),
      steps: (id, thread, query) => threads.runs.steps.list(id, { thread_id: thread, ...query }),
      step: (id, run, thread) => threads.runs.steps.retrieve(id, { thread_id: thread, run_id: run }),
      remove: (resource, id, parent) => (parent ? resource.delete(id, { thread_id: parent }) : resource.delete(id)),
    }
  : {
      message: (method, id, thread, ...rest) => threads.messages[method](thread, id, ...rest),
      run: (method, id, thread, ...rest) => threads.runs[method](thread, id, ...rest),
      poll: (id, thread) => threads.runs.poll(thread, id, poll),
      submitAndPoll: (id, thread, body) => threads.runs.submitToolOutputsAndPoll(thread, id, body, poll),
      submitStream: (from, id, thread, body) => from.submitToolOutputsStream(thread, id, body),
      steps: (id, thread, query) => threads.runs.steps.list(thread, id, query),
      step: (id, run, thread) => threads.runs.steps.retrieve(thread, run, id),
      remove: (resource, id, parent) => (parent ? resource.del(parent, id) : resource.del(id)),
    };

const user = (content) => ({ role: "user", content });
const newAssistant = (members = {}) => assistants.create({ model: "gpt-4o", tools: [weather], ...members });
const newThread = (...contents) => threads.create({ messages: contents.map(user) });

async function collected(pages) {
  const found = [];
  for await (const one of pages) found.push(one);
  return found;
}

async function said(thread) {
  const messages = await collected(threads.messages.list(thread.id, { order: "asc", limit: 1 }));
  return messages.map((message) => message.content.map((part) => part.text.value).join(""));
}

function outputsOf(run) {
  const calls = run.required_action.submit_tool_outputs.tool_calls;
  return { tool_outputs: calls.map((call) => ({ tool_call_id: call.id, output: call.function.arguments })) };
}

// What a stream says, by the package's own events.
function heard(stream) {
  const notes = { names: [], text: "", calls: [], ended: false };
  stream.on("event", ({ event }) => notes.names.push(event));
  stream.on("textDelta", (delta, snapshot) => {
    notes.text += delta.value;
    assert.equal(snapshot.value, notes.text);
  });
  stream.on("toolCallDone", (call) => notes.calls.push(call.function.arguments));
  stream.on("end", () => (notes.ended = true));
  return notes;
}

const checks = {
  async assistants_are_made_changed_and_removed() {
    const made = await newAssistant({ name: "Ada", instructions: "Be brief.", metadata: { k: "v" }, temperature: 0.5 });
    assert.deepEqual(await assistants.retrieve(made.id), made);
    const changed = await assistants.update(made.id, { name: "Eve", tools: [] });
    assert.deepEqual([changed.name, changed.tools, changed.instructions], ["Eve", [], "Be brief."]);
    assert.equal((await at.remove(assistants, made.id)).deleted, true);
    await assert.rejects(assistants.retrieve(made.id), OpenAI.NotFoundError);
  },

  async pages_follow_each_other() {
    const made = [];
    for (const name of ["0", "1", "2", "3", "4"]) made.push((await newAssistant({ name })).id);
    const seen = [];
    for await (const one of assistants.list({ limit: 2 })) {
      seen.push(one.id);
      if (one.id === made[0]) break;
    }
    assert.deepEqual(seen, made.toReversed());
    const page = await assistants.list({ limit: 2, order: "desc", before: made[0], after: made[4] });
    assert.equal(page.data[0].id, made[3]);
  },

  async vector_stores_are_filled_searched_and_removed() {
    const stores = client.vectorStores;
    const store = await stores.create({ name: "Notes" });
    const bread = await toFile(Buffer.from("Bread is baked at 230 degrees."), "bread.txt");
    const file = await stores.files.uploadAndPoll(store.id, bread);
    assert.equal(file.status, "completed");
    const found = await stores.search(store.id, { query: "baked", max_num_results: 1 });
    assert.deepEqual([found.data[0].filename, found.data[0].content[0].text], ["bread.txt", "Bread is baked at 230 degrees."]);
    assert.equal((await stores.retrieve(store.id)).file_counts.completed, 1);
    assert.equal((await at.remove(stores, store.id)).deleted, true);
    await assert.rejects(stores.retrieve(store.id), OpenAI.NotFoundError);
    assert.equal((await at.remove(client.files, file.id)).deleted, true);
  },

  async files_are_uploaded_read_and_removed() {
    const made = await client.files.create({ file: await toFile(Buffer.from("Hello"), "你好.txt"), purpose: "assistants" });
    assert.deepEqual([made.filename, made.bytes, made.status], ["你好.txt", 5, "processed"]);
    assert.deepEqual(await client.files.retrieve(made.id), made);
    assert.equal(await (await client.files.content(made.id)).text(), "Hello");
    assert.equal((await collected(client.files.list({ purpose: "assistants" }))).length, 1);
    assert.equal((await at.remove(client.files, made.id)).deleted, true);
    await assert.rejects(client.files.retrieve(made.id), OpenAI.NotFoundError);
    const whole = { bytes: 10, filename: "a.txt", mime_type: "text/plain", purpose: "assistants" };
    const upload = await client.uploads.create(whole);
    const parts = [];
    for (const piece of ["01234", "56789"]) {
      const data = await toFile(Buffer.from(piece), "piece");
      parts.push((await client.uploads.parts.create(upload.id, { data })).id);
    }
    const done = await client.uploads.complete(upload.id, { part_ids: parts });
    assert.deepEqual([done.status, done.file.bytes], ["completed", 10]);
    assert.equal(await (await client.files.content(done.file.id)).text(), "0123456789");
    await at.remove(client.files, done.file.id);
  },

  async threads_and_messages_are_made_changed_and_removed() {
    const empty = await threads.create();
    assert.deepEqual(empty.metadata, {});
    assert.deepEqual((await threads.update(empty.id, { metadata: { k: "v" } })).metadata, { k: "v" });
    assert.deepEqual((await threads.retrieve(empty.id)).metadata, { k: "v" });
    const message = await threads.messages.create(empty.id, {
      role: "user",
      content: [
        { type: "text", text: "See" },
        { type: "image_url", image_url: { url: "https://example.com/a.png" } },
      ],
    });
    assert.deepEqual(await at.message("retrieve", message.id, empty.id), message);
    assert.deepEqual((await at.message("update", message.id, empty.id, { metadata: { a: "b" } })).metadata, { a: "b" });
    assert.equal((await at.remove(threads.messages, message.id, empty.id)).deleted, true);
    assert.deepEqual(await said(empty), []);
    assert.equal((await at.remove(threads, empty.id)).deleted, true);
    await assert.rejects(threads.retrieve(empty.id), OpenAI.NotFoundError);
  },

  async a_run_is_polled_to_its_end() {
    const assistant = await newAssistant();
    const thread = await newThread("Hello");
    const run = await threads.runs.createAndPoll(thread.id, { assistant_id: assistant.id });
    assert.deepEqual([run.status, run.usage.total_tokens], ["completed", 12]);
    assert.deepEqual(await said(thread), ["Hello", "You said: Hello"]);
    const [step] = await collected(at.steps(run.id, thread.id, { limit: 1 }));
    assert.deepEqual(await at.step(step.id, run.id, thread.id), step);
    assert.deepEqual((await at.run("update", run.id, thread.id, { metadata: { k: "v" } })).metadata, { k: "v" });
    const runs = await collected(threads.runs.list(thread.id));
    assert.deepEqual(runs.map(({ id }) => id), [run.id]);
    assert.equal((await at.run("retrieve", run.id, thread.id)).status, "completed");
  },

  async a_stream_tells_an_answer_as_it_is_written() {
    const assistant = await newAssistant();
    const thread = await newThread("One two three");
    const stream = threads.runs.stream(thread.id, { assistant_id: assistant.id });
    const notes = heard(stream);
    const run = await stream.finalRun();
    await stream.done();
    const [message] = await stream.finalMessages();
    const [step] = await stream.finalRunSteps();
    assert.deepEqual([run.status, step.type], ["completed", "message_creation"]);
    assert.deepEqual([notes.text, message.content[0].text.value], Array(2).fill("You said: One two three"));
    assert.deepEqual(notes.names.slice(0, 2), ["thread.run.created", "thread.run.queued"]);
    assert.equal(notes.names.at(-1), "thread.run.completed");
    assert.equal(notes.ended, true);
    const found = await at.message("retrieve", message.id, thread.id);
    assert.deepEqual(found.content[0].text, message.content[0].text);
  },

  async a_bare_stream_names_its_events() {
    const assistant = await newAssistant();
    const thread = await newThread("Hello");
    const names = [];
    for await (const { event } of await threads.runs.create(thread.id, { assistant_id: assistant.id, stream: true })) {
      names.push(event);
    }
    assert.equal(names.filter((name) => name === "thread.message.delta").length, 3);
    assert.equal(names.at(-1), "thread.run.completed");
  },

  async functions_are_called_in_rounds_by_polling() {
    const assistant = await newAssistant();
    const thread = await newThread("weather: Paris, Rome; Oslo");
    let run = await threads.runs.createAndPoll(thread.id, { assistant_id: assistant.id }, poll);
    for (const count of [2, 1]) {
      assert.equal(run.status, "requires_action");
      assert.equal(run.required_action.submit_tool_outputs.tool_calls.length, count);
      run = await at.submitAndPoll(run.id, thread.id, outputsOf(run));
    }
    assert.deepEqual([run.status, run.usage.total_tokens], ["completed", 36]);
    assert.equal((await said(thread))[1], 'Outputs: {"city": "Paris"}, {"city": "Rome"}, {"city": "Oslo"}');
  },

  async functions_are_called_in_rounds_by_streams() {
    const assistant = await newAssistant();
    const thread = await newThread("weather: Paris, Rome; Oslo");
    let stream = threads.runs.stream(thread.id, { assistant_id: assistant.id });
    let notes = heard(stream);
    let run = await stream.finalRun();
    assert.deepEqual(run.required_action.submit_tool_outputs.tool_calls.map((call) => call.function.arguments), [
      '{"city": "Paris"}',
      '{"city": "Rome"}',
    ]);
    for (const status of ["requires_action", "completed"]) {
      stream = at.submitStream(threads.runs, run.id, thread.id, outputsOf(run));
      notes = heard(stream);
      run = await stream.finalRun();
      assert.equal(run.status, status);
    }
    await stream.done();
    assert.equal(notes.text, 'Outputs: {"city": "Paris"}, {"city": "Rome"}, {"city": "Oslo"}');
  },

  async a_thread_is_made_and_run_at_once() {
    const assistant = await newAssistant();
    const body = { assistant_id: assistant.id, thread: { messages: [user("Hello")] } };
    const run = await threads.createAndRunPoll(body, poll);
    assert.deepEqual([run.status, await said({ id: run.thread_id })], ["completed", ["Hello", "You said: Hello"]]);
    const stream = threads.createAndRunStream(body);
    const notes = heard(stream);
    assert.equal((await stream.finalRun()).status, "completed");
    assert.equal(notes.names[0], "thread.created");
    assert.equal(notes.text, "You said: Hello");
  },

  async a_run_is_cancelled() {
    const assistant = await newAssistant();
    const thread = await newThread("hang");
    const run = await threads.runs.create(thread.id, { assistant_id: assistant.id });
    await assert.rejects(threads.runs.create(thread.id, { assistant_id: assistant.id }), OpenAI.BadRequestError);
    await at.run("cancel", run.id, thread.id);
    assert.equal((await at.poll(run.id, thread.id)).status, "cancelled");
  },

  async a_stream_ends_when_its_run_is_cancelled() {
    const assistant = await newAssistant();
    const thread = await newThread("hang");
    const stream = threads.runs.stream(thread.id, { assistant_id: assistant.id });
    stream.once("textDelta", () => at.run("cancel", stream.currentRun().id, thread.id));
    assert.equal((await stream.finalRun()).status, "cancelled");
    await stream.done();
  },

  async a_run_that_is_cut_off_is_incomplete() {
    const assistant = await newAssistant();
    const thread = await newThread("long");
    const stream = threads.runs.stream(thread.id, { assistant_id: assistant.id });
    if (newest) {
      const run = await stream.finalRun();
      assert.deepEqual([run.status, run.incomplete_details.reason], ["incomplete", "max_completion_tokens"]);
    } else {
      // This generation does not take `incomplete` for an end; the hosted service ended so as well.
      await assert.rejects(stream.finalRun(), /Final run has not been received/);
    }
  },

  async a_run_whose_model_fails_has_failed() {
    const assistant = await newAssistant();
    const thread = await newThread("fail");
    const stream = threads.runs.stream(thread.id, { assistant_id: assistant.id });
    const run = await stream.finalRun();
    assert.deepEqual([run.status, run.last_error.code], ["failed", "server_error"]);
  },

  async a_stream_that_its_reader_leaves_goes_on_without_it() {
    const assistant = await newAssistant();
    const thread = await newThread("Hello");
    const stream = threads.runs.stream(thread.id, { assistant_id: assistant.id });
    stream.once("runStepCreated", () => stream.abort());
    await assert.rejects(stream.done(), OpenAI.APIUserAbortError);
    const run = await at.poll(stream.currentRun().id, thread.id);
    assert.equal(run.status, "completed");
  },

  async errors_have_their_class_status_param_and_code() {
    const found = (error) => [error.constructor.name, error.status, error.type, error.param, error.code];
    const missing = await assistants.retrieve(unknown).catch((error) => error);
    assert.deepEqual(found(missing), ["NotFoundError", 404, "invalid_request_error", null, null]);
    assert.equal(missing.error.message, `No assistant found with id '${unknown}'.`);
    const bad = await newAssistant({ temperature: 3 }).catch((error) => error);
    assert.deepEqual(found(bad), [
      "BadRequestError",
      400,
      "invalid_request_error",
      "temperature",
      "decimal_above_max_value",
    ]);
    const stranger = new OpenAI({ baseURL: client.baseURL, ...options, apiKey: "sk-wrong" });
    const denied = await stranger.models.list().catch((error) => error);
    assert.deepEqual([denied.constructor.name, denied.status, denied.code], [
      "AuthenticationError",
      401,
      "invalid_api_key",
    ]);
    const refused = threads.runs.stream((await newThread("Hi")).id, { assistant_id: unknown });
    await assert.rejects(refused.finalRun(), OpenAI.NotFoundError);
  },

  async chats_are_completed_and_streamed() {
    const ask = { model: "gpt-4o", messages: [user("Hello there")] };
    const whole = await client.chat.completions.create(ask);
    assert.equal(whole.choices[0].message.content, "You said: Hello there");
    let text = "";
    for await (const chunk of await client.chat.completions.create({ ...ask, stream: true })) {
      text += chunk.choices[0]?.delta.content ?? "";
    }
    assert.equal(text, "You said: Hello there");
    const { completions } = newest ? client.chat : client.beta.chat;
    const final = await completions.stream({ ...ask, stream_options: { include_usage: true } }).finalChatCompletion();
    assert.deepEqual([final.choices[0].message.content, final.usage.total_tokens], ["You said: Hello there", 12]);
    const schema = {
      type: "json_schema",
      json_schema: {
        name: "forecast",
        strict: true,
        schema: { type: "object", properties: { city: { type: "string" } } },
      },
    };
    const formed = await completions.stream({ ...ask, response_format: schema }).finalContent();
    assert.deepEqual(JSON.parse(formed), { city: "Paris", degrees: 18 });
  },

  async chats_call_functions() {
    const { completions } = newest ? client.chat : client.beta.chat;
    const called = [];
    const forecast = ({ city }) => {
      called.push(city);
      return `${city} is mild`;
    };
    const tool = { type: "function", function: { ...weather.function, parse: JSON.parse, function: forecast } };
    const ask = { model: "gpt-4o", messages: [user("weather: Paris, Rome; Oslo")], tools: [tool] };
    const runner = completions.runTools({ ...ask, stream: true });
    assert.equal(await runner.finalContent(), "Outputs: Paris is mild, Rome is mild, Oslo is mild");
    assert.deepEqual(called, ["Paris", "Rome", "Oslo"]);
  },

  async models_are_listed_and_found() {
    const models = await collected(client.models.list());
    assert.ok(models.some(({ id }) => id === "gpt-4o"));
    assert.equal((await client.models.retrieve("gpt-4o")).object, "model");
    await assert.rejects(client.models.retrieve("nothing"), OpenAI.NotFoundError);
  },

  async responses_are_made_streamed_and_followed() {
    const ask = { model: "gpt-4o", input: "Hello" };
    const made = await client.responses.create({ ...ask, metadata: { a: "b" } });
    assert.deepEqual([made.status, made.output_text, made.metadata.a], ["completed", "You said: Hello", "b"]);
    const found = await client.responses.retrieve(made.id);
    assert.deepEqual([found.id, found.output], [made.id, made.output]);
    let text = "";
    for await (const event of await client.responses.create({ ...ask, stream: true })) {
      if (event.type === "response.output_text.delta") text += event.delta;
    }
    assert.equal(text, "You said: Hello");
    const final = await client.responses.stream(ask).finalResponse();
    assert.equal(final.output[0].content[0].text, "You said: Hello");
    const next = await client.responses.create({ ...ask, previous_response_id: made.id });
    const items = await collected(client.responses.inputItems.list(next.id, { order: "asc", limit: 2 }));
    assert.deepEqual(items.map(({ role }) => role), ["user", "assistant", "user"]);
    await (newest ? client.responses.delete(made.id) : client.responses.del(made.id));
    await assert.rejects(client.responses.retrieve(made.id), OpenAI.NotFoundError);
  },

  async responses_call_functions_and_parse() {
    const tool = { type: "function", strict: false, ...weather.function };
    const ask = { model: "gpt-4o", tools: [tool] };
    let made = await client.responses.create({ ...ask, input: "weather: Paris, Rome; Oslo" });
    for (let round = 0; round < 2; round += 1) {
      const input = made.output.map(({ call_id, arguments: given }) => ({
        type: "function_call_output",
        call_id,
        output: JSON.parse(given).city,
      }));
      made = await client.responses.create({ ...ask, input, previous_response_id: made.id });
    }
    assert.equal(made.output_text, "Outputs: Paris, Rome, Oslo");
    const schema = { type: "object", properties: { city: { type: "string" } } };
    const format = { type: "json_schema", name: "forecast", strict: false, schema };
    const parsed = await client.responses.parse({ model: "gpt-4o", input: "Weather?", text: { format } });
    assert.deepEqual(parsed.output_parsed, { city: "Paris", degrees: 18 });
  },

  async responses_in_the_background_are_taken_up_again() {
    if (!newest) return; // the older package cannot
    const ask = { model: "gpt-4o", input: "Hello to everybody here", background: true };
    const stream = await client.responses.create({ ...ask, stream: true });
    let [id, last, text] = ["", 0, ""];
    for await (const event of stream) {
      id ||= event.response?.id;
      last = event.sequence_number;
      if (event.type === "response.output_text.delta") text += event.delta;
      if (last === 6) break;
    }
    for await (const event of await client.responses.retrieve(id, { stream: true, starting_after: last })) {
      assert.ok(event.sequence_number > last);
      if (event.type === "response.output_text.delta") text += event.delta;
    }
    assert.equal(text, "You said: Hello to everybody here");
    const hanging = await client.responses.create({ ...ask, input: "hang" });
    assert.equal((await client.responses.cancel(hanging.id)).status, "cancelled");
  },

  async conversations_hold_items_and_responses() {
    if (!newest) return; // the older package has none
    const made = await client.conversations.create({ items: [user("I am Ada.")], metadata: { a: "b" } });
    await client.responses.create({ model: "gpt-4o", input: "Hello", conversation: made.id });
    const items = await collected(client.conversations.items.list(made.id, { order: "asc", limit: 1 }));
    assert.deepEqual(items.map(({ content }) => content[0].text), ["I am Ada.", "Hello", "You said: Hello"]);
    const item = await client.conversations.items.retrieve(items[0].id, { conversation_id: made.id });
    assert.equal(item.role, "user");
    await client.conversations.items.delete(item.id, { conversation_id: made.id });
    assert.equal((await client.conversations.delete(made.id)).deleted, true);
    await assert.rejects(client.conversations.retrieve(made.id), OpenAI.NotFoundError);
  },

  async azure_clients_find_their_paths() {
    const azure = new AzureOpenAI({ endpoint: root, apiVersion: "2024-05-01-preview", ...options });
    const assistant = await azure.beta.assistants.create({ model: "gpt-4o" });
    const thread = await azure.beta.threads.create({ messages: [user("Hello")] });
    const stream = azure.beta.threads.runs.stream(thread.id, { assistant_id: assistant.id });
    const notes = heard(stream);
    assert.equal((await stream.finalRun()).status, "completed");
    assert.equal(notes.text, "You said: Hello");
    const chat = await azure.chat.completions.create({ model: "gpt-4o", messages: [user("Hello")] });
    assert.equal(chat.choices[0].message.content, "You said: Hello");
  },
};

await driveServers(servers, connect, checks);
