"""The roles of people. An organization has owners and readers, a project has owners and members; there are no others.

An owner of the organization may do everything in all projects; a reader has what its roles in projects allow.
"""

from typing import Final, Literal, TypeVar

OrganizationRole = Literal["owner", "reader"]
ProjectRole = Literal["owner", "member"]
R = TypeVar("R", bound=str)

ORGANIZATION_ROLES: Final[tuple[OrganizationRole, ...]] = ("owner", "reader")
PROJECT_ROLES: Final[tuple[ProjectRole, ...]] = ("owner", "member")
