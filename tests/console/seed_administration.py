"""Projects, keys and service accounts for tests of administration and its screenshots; some names are hostile."""

import time
from typing import Any

import openai

from serving import Server
from user_sign_ins import sign_in

HOSTILE_NAME = "<img src=x onerror='window.owned=1'><script>window.owned=1</script> \u202egnp.exe {{7*7}}"


def seed_administration(admin: openai.OpenAI, name: str = "Web shop") -> dict[str, str]:
    """`admin` sends an admin key. Returns the ids that paths of screenshots can name, such as `{project}`."""

    def post(path: str, **body: Any) -> Any:
        return admin.post(f"/organization/{path}", cast_to=object, body=body)

    project = post("projects", name=name)["id"]
    hostile = post("projects", name=f"{HOSTILE_NAME} {name}")["id"]
    post(f"projects/{post('projects', name=f'{name}, old')['id']}/archive")
    keys = f"projects/{project}/api_keys"
    scopes = ["api.threads.write", "api.assistants.read", "model.request"]
    key = post(keys, name="checkout", scopes=scopes, expires_in_seconds=7_776_000)["id"]
    post(f"{keys}/{key}/rotate")
    post(keys, name=HOSTILE_NAME)
    post(keys, name="dashboard", scopes=["api.all.read"])
    account = post(f"projects/{project}/service_accounts", name="recommendations")["id"]
    post(f"projects/{project}/service_accounts", name=HOSTILE_NAME)
    credit = f"projects/{project}/credits"
    post(credit, credits=100_000_000, note="invoice 7")
    post(credit, credits=-2_000_000, type="ADJUSTMENT", note=HOSTILE_NAME)
    post(f"{credit}/limit", credits=40_000_000, period="month")
    post("invites", email="grace@example.com", role="reader", projects=[{"id": project, "role": "owner"}])
    return {"project": project, "hostile_project": hostile, "key": key, "account": account}


def seed_users(server: Server, admin: openai.OpenAI, project: str) -> dict[str, str]:
    """Two users, one of whom is a member of the project."""
    now = int(time.time())
    sign_in(server, "ada@example.com", name="Ada Lovelace", now=now)
    user = sign_in(server, "mallory@example.com", name=HOSTILE_NAME, now=now)
    body = {"user_id": user.id, "role": "member"}
    admin.post(f"/organization/projects/{project}/users", cast_to=object, body=body)
    return {"user": user.id}
