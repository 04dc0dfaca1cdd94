/** The person whose session this browser has, and signing in and out with the server's OpenID provider. */
import { SERVER_URL } from "../app/base.js";
import { endSession, person } from "../state/session.js";
import { signal } from "../ui/view.js";
import { ApiError, get, post, request } from "./client.js";

const STORAGE = "understudy.project";

/** The provider that people may sign in with; null without a provider. */
export const provider = signal(/** @type {{name: string} | null} */ (null));

/** Finds the provider, and the session of the person. A server that is away is reported by the sign-in with a key. */
export async function restorePerson() {
  try {
    provider.value = (await get("/auth/config")).provider;
    if (provider.value) await loadPerson(sessionStorage.getItem(STORAGE) ?? localStorage.getItem(STORAGE));
  } catch (error) {
    if (!(error instanceof ApiError)) throw error;
  }
}

/** Another project may have been chosen in this browser by someone else. @param {string | null} projectId */
async function loadPerson(projectId) {
  try {
    const { user, project } = await request("GET", "/session", { headers: projectId ? { "openai-project": projectId } : {} });
    person.value = { user, projectId: project?.id ?? null };
  } catch (error) {
    if (projectId === null || !(error instanceof ApiError) || error.code !== "project_access_denied") throw error;
    await loadPerson(null);
  }
}

/** Where the browser signs in, to come back to this page. */
export function signInUrl() {
  const query = new URLSearchParams(location.search);
  query.delete("sign_in_error");
  const path = location.pathname + (query.size ? `?${query}` : "");
  return `${SERVER_URL}/auth/login?return_to=${encodeURIComponent(path)}`;
}

/** Continues in another project. All that the page has is of the one before, so it is loaded again. @param {string} projectId @param {string} home */
export function switchProject(projectId, home) {
  sessionStorage.setItem(STORAGE, projectId);
  localStorage.setItem(STORAGE, projectId);
  location.assign(home);
}

/** Ends the session of this browser, and that at the provider, if it has a page for it. */
export async function signOutPerson() {
  const { redirect_url: url } = await post("/auth/logout");
  endSession();
  if (url) location.assign(url);
}
