"""The table `[oidc]`."""

from pathlib import Path
from typing import Annotated, Literal

from msgspec import Meta, Struct

from understudy.settings.text import Text


class OidcSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Sign-in to the console by OpenID Connect; needs the extra `oidc`. Off as long as `issuer` is unset."""

    issuer: Annotated[
        Text | None,
        Meta(description="Issuer of the provider, exactly as in its discovery document; `https`, or on this machine."),
    ] = None
    client_id: Annotated[Text | None, Meta(description="Id of this server as a client of the provider.")] = None
    client_secret: Annotated[
        Text | None, Meta(description="Secret of the client; unset for a public client, which has none.")
    ] = None
    client_secret_file: Annotated[
        Path | None, Meta(description="File with the secret of the client, to keep it out of the settings.")
    ] = None
    public_url: Annotated[
        Text | None,
        Meta(
            description="URL of this server in browsers, like `https://assistants.example.com`; the provider redirects"
            " to its `/auth/callback`. `https`, or on this machine."
        ),
    ] = None
    name: Annotated[Text, Meta(description="Name of the provider on the button 'Sign in with …'.")] = "OpenID Connect"
    scopes: Annotated[
        tuple[Text, ...], Meta(description="Scopes to request; some providers need one for groups or roles.")
    ] = ("openid", "email", "profile")
    role_claim: Annotated[
        Text | None,
        Meta(
            description="Claim that decides who may enter and as what at each sign-in, like `groups` or"
            " `realm_access.roles`; requires `oidc.roles`."
        ),
    ] = None
    roles: Annotated[
        dict[Text, Literal["owner", "reader"]],
        Meta(description="Maps values of the claim to roles in the organization; without a match, sign-in is refused."),
    ] = {}
    assume_verified: Annotated[
        bool,
        Meta(
            description="Whether addresses count as verified if the provider does not say, as Microsoft Entra; only if"
            " your organization administers all of its accounts."
        ),
    ] = False
    allowed_domains: Annotated[
        tuple[Text, ...],
        Meta(description="Domains of verified email addresses that may sign in, like `example.com`; empty is all."),
    ] = ()
    uninvited: Annotated[
        Literal["refuse", "reader", "owner"],
        Meta(description="Role of people who sign in without an invite and without `oidc.role_claim`."),
    ] = "refuse"
    projects: Annotated[
        tuple[Text, ...],
        Meta(description="Projects in which people are members who first sign in without an invite: names or ids."),
    ] = ()
    session_hours: Annotated[
        float, Meta(gt=0, le=720, description="Hours after which a session ends, however much it is used.")
    ] = 8.0
    idle_minutes: Annotated[float, Meta(gt=0, description="Minutes without a request after which a session ends.")] = (
        60.0
    )
