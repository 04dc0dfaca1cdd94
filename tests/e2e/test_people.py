"""Users, invites, users of projects and roles, with the official admin client. The sign-ins are those of the store."""

import itertools

import openai
import pytest

from e2e.assistants_client import on_both
from understudy.errors import PermissionDenied
from understudy.store.sign_ins import EntryPolicy
from user_sign_ins import LATER, sign_in

pytestmark = on_both
NUMBERS = itertools.count()


@pytest.fixture
def admin(server):
    key = server.create_admin_key()
    with openai.OpenAI(base_url=server.url, admin_api_key=key, max_retries=0) as client:
        yield client.admin.organization


@pytest.fixture
def project(admin):
    return admin.projects.create(name=f"people {next(NUMBERS)} of {id(admin)}")


@pytest.fixture
def email(server):
    return f"person{next(NUMBERS)}.of.{id(server)}@example.com"


def refuses(call, error, text):
    with pytest.raises(error, match=text):
        call()


def test_a_user_is_listed_changed_and_deleted(server, admin, email):
    signed_in = sign_in(server, email)
    user = admin.users.retrieve(signed_in.id)
    assert (user.object, user.email, user.name, user.role) == ("organization.user", email, "Ada", "reader")
    assert (user.added_at, user.projects.data) == (LATER, [])
    assert [one.id for one in admin.users.list(emails=[email.upper(), "unknown@example.com"])] == [user.id]
    others = [sign_in(server, f"{number}.{email}").id for number in range(2)]
    listed = [one.id for one in admin.users.list(limit=1)]
    assert listed[:3] == [*reversed(others), user.id]
    assert admin.users.update(user.id, role="owner").role == "owner"
    assert admin.users.update(user.id, role_id="role_organization_reader").role == "reader"
    refuses(lambda: admin.users.update(user.id, role="king"), openai.BadRequestError, "king")
    refuses(lambda: admin.users.update(user.id, role_id="role_x"), openai.BadRequestError, "role_organization_owner")
    assert admin.users.delete(user.id).deleted
    refuses(lambda: admin.users.retrieve(user.id), openai.NotFoundError, user.id)
    refuses(lambda: admin.users.delete(user.id), openai.NotFoundError, user.id)
    assert user.id not in {one.id for one in admin.users.list()}
    types = [one.type for one in admin.audit_logs.list(resource_ids=[user.id])]
    assert types == ["user.deleted", "user.updated", "user.updated", "login.succeeded", "user.added"]


def test_an_address_is_invited_with_a_role_and_projects(server, admin, project, email):
    invite = admin.invites.create(email=email.upper(), role="owner", projects=[{"id": project.id, "role": "owner"}])
    assert (invite.object, invite.email, invite.role, invite.status) == (
        "organization.invite",
        email,
        "owner",
        "pending",
    )
    assert invite.expires_at == invite.created_at + 7 * 86_400
    assert invite.id in {one.id for one in admin.invites.list(limit=1)}
    again = {"email": email, "role": "reader"}
    refuses(lambda: admin.invites.create(**again), openai.BadRequestError, "pending invite")
    user = sign_in(server, email, EntryPolicy(), invite.created_at + 1)
    assert (user.role, [(one.project_id, one.role) for one in user.projects]) == ("owner", [(project.id, "owner")])
    accepted = admin.invites.retrieve(invite.id)
    assert (accepted.status, accepted.accepted_at) == ("accepted", invite.created_at + 1)
    refuses(lambda: admin.invites.delete(invite.id), openai.BadRequestError, "Delete the user")
    refuses(lambda: admin.invites.create(**again), openai.BadRequestError, "address of a user")
    (entry,) = admin.audit_logs.list(actor_emails=[email], event_types=["invite.accepted"])
    assert (entry.actor.session.user.email, entry.actor.session.ip_address) == (email, "192.0.2.1")


def test_an_invite_ends_and_is_deleted(server, admin, email):
    invite = admin.invites.create(email=email, role="reader")
    (default,) = invite.projects
    assert default.role == "member"
    refuses(lambda: sign_in(server, email, EntryPolicy(), invite.expires_at), PermissionDenied, "Request an invite")
    assert admin.invites.delete(invite.id).deleted
    refuses(lambda: sign_in(server, email, EntryPolicy(), invite.created_at), PermissionDenied, "Request an invite")
    refuses(lambda: admin.invites.retrieve(invite.id), openai.NotFoundError, invite.id)
    without = admin.invites.create(email=email, role="reader", projects=[])
    assert without.projects == []
    unknown = [{"id": "proj_unknown", "role": "member"}]
    refuses(
        lambda: admin.invites.create(email=f"a{email}", role="reader", projects=unknown), openai.NotFoundError, "proj_"
    )
    refuses(lambda: admin.invites.create(email="nobody", role="reader"), openai.BadRequestError, "Invalid .email")


def test_a_deleted_user_comes_back_by_an_invite_only(server, admin, email):
    user = sign_in(server, email)
    admin.users.delete(user.id)
    refuses(lambda: sign_in(server, email), PermissionDenied, "Request an invite")
    invite = admin.invites.create(email=email, role="reader", projects=[])
    assert sign_in(server, email, now=invite.created_at).id == user.id
    assert admin.users.retrieve(user.id).role == "reader"


def test_the_claim_decides_who_may_enter_and_as_what(server, admin, email):
    none, reader, owner = (
        EntryPolicy(uses_claims=True, claimed_role=role, projects=("default", "unknown"))
        for role in (None, "reader", "owner")
    )
    refuses(lambda: sign_in(server, email, none), PermissionDenied, "Request an invite")
    user = sign_in(server, email, reader)
    assert (user.role, [one.project_name for one in user.projects]) == ("reader", ["default"])
    assert sign_in(server, email, owner).role == "owner"
    assert sign_in(server, f"new.{email}", owner, subject=email).email == f"new.{email}"
    refuses(lambda: sign_in(server, email, none), PermissionDenied, "Request an invite")
    assert admin.users.retrieve(user.id).role == "owner"


def test_the_users_of_a_project_are_added_changed_and_removed(server, admin, project, email):
    user, other = sign_in(server, email), sign_in(server, f"b{email}")
    users = admin.projects.users
    added = users.create(project.id, user_id=user.id, role="member")
    assert (added.object, added.id, added.email, added.role) == (
        "organization.project.user", user.id, email, "member"
    )  # fmt: skip
    users.create(project.id, email=other.email.upper(), role="owner")
    assert [one.id for one in users.list(project.id, limit=1)] == [other.id, user.id]
    assert users.update(user.id, project_id=project.id, role="owner").role == "owner"
    assert users.retrieve(user.id, project_id=project.id).role == "owner"
    (place,) = admin.users.retrieve(user.id).projects.data
    assert (place.id, place.name, place.role) == (project.id, project.name, "owner")
    again = {"user_id": user.id, "role": "member"}
    refuses(lambda: users.create(project.id, **again), openai.BadRequestError, "already")
    refuses(lambda: users.create(project.id, email="x@y.z", role="member"), openai.NotFoundError, "first sign-in")
    refuses(lambda: users.create(project.id, role="member"), openai.BadRequestError, "user_id")
    assert users.delete(user.id, project_id=project.id).deleted
    refuses(lambda: users.retrieve(user.id, project_id=project.id), openai.NotFoundError, user.id)
    assert users.create(project.id, **again).role == "member"
    admin.users.delete(other.id)
    assert [one.id for one in users.list(project.id)] == [user.id]
    refuses(lambda: list(users.list("proj_unknown")), openai.NotFoundError, "proj_unknown")
    types = [one.type for one in admin.audit_logs.list(project_ids=[project.id], resource_ids=[user.id])]
    assert types == ["user.added", "user.deleted", "user.updated", "user.added"]


def test_the_roles_of_an_organization_and_its_users(server, admin, email):
    owner, reader = admin.roles.list(limit=1)
    assert (owner.name, owner.predefined_role, reader.permissions) == ("owner", True, [])
    assert [one.id for one in admin.roles.list(order="desc")] == [reader.id, owner.id]
    assert admin.roles.retrieve(owner.id).id == owner.id
    user, roles = sign_in(server, email), admin.users.roles
    assert [one.id for one in roles.list(user.id)] == [reader.id]
    assigned = roles.create(user.id, role_id=owner.id)
    assert (assigned.object, assigned.user.role, assigned.role.id) == ("user.role", "owner", owner.id)
    assert roles.retrieve(owner.id, user_id=user.id).name == "owner"
    refuses(lambda: roles.delete(reader.id, user_id=user.id), openai.NotFoundError, reader.id)
    assert roles.delete(owner.id, user_id=user.id).deleted
    refuses(lambda: roles.delete(reader.id, user_id=user.id), openai.BadRequestError, "every user has one")


def test_the_roles_of_a_project_and_its_users(server, admin, project, email):
    projects = admin.projects
    owner, member = projects.roles.list(project.id)
    assert projects.roles.retrieve(member.id, project_id=project.id).resource_type == "api.project"
    user, roles = sign_in(server, email), projects.users.roles
    assert roles.create(user.id, project_id=project.id, role_id=member.id).role.id == member.id
    assert roles.create(user.id, project_id=project.id, role_id=owner.id).role.id == owner.id
    assert [one.id for one in roles.list(user.id, project_id=project.id)] == [owner.id]
    assert roles.retrieve(owner.id, project_id=project.id, user_id=user.id).name == "owner"
    assert roles.delete(owner.id, project_id=project.id, user_id=user.id).deleted
    assert admin.users.retrieve(user.id).projects.data == []
    refuses(lambda: list(roles.list(user.id, project_id=project.id)), openai.NotFoundError, user.id)
