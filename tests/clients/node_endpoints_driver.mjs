// Drives servers with the newest Node package, beside assistants: node_endpoints_driver.mjs PACKAGE_FOLDER URL KEY [URL KEY]...

import assert from "node:assert/strict";
import { join } from "node:path";
import { pathToFileURL } from "node:url";

import { driveServers } from "./checks.mjs";
import { converse, openSocketsWithoutTls, withoutTls } from "./realtime_conversation.mjs";

const [folder, ...servers] = process.argv.slice(2);
const load = (file) => import(pathToFileURL(join(folder, file)));
const { default: OpenAI, toFile } = await load("index.mjs");

const { ResponsesWS } = await load("resources/responses/ws.mjs");
class PlainResponses extends ResponsesWS {
  _createSocket(url, headers) {
    return super._createSocket(withoutTls(url), headers);
  }
}
const { OpenAIRealtimeWebSocket } = await load("realtime/websocket.mjs");
openSocketsWithoutTls();

const model = "gpt-4o";
let client;

function connect(baseURL, apiKey) {
  client = new OpenAI({ baseURL, apiKey, maxRetries: 0, timeout: 60_000 });
}

const png = Buffer.from(
  "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==",
  "base64",
);
const image = (name = "a.png") => toFile(png, name, { type: "image/png" });
const recording = () => toFile(Buffer.alloc(2000), "a.mp3", { type: "audio/mpeg" });
const failed = (promise) => promise.then(() => assert.fail("no error"), (error) => error);

async function collected(pages) {
  const found = [];
  for await (const one of pages) found.push(one);
  return found;
}

async function pollUntil(check) {
  const deadline = performance.now() + 60_000;
  for (;;) {
    const found = await check();
    if (found) return found;
    assert.ok(performance.now() < deadline, "it never was so");
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

// A connection for responses: `request` resolves to the events of one.
async function open(body) {
  const socket = new PlainResponses(client);
  const events = socket.stream()[Symbol.asyncIterator]();
  async function request(members) {
    socket.send({ type: "response.create", model, ...members });
    const found = [];
    for (;;) {
      const { value, done } = await events.next();
      assert.ok(!done, "the connection was closed");
      if (value.type === "error") return [value.error.error.error];
      if (value.type !== "message") continue;
      found.push(value.message);
      if (/^response\.(completed|incomplete|failed)$/.test(value.message.type)) return found;
    }
  }
  await body(request, socket);
  socket.close();
}

const checks = {
  async images_are_made_edited_varied_and_streamed() {
    const made = await client.images.generate({ model, prompt: "A cat", n: 1, size: "1024x1024" });
    assert.ok(made.data[0].b64_json.length > 100);
    assert.equal(made.usage.total_tokens, 7);
    const edited = await client.images.edit({ model, prompt: "A hat", image: [await image(), await image("b.png")] });
    assert.ok(edited.data[0].b64_json);
    assert.ok((await client.images.createVariation({ model, image: await image() })).data[0].b64_json);
    for (const stream of [
      await client.images.generate({ model, prompt: "A cat", stream: true, partial_images: 1 }),
      await client.images.edit({ model, prompt: "A hat", image: await image(), stream: true, partial_images: 1 }),
    ]) {
      const [partial, complete] = await collected(stream);
      assert.match(partial.type, /partial_image$/);
      assert.deepEqual([/completed$/.test(complete.type), complete.usage.total_tokens], [true, 7]);
    }
    const refused = await failed(client.images.generate({ model, prompt: 5 }));
    assert.deepEqual([refused.status, refused.param], [400, "prompt"]);
    const missing = await failed(client.images.generate({ model: "nothing", prompt: "A cat" }));
    assert.deepEqual([missing.status, missing.code], [404, "model_not_found"]);
  },

  async speech_is_made_whole_and_as_events() {
    const speech = await client.audio.speech.create({ model, input: "Hello", voice: "alloy" });
    assert.equal(speech.headers.get("content-type"), "audio/mpeg");
    assert.equal((await speech.arrayBuffer()).byteLength, 102_400);
    const events = await client.audio.speech.create({ model, input: "Hello", voice: "alloy", stream_format: "sse" });
    assert.match(await events.text(), /speech\.audio\.delta[^]*speech\.audio\.done/);
  },

  async recordings_are_transcribed_and_translated() {
    const { transcriptions, translations } = client.audio;
    assert.equal((await transcriptions.create({ model, file: await recording() })).text, "Hello there");
    const verbose = { model, response_format: "verbose_json", timestamp_granularities: ["segment"] };
    assert.equal((await transcriptions.create({ ...verbose, file: await recording() })).segments[0].end, 2);
    const subtitles = await transcriptions.create({ model, file: await recording(), response_format: "srt" });
    assert.match(subtitles, /00:00:02,000/);
    const events = await collected(await transcriptions.create({ model, file: await recording(), stream: true }));
    assert.deepEqual(events.map(({ type }) => type), ["transcript.text.delta", "transcript.text.done"]);
    assert.equal((await translations.create({ model, file: await recording() })).text, "Hello there");
    const refused = await failed(transcriptions.create({ model }));
    assert.deepEqual([refused.status, refused.param], [400, "file"]);
  },

  async texts_and_responses_are_moderated() {
    const whole = await client.moderations.create({ model, input: ["a fight", "peace"] });
    assert.equal(whole.results.length, 2);
    const parts = [{ type: "text", text: "a fight" }];
    assert.equal((await client.moderations.create({ model, input: parts })).results[0].flagged, true);
    const policy = { input: { mode: "block" }, output: { mode: "block" } };
    const blocked = await client.responses.create({ model, input: "a fight", moderation: { model, policy } });
    assert.deepEqual([blocked.status, blocked.incomplete_details.reason], ["incomplete", "content_filter"]);
    assert.deepEqual([blocked.moderation.input.flagged, blocked.moderation.output.type], [true, "error"]);
    const stream = client.responses.stream({ model, input: "Peace", moderation: { model, policy } });
    const final = await stream.finalResponse();
    assert.equal(final.output_text, "You said: Peace");
    assert.equal(final.moderation.output.category_scores.violence, 0.1);
  },

  async videos_are_made_listed_downloaded_and_deleted() {
    const made = await client.videos.create({ model: "sora-2", prompt: "Static", seconds: "4", size: "1280x720" });
    assert.match(made.id, /^video_/);
    const early = await failed(client.videos.downloadContent(made.id));
    assert.equal(early.code, "video_not_ready");
    const done = await pollUntil(async () => {
      const found = await client.videos.retrieve(made.id);
      assert.notEqual(found.status, "failed");
      return found.status === "completed" && found;
    });
    assert.equal(done.progress, 100);
    const content = Buffer.from(await (await client.videos.downloadContent(made.id)).arrayBuffer());
    assert.equal(content.subarray(4, 8).toString(), "ftyp");
    const thumbnail = await client.videos.downloadContent(made.id, { variant: "thumbnail" });
    assert.equal(thumbnail.headers.get("content-type"), "image/jpeg");
    assert.ok((await collected(client.videos.list({ limit: 1 }))).some(({ id }) => id === made.id));
    assert.equal((await client.videos.delete(made.id)).deleted, true);
    await assert.rejects(client.videos.retrieve(made.id), OpenAI.NotFoundError);
    const wrong = await failed(client.videos.create({ prompt: "x", seconds: "7" }));
    assert.deepEqual([wrong.status, wrong.param], [400, "seconds"]);
  },

  async responses_follow_each_other_over_one_connection() {
    await open(async (request) => {
      const first = await request({ input: "Hello", store: false });
      assert.deepEqual(first.map(({ type }) => type).slice(0, 2), ["response.created", "response.in_progress"]);
      const { response } = first.at(-1);
      assert.equal(response.output[0].content[0].text, "You said: Hello");
      assert.deepEqual(first.map((event) => event.sequence_number), [...first.keys()]);
      const next = await request({ input: "Again", store: false, previous_response_id: response.id });
      assert.equal(next.at(-1).response.previous_response_id, response.id);
      const tool = { type: "function", name: "get_weather", strict: false, parameters: { type: "object" } };
      const called = (await request({ input: "weather: Paris", tools: [tool] })).at(-1).response;
      const input = called.output.map(({ call_id }) => ({ type: "function_call_output", call_id, output: "mild" }));
      const told = await request({ input, tools: [tool], previous_response_id: called.id });
      assert.equal(told.at(-1).response.output[0].content[0].text, "Outputs: mild");
      const missing = await request({ input: "Hi", previous_response_id: "resp_missing" });
      assert.equal(missing[0].code, "previous_response_not_found");
      const bad = await request({ input: 5 });
      assert.deepEqual([bad[0].type, bad[0].param], ["invalid_request_error", "input"]);
      const after = await request({ input: "Still here" });
      assert.equal(after.at(-1).type, "response.completed");
    });
  },

  async an_unstored_response_is_known_to_its_connection_only() {
    let id;
    await open(async (request) => {
      id = (await request({ input: "Hello", store: false })).at(-1).response.id;
    });
    await open(async (request) => {
      const [error] = await request({ input: "Again", previous_response_id: id });
      assert.equal(error.code, "previous_response_not_found");
    });
  },

  async a_connection_with_a_wrong_key_is_refused() {
    const stranger = new OpenAI({ baseURL: client.baseURL, apiKey: "sk-wrong" });
    const socket = new PlainResponses(stranger);
    const error = await new Promise((resolve) => socket.on("error", resolve));
    assert.match(String(error.message), /401/);
    socket.close();
  },

  async stored_prompts_answer_with_their_variables() {
    const content = { model, messages: [{ role: "user", content: "Tell me of {{topic}}." }] };
    const prompt = await client.post("/prompts", { body: content });
    const ask = { prompt: { id: prompt.id, variables: { topic: "pigs" } } };
    const made = await client.responses.create(ask);
    assert.deepEqual([made.model, made.prompt.version, made.instructions[0].content[0].text], [
      model,
      "1",
      "Tell me of pigs.",
    ]);
    await client.post(`/prompts/${prompt.id}/versions`, { body: { ...content, instructions: "Be brief." } });
    const second = await client.responses.create({ prompt: { ...ask.prompt, version: "2" }, input: "Go" });
    assert.equal(second.output_text, "You said: Go");
    const missing = await failed(client.responses.create({ prompt: { id: prompt.id } }));
    assert.deepEqual([missing.status, missing.code], [400, "missing_variables"]);
    const file = await client.files.create({ file: await image(), purpose: "vision" });
    const seen = { id: prompt.id, variables: { topic: { type: "input_image", file_id: file.id, detail: "low" } } };
    assert.equal((await client.responses.create({ prompt: seen })).status, "completed");
    await client.delete(`/prompts/${prompt.id}`);
    assert.equal((await failed(client.responses.create(ask))).status, 404);
  },

  async a_realtime_session_takes_a_client_secret() {
    const session = { type: "realtime", model, output_modalities: ["text"] };
    const secret = await client.realtime.clientSecrets.create({ session });
    assert.match(secret.value, /^ek_/);
    const browser = new OpenAI({ baseURL: client.baseURL, apiKey: secret.value, dangerouslyAllowBrowser: true });
    for (const [name, code] of [[browser, 1000], [client, 1000]]) {
      const events = await converse(OpenAIRealtimeWebSocket, name, model);
      assert.deepEqual([events[0], ...events.slice(-2)], ["session.created", "response.done", code]);
    }
    const refused = await failed(browser.responses.create({ model, input: "Hi" }));
    assert.equal(refused.status, 401);
  },

  async what_only_the_vendor_has_is_a_plain_404() {
    const workflow = { user: "u", workflow: { id: "w" } };
    for (const call of [
      () => client.evals.list(),
      () => client.fineTuning.jobs.list(),
      () => client.skills.list(),
      () => client.beta.chatkit.sessions.create(workflow),
      () => client.decisions.create({ model, input: "x", questions: [] }),
    ]) {
      const error = await failed(call());
      assert.deepEqual([error.status, error.type], [404, "invalid_request_error"]);
    }
  },
};

await driveServers(servers, connect, checks);
