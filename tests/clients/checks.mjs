// What the drivers for Node share: checks, each run by itself and reported as a line of JSON, as checks.py does.

// Calls `connect(url)` and then every check, server after server; exits with 1 if one failed.
export async function driveServers(urls, connect, checks) {
  let failed = false;
  for (const url of urls) {
    console.log(JSON.stringify({ server: url }));
    connect(url);
    for (const [check, body] of Object.entries(checks)) {
      const started = performance.now();
      const error = await body().then(() => null, (raised) => raised?.stack ?? String(raised));
      failed ||= error !== null;
      console.log(JSON.stringify({ check, error, seconds: (performance.now() - started) / 1000 }));
    }
  }
  process.exit(failed ? 1 : 0);
}
