// Converses with a server as a page does, with the Node package's client for browsers: realtime_driver.mjs PACKAGE_FOLDER URL KEY
// Prints the events of three connections: with a client secret, with the key, and with a wrong secret.

import { join } from "node:path";
import { pathToFileURL } from "node:url";

import { converse, openSocketsWithoutTls } from "./realtime_conversation.mjs";

const [folder, baseURL, key] = process.argv.slice(2);

openSocketsWithoutTls();
const load = (file) => import(pathToFileURL(join(folder, file)));
const { OpenAI } = await load("index.mjs");
const { OpenAIRealtimeWebSocket } = await load("realtime/websocket.mjs");

const secret = await new OpenAI({ baseURL, apiKey: key }).realtime.clientSecrets.create({
  session: { type: "realtime", model: "gpt-4o" },
});

for (const one of [secret.value, key, "ek_wrong"]) {
  const client = new OpenAI({ baseURL, apiKey: one, dangerouslyAllowBrowser: true });
  console.log(JSON.stringify(await converse(OpenAIRealtimeWebSocket, client, "gpt-4o")));
}
