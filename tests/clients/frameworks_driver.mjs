// Drives a server with the agent frameworks for Node: frameworks_driver.mjs NODE_MODULES URL KEY [URL KEY]...

import assert from "node:assert/strict";
import { createRequire } from "node:module";
import { join } from "node:path";

import { driveServers } from "./checks.mjs";

const [modules, ...servers] = process.argv.slice(2);
let baseURL, apiKey;
const load = createRequire(join(modules, "driver.cjs"));
const { ChatOpenAI } = load("@langchain/openai");
const { HumanMessage, ToolMessage } = load("@langchain/core/messages");
const { tool: langchainTool } = load("@langchain/core/tools");
const { createOpenAI } = load("@ai-sdk/openai");
const { generateText, jsonSchema, streamText, stepCountIs, tool: aiTool } = load("ai");
const { z } = load("zod");

const model = "gpt-4o";
const asked = "weather: Paris, Rome";
const told = "Outputs: Paris is mild, Rome is mild";
// An optional parameter makes a schema that is not strict.
const parameters = z.object({ city: z.string(), unit: z.string().optional() });
const weather = ({ city }) => `${city} is mild`;

const checks = {
  async langchain_calls_tools_on_responses() {
    const get_weather = langchainTool(weather, { name: "get_weather", description: "The weather.", schema: parameters });
    const chat = new ChatOpenAI({ model, apiKey, useResponsesApi: true, maxRetries: 0, configuration: { baseURL } });
    const bound = chat.bindTools([get_weather]);
    const messages = [new HumanMessage(asked)];
    const called = await bound.invoke(messages);
    messages.push(called);
    for (const call of called.tool_calls) {
      messages.push(new ToolMessage({ content: weather(call.args), tool_call_id: call.id, name: call.name }));
    }
    assert.equal((await bound.invoke(messages)).text, told);
  },

  async langchain_streams_responses() {
    const chat = new ChatOpenAI({ model, apiKey, useResponsesApi: true, maxRetries: 0, configuration: { baseURL } });
    let text = "";
    for await (const chunk of await chat.stream("Hello")) text += chunk.text;
    assert.equal(text, "You said: Hello");
  },

  async vercel_calls_tools_on_responses() {
    const tools = { get_weather: aiTool({ description: "The weather.", inputSchema: parameters, execute: weather }) };
    const { text } = await generateText({
      model: createOpenAI({ baseURL, apiKey }).responses(model),
      prompt: asked,
      tools,
      stopWhen: stepCountIs(3),
      maxRetries: 0,
    });
    assert.equal(text, told);
  },

  async vercel_streams_tool_calls_on_responses_that_are_not_stored() {
    const tools = { get_weather: aiTool({ description: "The weather.", inputSchema: parameters, execute: weather }) };
    const result = streamText({
      model: createOpenAI({ baseURL, apiKey }).responses(model),
      prompt: asked,
      tools,
      stopWhen: stepCountIs(3),
      maxRetries: 0,
      providerOptions: { openai: { store: false } },
      onError: ({ error }) => {
        throw error;
      },
    });
    assert.equal(await result.text, told);
    assert.ok((await result.totalUsage).totalTokens > 0);
  },

  async vercel_executes_tools_for_agents() {
    // As in docs/guides/recipes/vercel.md.
    const address = baseURL.replace(/\/v1$/, "/api/v3");
    const headers = { authorization: `Bearer ${apiKey}`, "content-type": "application/json" };
    const { items } = await (await fetch(`${address}/tools?tool_slugs=AI_ML_API_LIST_MODELS`, { headers })).json();
    const [{ slug, description, input_parameters }] = items;
    const listed = aiTool({
      description,
      inputSchema: jsonSchema(input_parameters),
      async execute(input) {
        const body = JSON.stringify({ arguments: input });
        return (await fetch(`${address}/tools/execute/${slug}`, { method: "POST", headers, body })).json();
      },
    });
    assert.ok(listed.inputSchema.jsonSchema.type === "object");
    assert.ok((await listed.execute({})).successful);
  },
};

await driveServers(servers, (url, key) => ([baseURL, apiKey] = [url, key]), checks);
