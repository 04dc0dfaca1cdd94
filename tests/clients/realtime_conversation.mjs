// What the drivers for Node share that open WebSockets: sockets without TLS, and one realtime conversation.

// The package always uses TLS, which the server leaves to a proxy.
export const withoutTls = (url) => new URL(String(url).replace("wss:", "ws:"));

export function openSocketsWithoutTls() {
  const Native = globalThis.WebSocket;
  globalThis.WebSocket = class extends Native {
    constructor(url, protocols) {
      super(withoutTls(url), protocols);
    }
  };
}

// The types of the events of one response, codes of errors, and the code that the socket was closed with.
export async function converse(RealtimeSocket, client, model) {
  const realtime = new RealtimeSocket({ model, dangerouslyAllowBrowser: true }, client);
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
  return events;
}
