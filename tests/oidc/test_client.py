"""The client of an OpenID provider against one that returns what each test makes it return: tokens that must be refused."""

import asyncio
import base64
import hmac
import json
import time

import pytest
from aiohttp import web
from joserfc import jwk, jwt

from understudy.cli.sign_in_check import check_sign_in
from understudy.oidc.client import OidcClient
from understudy.oidc.errors import OidcError
from understudy.oidc.identity import find_policy, may_enter, read_identity
from understudy.oidc.login import Callback
from understudy.settings import OidcSettings

REDIRECT = "http://127.0.0.1:1/auth/callback"
PRIVATE = jwk.generate_key("RSA", 2048, {"kid": "first", "use": "sig"})
OTHER = jwk.generate_key("RSA", 2048, {"kid": "first", "use": "sig"})
LATER = jwk.generate_key("EC", "P-256", {"kid": "second", "use": "sig"})


class FakeProvider:
    """`token` is the next ID token; `requests` are the forms that the token endpoint has received."""

    def __init__(self):
        self.issuer = ""
        self.keys = [PRIVATE]
        self.token = ""
        self.user_information = {}
        self.requests = []
        self.key_loads = self.document_loads = 0
        self.changes = {}

    async def start(self):
        application = web.Application()
        application.add_routes(
            [
                web.get("/.well-known/openid-configuration", self.document),
                web.get("/keys", self.serve_keys),
                web.post("/token", self.exchange),
                web.get("/me", self.serve_user),
            ]
        )
        self.runner = web.AppRunner(application)
        await self.runner.setup()
        site = web.TCPSite(self.runner, "127.0.0.1", 0)
        await site.start()
        self.issuer = f"http://127.0.0.1:{self.runner.addresses[0][1]}"

    async def document(self, _):
        self.document_loads += 1
        at = {name: f"{self.issuer}/{path}" for name, path in (("jwks_uri", "keys"), ("token_endpoint", "token"))}
        at |= {"authorization_endpoint": f"{self.issuer}/login?tenant=a", "userinfo_endpoint": f"{self.issuer}/me"}
        return web.json_response({"issuer": self.issuer, **at, **self.changes})

    async def serve_keys(self, _):
        self.key_loads += 1
        keys = [key.as_dict(private=False) for key in self.keys]
        return web.json_response({"keys": [*keys, {"kty": "oct", "k": "c2VjcmV0", "kid": "oct"}]})

    async def exchange(self, request):
        self.requests.append((dict(await request.post()), request.headers.get("authorization", "")))
        return web.json_response({"id_token": self.token, "access_token": "access", "token_type": "Bearer"})

    async def serve_user(self, request):
        assert request.headers["authorization"] == "Bearer access"
        return web.json_response(self.user_information)


@pytest.fixture
async def provider():
    fake = FakeProvider()
    await fake.start()
    yield fake
    await fake.runner.cleanup()


@pytest.fixture
async def client(provider):
    client = make_client(provider)
    yield client
    await client.close()


def make_client(provider, **settings):
    return OidcClient(OidcSettings(issuer=provider.issuer, client_id="understudy", **settings), REDIRECT)


def claims_of(provider, login, **changes):
    now = int(time.time())
    claims = {"iss": provider.issuer, "aud": "understudy", "sub": "ada", "iat": now, "exp": now + 300}
    claims |= {"nonce": login.nonce, **changes}
    return {name: value for name, value in claims.items() if value is not None}


def sign(claims, key=PRIVATE, algorithm="RS256", **header):
    return jwt.encode({"alg": algorithm, "kid": key.kid, **header}, claims, key, algorithms=[algorithm])


async def finish(client, login):
    return await client.finish(Callback("code", login.state), login)


async def test_the_claims_of_a_valid_token_are_returned_with_those_of_the_user(provider):
    client = make_client(provider, client_secret="s:ä")
    url, login = await client.start("/console/", 1)
    assert url.startswith(f"{provider.issuer}/login?tenant=a&")
    provider.token = sign(claims_of(provider, login, email="token@example.com"))
    provider.user_information = {"sub": "ada", "email": "user@example.com", "name": "Ada"}
    claims = await finish(client, login)
    assert (claims["sub"], claims["email"], claims["name"]) == ("ada", "token@example.com", "Ada")
    ((form, authorization),) = provider.requests
    assert (form["code_verifier"], form["redirect_uri"], form["code"]) == (login.verifier, REDIRECT, "code")
    assert authorization.startswith("Basic ")
    provider.user_information = {"sub": "eve", "name": "Eve"}
    assert "name" not in await finish(client, login)
    await client.close()


HOUR = 3600
INVALID = {
    "another nonce": {"nonce": "x"},
    "no nonce": {"nonce": None},
    "another issuer": {"iss": "https://other.example.com"},
    "no issuer": {"iss": None},
    "another audience": {"aud": "other"},
    "several audiences without a party": {"aud": ["understudy", "other"]},
    "another party": {"azp": "other"},
    "expired": {"exp": int(time.time()) - HOUR},
    "no end": {"exp": None},
    "of the future": {"iat": int(time.time()) + HOUR},
    "not yet valid": {"nbf": int(time.time()) + HOUR},
    "no subject": {"sub": None},
    "an empty subject": {"sub": ""},
    "a subject that is no text": {"sub": 1},
    "the hash of another access token": {"at_hash": "AAAAAAAAAAAAAAAAAAAAAA"},
}


@pytest.mark.parametrize("changes", INVALID.values(), ids=INVALID)
async def test_a_token_with_wrong_claims_is_refused(provider, client, changes):
    _, login = await client.start("/console/", 1)
    provider.token = sign(claims_of(provider, login, **changes))
    with pytest.raises(OidcError) as raised:
        await finish(client, login)
    assert raised.value.code == "invalid_token"


def unsigned(claims):
    signed = jwt.encode({"alg": "none"}, claims, jwk.OctKey.import_key("x" * 32), algorithms=["none"])
    return signed.rpartition(".")[0] + "."


def sign_symmetrically(claims, kid, secret):
    """With HS256, by hand: libraries refuse such secrets."""
    parts = [{"alg": "HS256", "kid": kid}, claims]
    text = b".".join(base64.urlsafe_b64encode(json.dumps(part).encode()).rstrip(b"=") for part in parts)
    signature = hmac.digest(secret, text, "sha256")
    return (text + b"." + base64.urlsafe_b64encode(signature).rstrip(b"=")).decode()


FORGED = {
    "unsigned": unsigned,
    "signed with the public key": lambda claims: sign_symmetrically(claims, "first", PRIVATE.as_pem(private=False)),
    "signed with a symmetric key": lambda claims: sign_symmetrically(claims, "oct", b"secret"),
    "signed with another key": lambda claims: sign(claims, OTHER),
    "no token": lambda _: "x.y.z",
    "changed": lambda claims: sign(claims)[:-4] + "AAAA",
    "with its own key": lambda claims: sign(claims, OTHER, jwk=OTHER.as_dict(private=False)),
}


@pytest.mark.filterwarnings("ignore::joserfc.errors.SecurityWarning")
@pytest.mark.parametrize("forge", FORGED.values(), ids=FORGED)
async def test_a_token_that_the_provider_has_not_signed_is_refused(provider, client, forge):
    _, login = await client.start("/console/", 1)
    provider.token = forge(claims_of(provider, login))
    with pytest.raises(OidcError) as raised:
        await finish(client, login)
    assert raised.value.code == "invalid_token"


async def test_those_who_wait_for_a_provider_that_fails_fail_with_it(provider, client):
    await client.close()
    provider.changes, provider.document_loads = {"token_endpoint": None}, 0
    waiting = make_client(provider)
    failed = await asyncio.gather(*(waiting.start("/console/", 1) for _ in range(5)), return_exceptions=True)
    assert [one.code for one in failed] == ["provider_unavailable"] * 5
    assert provider.document_loads == 1
    provider.changes = {}
    assert await waiting.start("/console/", 1)
    await waiting.close()


async def test_keys_that_the_provider_has_rotated_are_loaded_again_but_not_for_each_token(
    provider, client, monkeypatch
):
    _, login = await client.start("/console/", 1)
    provider.token = sign(claims_of(provider, login))
    await finish(client, login)
    provider.keys = [LATER]
    provider.token = sign(claims_of(provider, login), LATER, "ES256")
    with pytest.raises(OidcError):
        await finish(client, login)
    assert provider.key_loads == 1
    monkeypatch.setattr("understudy.oidc.metadata._RELOAD_SECONDS", 0)
    assert (await finish(client, login))["sub"] == "ada"
    assert provider.key_loads == 2


@pytest.mark.parametrize(
    ("changes", "callback", "code"),
    [
        ({"issuer": "https://other.example.com"}, {}, "provider_unavailable"),
        ({"token_endpoint": None}, {}, "provider_unavailable"),
        ({}, {"state": "other"}, "state_mismatch"),
        ({}, {"issuer": "https://other.example.com"}, "provider_error"),
        ({"authorization_response_iss_parameter_supported": True}, {}, "provider_error"),
        ({}, {"error": "access_denied"}, "access_denied"),
        ({}, {"error": "server_error"}, "provider_error"),
    ],
)
async def test_a_wrong_document_or_callback_is_refused(provider, client, changes, callback, code):
    _, login = await client.start("/console/", 1)
    await client.close()
    provider.changes = changes
    again = make_client(provider)
    with pytest.raises(OidcError) as raised:
        await again.finish(Callback(**{"code": "code", "state": login.state, **callback}), login)
    assert raised.value.code == code
    await again.close()


async def test_doctor_reads_the_document_and_the_keys(provider):
    settings = OidcSettings(
        issuer=provider.issuer, client_id="understudy", public_url="https://understudy.example.com/"
    )
    found = await check_sign_in(settings)
    assert (found.state, "https://understudy.example.com/auth/callback" in found.text) == ("ok", True)
    provider.keys = []
    assert "publishes no key" in (await check_sign_in(settings)).text
    provider.changes = {"issuer": f"{provider.issuer}/"}
    found = await check_sign_in(settings)
    assert (found.state, "which `oidc.issuer` must equal" in found.text) == ("broken", True)


def test_an_address_counts_if_the_provider_has_verified_it():
    base = {"iss": "https://login.example.com", "sub": "a", "email": "ada@example.com"}
    settings, trusting = OidcSettings(), OidcSettings(assume_verified=True)
    emails = {
        (): "",
        (("email_verified", True),): "ada@example.com",
        (("email_verified", "true"),): "ada@example.com",
        (("email_verified", False),): "",
        (("email_verified", 2),): "",
    }
    for added, email in emails.items():
        assert read_identity(settings, base | dict(added)).email == email
    assert read_identity(trusting, base).email == "ada@example.com"
    assert read_identity(trusting, base | {"email_verified": False}).email == ""
    domains = OidcSettings(allowed_domains=("Example.com",))
    assert may_enter(domains, read_identity(trusting, base))
    assert not may_enter(domains, read_identity(settings, base))
    assert not may_enter(domains, read_identity(trusting, base | {"email": "a@evil-example.com"}))
    kelvin = OidcSettings(allowed_domains=("kelvin.example",))
    assert not may_enter(kelvin, read_identity(trusting, base | {"email": "a@\u212aelvin.example"}))


@pytest.mark.parametrize(
    ("token", "information", "merged"),
    [
        ({"email": "a@x"}, {"email": "b@x", "email_verified": True}, ("a@x", None)),
        ({"email": "a@x"}, {"email": "a@x", "email_verified": True}, ("a@x", True)),
        ({"email": "a@x", "email_verified": True}, {"email": "b@x", "email_verified": False}, ("a@x", True)),
        ({"email_verified": True}, {"email": "b@x"}, ("b@x", None)),
        ({}, {"email": "b@x", "email_verified": True}, ("b@x", True)),
    ],
)
async def test_an_address_is_verified_only_by_its_own_source(provider, client, token, information, merged):
    _, login = await client.start("/console/", 1)
    claims = {name: value for name, value in claims_of(provider, login).items() if not name.startswith("email")}
    provider.token = sign(claims | token)
    provider.user_information = {"sub": "ada", **information}
    found = await finish(client, login)
    assert (found["email"], found.get("email_verified")) == merged


@pytest.mark.parametrize(
    ("claim", "claims", "role"),
    [
        ("groups", {"groups": ["staff", "admins"]}, "owner"),
        ("groups", {"groups": "staff"}, "reader"),
        ("realm_access.roles", {"realm_access": {"roles": ["admins"]}}, "owner"),
        ("https://example.com/roles", {"https://example.com/roles": ["staff"]}, "reader"),
        ("groups", {"groups": ["guests", 1, None]}, None),
        ("groups", {"groups": {"staff": True}}, None),
        ("groups", {}, None),
    ],
)
def test_the_role_comes_from_the_claim(claim, claims, role):
    settings = OidcSettings(role_claim=claim, roles={"admins": "owner", "staff": "reader"}, uninvited="owner")
    policy = find_policy(settings, claims)
    assert (policy.uses_claims, policy.claimed_role, policy.uninvited_role) == (True, role, None)
