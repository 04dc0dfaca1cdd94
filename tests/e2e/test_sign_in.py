"""Sign-in of people with a real OpenID provider that requires PKCE, and what their cookies may do and may not."""

import contextlib
import re
import sqlite3
import time
from urllib.parse import parse_qs, urlsplit

import pytest

from oidc_providers import Visitor, serve_with_provider
from serving import KEY

SESSION = "__Host-understudy-session"
LOGIN = "__Host-understudy-login-"


@pytest.fixture(scope="module")
def server(session_upstream, tmp_path_factory):
    settings = {"oidc__uninvited": "reader", "oidc__projects": "default", "cors__origins": "*"}
    yield from serve_with_provider(tmp_path_factory.mktemp("sign-in"), session_upstream.url, **settings)


@pytest.fixture(scope="module")
def admin_key(server):
    return server.create_admin_key()


@pytest.fixture(scope="module")
def administer(server, admin_key):
    def send(method, path, body=None):
        reply = server.ask(method, f"/v1/organization/{path}", body, key=admin_key)
        assert reply.status == 200, reply.json
        return reply.json

    return send


@pytest.fixture(scope="module")
def owner(server, administer):
    """A visitor who owns the organization."""
    administer("POST", "invites", {"email": "olga@example.com", "role": "owner"})
    return server.visit("olga")


def session_of(visitor, server, **headers):
    return visitor.ask(server, "GET", "/v1/session", **headers)


def failure_of(page):
    return parse_qs(urlsplit(page.location).query).get("sign_in_error", [""])[0]


def test_the_page_learns_the_provider_without_a_key(server, offline_server):
    assert server.ask("GET", "/auth/config", key=None).json["provider"] == {"name": "Example"}
    assert offline_server.ask("GET", "/auth/config", key=None).json["provider"] is None
    assert offline_server.ask("GET", "/auth/login", key=None).status == 404


def test_a_sign_in_uses_pkce_state_and_nonce_and_cookies_of_this_host_alone(server):
    visitor = Visitor()
    server.provider.sign_in_as("pia")
    started = visitor.fetch("GET", f"{server.origin}/auth/login?return_to=/console/threads?limit=5")
    query = parse_qs(urlsplit(started.location).query)
    assert (query["code_challenge_method"], query["response_type"]) == (["S256"], ["code"])
    assert {len(query[name][0]) >= 43 for name in ("state", "nonce", "code_challenge")} == {True}
    (login,) = started.headers.get_all("set-cookie")
    assert re.fullmatch(rf"{LOGIN}\S+=\S+; Path=/; Secure; HttpOnly; SameSite=Lax; Max-Age=600", login)
    callback = visitor.follow(started.location, f"{server.origin}/auth/callback").location
    finished = visitor.fetch("GET", callback)
    assert finished.location == f"{server.origin}/console/threads?limit=5"
    cookie, removed = finished.headers.get_all("set-cookie")
    assert re.fullmatch(rf"{SESSION}=\S+; Path=/; Secure; HttpOnly; SameSite=Strict; Max-Age=28800", cookie)
    assert removed.startswith(LOGIN)
    assert removed.endswith("Max-Age=0")
    assert finished.headers["cache-control"] == "no-store"
    user = session_of(visitor, server).json["user"]
    assert (user["email"], user["name"], user["role"]) == ("pia@example.com", "Pia", "reader")
    assert [(one["name"], one["role"]) for one in user["projects"]] == [("default", "member")]
    replayed = visitor.fetch("GET", callback)
    assert failure_of(replayed) == "state_mismatch"


def test_a_callback_needs_the_cookie_and_the_state_of_its_sign_in(server):
    server.provider.sign_in_as("quinn")
    visitor, other = Visitor(), Visitor()
    started = visitor.fetch("GET", f"{server.origin}/auth/login")
    callback = visitor.follow(started.location, f"{server.origin}/auth/callback").location
    assert failure_of(other.fetch("GET", callback)) == "state_mismatch"
    own = other.fetch("GET", f"{server.origin}/auth/login")
    state = parse_qs(urlsplit(own.location).query)["state"][0]
    (code,) = parse_qs(urlsplit(callback).query)["code"]
    # The code of another sign-in: PKCE refuses it, since the verifier is another one.
    stolen = f"{server.origin}/auth/callback?code={code}&state={state}&iss={server.provider.issuer}"
    assert failure_of(other.fetch("GET", stolen)) == "provider_error"
    assert SESSION not in str(other.cookies)
    foreign = other.fetch("GET", f"{server.origin}/auth/login")
    state = parse_qs(urlsplit(foreign.location).query)["state"][0]
    url = f"{server.origin}/auth/callback?code=x&state={state}&iss=https://other.example.com"
    assert failure_of(other.fetch("GET", url)) == "provider_error"
    assert failure_of(other.fetch("GET", f"{server.origin}/auth/callback")) == "state_mismatch"


def test_a_changed_login_cookie_is_refused(server):
    server.provider.sign_in_as("quinn")
    visitor = Visitor()
    started = visitor.fetch("GET", f"{server.origin}/auth/login")
    callback = visitor.follow(started.location, f"{server.origin}/auth/callback").location
    jar = visitor.cookies[urlsplit(server.origin).netloc]
    (name,) = jar
    secret, text, signature = jar[name].split(".")
    jar[name] = f"{secret}.{text[:-2]}x{text[-1]}.{signature}"
    assert failure_of(visitor.fetch("GET", callback)) == "state_mismatch"


def test_someone_who_cancels_at_the_provider_returns_to_the_console(server):
    page = server.sign_in(Visitor(), "")
    assert failure_of(page) == "access_denied"


@pytest.mark.parametrize(
    "target",
    [
        "https://evil.example.com/console/",
        "//evil.example.com/console/",
        "/\\evil.example.com/console/",
        "/console/../v1/files",
        "/console/%0d%0aset-cookie:x=y",
        "/v1/files",
        "javascript:alert(1)",
    ],
)
def test_a_sign_in_returns_to_the_console_alone(server, target):
    page = server.sign_in(Visitor(), "pia", target)
    assert page.location == f"{server.origin}/console/"


def test_a_cookie_counts_only_on_pages_of_this_server(server):
    visitor = server.visit("pia")
    origin = {"origin": server.origin}
    assert session_of(visitor, server).status == 200
    assert session_of(visitor, server, **origin).status == 200
    assert visitor.fetch("GET", f"{server.origin}/v1/session", **origin).status == 200
    for headers in (
        {"sec_fetch_site": "cross-site"},
        {"sec_fetch_site": "same-site"},
        {"sec_fetch_site": "none"},
        {"origin": "https://evil.example.com"},
        {"origin": "null"},
        {"sec_fetch_site": "cross-site", **origin},
    ):
        page = session_of(visitor, server, **headers)
        assert (page.status, page.json["error"]["code"]) == (401, None), headers
        assert "access-control-allow-credentials" not in page.headers
    assert visitor.fetch("GET", f"{server.origin}/v1/session").status == 401
    # A key decides alone, also a wrong one.
    assert session_of(visitor, server, authorization="Bearer sk-understudy-wrong").status == 401
    assert session_of(visitor, server, authorization=f"Bearer {KEY}").json["user"] is None


def test_a_changed_or_unsigned_cookie_is_refused(server):
    visitor = server.visit("pia")
    jar = visitor.cookies[urlsplit(server.origin).netloc]
    secret, token, signature = jar[SESSION].split(".")
    forged = (
        f"{secret}.{token[:-1]}{'A' if token[-1] != 'A' else 'B'}.{signature}",
        f"{secret}.{token}.{signature[:-1]}{'0' if signature[-1] != '0' else '1'}",
        f"00000000.{token}.{signature}",
        token,
        "..",
    )
    for value in forged:
        jar[SESSION] = value
        assert session_of(visitor, server).status == 401
    jar[SESSION] = f"{secret}.{token}.{signature}"
    assert session_of(visitor, server).status == 200


def test_cookies_of_other_programs_of_the_host_change_nothing(server):
    visitor = server.visit("pia")
    own = visitor.cookies.pop(urlsplit(server.origin).netloc)
    for others in ('theme={"a": [1, 2]}; ', "a; =b; ;; ", "x=\xe4; "):
        page = session_of(visitor, server, cookie=f"{others}{SESSION}={own[SESSION]}; other=1")
        assert page.status == 200, others


def test_a_session_is_replaced_each_hour_for_the_rest_of_its_time(server, owner):
    def age(column):
        sql = f"UPDATE user_sessions SET {column} = {column} - 3600 WHERE user_id = ?"
        with contextlib.closing(sqlite3.connect(server.data / "understudy.sqlite3")) as database, database:
            database.execute(sql, (user,))

    user = session_of(owner, server).json["user"]["id"]
    jar = owner.cookies[urlsplit(server.origin).netloc]
    before = dict(jar)
    age("rotated_at")
    page = session_of(owner, server)
    cookie = page.headers["set-cookie"]
    assert 28_000 < int(cookie.rpartition("Max-Age=")[2]) <= 28_800
    assert before[SESSION] != jar[SESSION]
    assert [session_of(Visitor({urlsplit(server.origin).netloc: one}), server).status for one in (before, jar)] == [
        200,
        200,
    ]
    assert session_of(owner, server).headers["set-cookie"] is None
    age("used_at")
    assert session_of(owner, server).status == 401
    server.sign_in(owner, "olga")


def test_signing_out_ends_the_session_on_the_server(server):
    visitor, elsewhere = server.visit("pia"), server.visit("pia")
    copied = dict(visitor.cookies[urlsplit(server.origin).netloc])
    assert visitor.ask(server, "POST", "/auth/logout", sec_fetch_site="cross-site").status == 403
    assert session_of(visitor, server).status == 200
    page = visitor.ask(server, "POST", "/auth/logout", openai_project="proj_of_others")
    assert page.json["redirect_url"].startswith(f"{server.provider.issuer}/session/end?client_id=understudy")
    assert page.headers["set-cookie"].startswith(f"{SESSION}=; ")
    assert SESSION not in str(visitor.cookies)
    visitor.cookies[urlsplit(server.origin).netloc] = copied
    assert session_of(visitor, server).status == 401
    assert session_of(elsewhere, server).status == 200


def test_a_deleted_user_and_a_changed_role_end_sessions_at_once(server, administer):
    visitor = server.visit("rita")
    user = session_of(visitor, server).json["user"]["id"]
    administer("POST", f"users/{user}", {"role": "owner"})
    assert session_of(visitor, server).status == 401
    visitor = server.visit("rita")
    assert session_of(visitor, server).json["user"]["role"] == "owner"
    administer("DELETE", f"users/{user}")
    assert session_of(visitor, server).status == 401
    assert failure_of(server.sign_in(Visitor(), "rita")) == "sign_in_refused"
    (entry,) = administer("GET", "audit_logs?event_types[]=login.failed&limit=1")["data"]
    assert entry["actor"]["session"]["user"]["email"] == "rita@example.com"
    assert entry["login.failed"]["error_code"] == "sign_in_refused"


def test_an_address_that_the_provider_has_not_verified_accepts_no_invite(server, administer):
    administer("POST", "invites", {"email": "uma@example.com", "role": "owner"})
    unverified = server.visit("uma2", email="uma@example.com", email_verified=False)
    user = session_of(unverified, server).json["user"]
    assert (user["role"], user["email"]) == ("reader", None)
    assert session_of(server.visit("uma"), server).json["user"]["role"] == "owner"


def test_an_owner_of_the_organization_administers_and_acts_in_all_projects(server, administer, owner):
    project = administer("POST", "projects", {"name": "owned"})["id"]
    assert owner.ask(server, "GET", "/v1/organization/users").status == 200
    made = owner.ask(server, "POST", "/v1/organization/projects", {"name": "by olga"})
    assert made.status == 200
    (entry,) = administer("GET", f"audit_logs?resource_ids[]={made.json['id']}")["data"]
    assert entry["actor"]["session"]["user"]["email"] == "olga@example.com"
    listed = session_of(owner, server).json
    assert listed["project"]["name"] == "default"
    assert {"default", "owned", "by olga"} <= {one["name"] for one in listed["user"]["projects"]}
    assistant = owner.ask(server, "POST", "/v1/assistants", {"model": "gpt-4o"}, openai_project=project)
    path = f"/v1/assistants/{assistant.json['id']}"
    assert owner.ask(server, "GET", path, openai_project=project).status == 200
    assert owner.ask(server, "GET", path).status == 404
    assert session_of(owner, server, openai_project=project).json["project"]["id"] == project
    administer("POST", f"projects/{project}/archive")
    refused = owner.ask(server, "GET", path, openai_project=project)
    assert (refused.status, refused.json["error"]["code"]) == (403, "project_access_denied")


def test_a_reader_acts_in_its_own_projects_alone(server, administer):
    project = administer("POST", "projects", {"name": "of sam"})["id"]
    foreign = administer("POST", "projects", {"name": "of others"})["id"]
    visitor = server.visit("sam")
    user = session_of(visitor, server).json["user"]["id"]
    administer("POST", f"projects/{project}/users", {"user_id": user, "role": "member"})
    assert visitor.ask(server, "GET", "/v1/assistants", openai_project=project).status == 200
    for other in (foreign, "proj_unknown"):
        page = visitor.ask(server, "GET", "/v1/assistants", openai_project=other)
        assert (page.status, page.json["error"]["code"]) == (403, "project_access_denied")
    users = f"/v1/organization/projects/{project}/users"
    assert visitor.ask(server, "GET", users).json["error"]["code"] == "missing_scope"
    administer("POST", f"projects/{project}/users/{user}", {"role": "owner"})
    visitor = server.visit("sam")
    assert visitor.ask(server, "GET", users).status == 200
    keys = f"/v1/organization/projects/{project}/api_keys"
    assert visitor.ask(server, "POST", keys, {"name": "by sam"}).status == 200
    for method, path in (
        ("GET", "/v1/organization/users"),
        ("GET", f"/v1/organization/projects/{foreign}/users"),
        ("POST", f"/v1/organization/projects/{project}/archive"),
        ("POST", f"/v1/organization/projects/{project}/spend_limit"),
    ):
        page = visitor.ask(server, method, path, {} if method == "POST" else None)
        assert (page.status, page.json["error"]["code"]) == (403, "missing_scope"), path


def test_someone_without_a_project_sees_only_that(server, administer):
    visitor = server.visit("tom")
    session = session_of(visitor, server).json
    user, default = session["user"]["id"], session["project"]["id"]
    administer("DELETE", f"projects/{default}/users/{user}")
    visitor = server.visit("tom")
    session = session_of(visitor, server).json
    assert (session["project"], session["user"]["projects"]) == (None, [])
    for path in ("/v1/assistants", "/v1/organization/usage/completions?start_time=1", "/v1/organization/health"):
        page = visitor.ask(server, "GET", path)
        assert (page.status, page.json["error"]["code"]) == (403, "project_access_denied"), path
    assert visitor.ask(server, "GET", "/v1/key").status == 404


def test_a_person_uses_tools_in_the_project_of_the_request(server, administer, owner):
    project = administer("POST", "projects", {"name": "of tools"})["id"]
    path = "/api/v3/tools/execute/AI_ML_API_CREATE_THREAD"
    made = owner.ask(server, "POST", path, {"arguments": {}}, openai_project=project)
    assert made.json["successful"], made.json
    thread = owner.ask(server, "GET", "/v1/threads", openai_project=project).json["data"]
    assert [one["id"] for one in thread] == [made.json["data"]["id"]]
    foreign = {"sec_fetch_site": "cross-site", "openai_project": project}
    assert owner.ask(server, "POST", path, {"arguments": {}}, **foreign).status == 401


def test_the_usage_of_a_person_has_the_id_of_the_user(server, owner):
    user = session_of(owner, server).json["user"]["id"]
    chat = {"model": "gpt-4o", "messages": [{"role": "user", "content": "Hello"}]}
    assert owner.ask(server, "POST", "/v1/chat/completions", chat).status == 200
    path = f"/v1/organization/usage/completions?start_time={int(time.time()) - 3600}&group_by[]=api_key_id"
    buckets = owner.ask(server, "GET", path).json["data"]
    assert user in {result["api_key_id"] for bucket in buckets for result in bucket["results"]}
