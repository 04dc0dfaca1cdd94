"""The roles of people: owners and readers of the organization, owners and members of a project. No others exist.

An owner of the organization may do everything in all projects; a reader has what its roles in projects allow.
"""

from dataclasses import dataclass
from typing import Literal

OrganizationRole = Literal["owner", "reader"]
ProjectRole = Literal["owner", "member"]


@dataclass(frozen=True, slots=True)
class Person:
    """A user who has signed in. `owned_projects` are the ids of those of which the user is an owner."""

    user_id: str
    email: str
    session_id: str
    role: OrganizationRole
    owned_projects: frozenset[str] = frozenset()

    @property
    def is_owner(self) -> bool:
        """Whether the organization is this person's to administer."""
        return self.role == "owner"
