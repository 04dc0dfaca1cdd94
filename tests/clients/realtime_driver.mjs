// Converses with a server as a page does, with the Node package's client for browsers: realtime_driver.mjs PACKAGE_FOLDER URL KEY
// Prints the events of three connections: with a client secret, with the key, and with a wrong secret.

import { join } from "node:path";
import { pathToFileURL } from "node:url";

const [folder, baseURL, key] = process.argv.slice(2);

// The package always uses TLS, which the server leaves to a proxy.
const Plain = globalThis.WebSocket;
globalThis.WebSocket = class extends Plain {
  constructor(url, protocols) {
    super(String(url).replace("wss:", "ws:"), protocols);
  }
};
const load = (file) => import(pathToFileURL(join(folder, file)));
const { OpenAI } = await load("index.mjs");
const { OpenAIRealtimeWebSocket } = await load("realtime/websocket.mjs");

const secret = await new OpenAI({ baseURL, apiKey: key }).realtime.clientSecrets.create({
  session: { type: "realtime", model: "gpt-4o" },
});

async function converse(apiKey) {
  const client = new OpenAI({ baseURL, apiKey, dangerouslyAllowBrowser: true });
  const realtime = new OpenAIRealtimeWebSocket({ model: "gpt-4o", dangerouslyAllowBrowser: true }, client);
  const events = [];
  await new Promise((resolve) => {
    realtime.on("event", (event) => {
      events.push(event.type);
      if (event.type === "session.created") realtime.send({ type: "response.create" });
      if (event.type === "response.done") realtime.close();
    });
    realtime.on("error", (error) => events.push(error.error?.code));
    realtime.socket.addEventListener("close", (closed) => {
      events.push(closed.code);
      resolve();
    });
  });
  console.log(JSON.stringify(events));
}

for (const one of [secret.value, key, "ek_wrong"]) await converse(one);
