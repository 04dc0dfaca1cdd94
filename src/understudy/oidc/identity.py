"""Who has signed in, from the provider's claims, and the entry policy that the settings make of them."""

from collections.abc import Iterator, Mapping
from typing import Any

from understudy.settings import OidcSettings
from understudy.store.roles import OrganizationRole
from understudy.store.sign_ins import EntryPolicy, Identity
from understudy.store.users import normalize_email


def read_identity(settings: OidcSettings, claims: Mapping[str, Any]) -> Identity:
    """An address counts only if the provider has verified it: invites and domains are decided by it."""
    email = claims.get("email")
    verified = claims.get("email_verified", settings.assume_verified)
    is_verified = verified is True or verified == "true"  # some providers send texts
    name = claims.get("name") or claims.get("preferred_username")
    return Identity(
        str(claims["iss"]),
        str(claims["sub"]),
        email if isinstance(email, str) and is_verified and len(email) <= 254 else "",
        name[:256] if isinstance(name, str) and name.strip() else None,
    )


def may_enter(settings: OidcSettings, identity: Identity) -> bool:
    """Whether the domain of the address is allowed."""
    if not settings.allowed_domains:
        return True
    domain = normalize_email(identity.email).rpartition("@")[2]
    return domain in {normalize_email(one).removeprefix("@") for one in settings.allowed_domains}


def find_policy(settings: OidcSettings, claims: Mapping[str, Any]) -> EntryPolicy:
    """Who may enter, for someone with these claims."""
    if settings.role_claim is not None:
        return EntryPolicy(uses_claims=True, claimed_role=_find_role(settings, claims), projects=settings.projects)
    uninvited: OrganizationRole | None = None if settings.uninvited == "refuse" else settings.uninvited
    return EntryPolicy(uninvited_role=uninvited, projects=settings.projects)


def _find_role(settings: OidcSettings, claims: Mapping[str, Any]) -> OrganizationRole | None:
    """The role with the most rights among those of the claim's values; None if none is mapped."""
    roles = {
        settings.roles[value] for value in _list_values(claims, settings.role_claim or "") if value in settings.roles
    }
    return "owner" if "owner" in roles else "reader" if "reader" in roles else None


def _list_values(claims: Mapping[str, Any], path: str) -> Iterator[str]:
    """The values of the claim of that name, or else of the member at that dotted path."""
    found: Any = claims.get(path)
    if found is None:
        found = claims
        for name in path.split("."):
            found = found.get(name) if isinstance(found, Mapping) else None
    for value in found if isinstance(found, list) else [found]:
        if isinstance(value, str):
            yield value
