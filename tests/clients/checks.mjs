// What the drivers for Node share: checks, each run by itself and reported as a line of JSON, as checks.py does.

// Calls `connect(url, key)` and then every check, server after server; exits with 1 if one failed.
export async function driveServers(servers, connect, checks) {
  let failed = false;
  for (let index = 0; index < servers.length; index += 2) {
    const [url, key] = servers.slice(index, index + 2);
    console.log(JSON.stringify({ server: url }));
    connect(url, key);
    for (const [check, body] of Object.entries(checks)) {
      const started = performance.now();
      const error = await body().then(() => null, (raised) => raised?.stack ?? String(raised));
      failed ||= error !== null;
      console.log(JSON.stringify({ check, error, seconds: (performance.now() - started) / 1000 }));
    }
  }
  process.exit(failed ? 1 : 0);
}
