// A certified OpenID provider for tests: node oidc_provider.mjs MODULES PUBLIC_URL. PKCE is required. It prints its issuer.
//
// There is no page: whoever comes signs in as the account that `PUT /account` has named last, with its claims.
import { createServer } from "node:http";

const [modules, publicUrl] = process.argv.slice(2);
const { default: Provider } = await import(`${modules}/oidc-provider/lib/index.js`);

let account = null;
let handle = null;
const accounts = new Map();
const server = createServer(async (request, response) => {
  if (request.method === "PUT" && request.url === "/account") {
    const parts = [];
    for await (const part of request) parts.push(part);
    account = JSON.parse(Buffer.concat(parts).toString());
    accounts.set(account.sub, account);
    response.end();
  } else if (request.url.startsWith("/interaction/")) {
    const result = account.sub ? { login: { accountId: account.sub, remember: false } } : { error: "access_denied" };
    await provider.interactionFinished(request, response, result, { mergeWithLastSubmission: false });
  } else handle(request, response);
});
await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
const issuer = `http://127.0.0.1:${server.address().port}`;
const provider = new Provider(issuer, {
  clients: [{
    client_id: "understudy",
    client_secret: "a-secret-of-the-tests-with-40-characters",
    redirect_uris: [`${publicUrl}/auth/callback`],
    post_logout_redirect_uris: [`${publicUrl}/console/`],
    grant_types: ["authorization_code"],
    response_types: ["code"],
  }],
  pkce: { required: () => true },
  features: {
    devInteractions: { enabled: false },
    rpInitiatedLogout: { logoutSource: (context, form) => { context.body = `<!doctype html><title>Sign out?</title>${form}`; } },
  },
  scopes: ["openid", "email", "profile", "groups"],
  claims: { openid: ["sub"], email: ["email", "email_verified"], profile: ["name"], groups: ["groups"] },
  cookies: { keys: ["one of the tests"] },
  interactions: { url: (_, interaction) => `/interaction/${interaction.uid}` },
  findAccount: (_, sub) => ({ accountId: sub, claims: () => accounts.get(sub) }),
  loadExistingGrant: async (context) => {
    const { client, session, provider: own } = context.oidc;
    const grant = new own.Grant({ clientId: client.clientId, accountId: session.accountId });
    grant.addOIDCScope("openid email profile groups");
    await grant.save();
    return grant;
  },
});
handle = provider.callback();
console.log(issuer);
