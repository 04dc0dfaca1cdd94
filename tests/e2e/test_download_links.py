"""Links that download a file or an export once without a key. On both databases."""

from concurrent.futures import ThreadPoolExecutor
from urllib.parse import urlsplit

from e2e.assistants_client import on_both
from envelope import assert_error
from waiting import eventually

CONTENT = b"x" * 300_000


@on_both
def test_a_link_downloads_a_file_once_and_without_a_key(server, client):
    file = client.files.create(file=("big <b>.bin", CONTENT), purpose="user_data")
    link = server.ask("POST", f"/v1/files/{file.id}/download_link").json
    assert (link["object"], link["file_id"]) == ("file.download_link", file.id)
    path = urlsplit(link["url"]).path

    def get(method="GET"):
        return server.ask(method, path, key=None)

    assert get("HEAD").headers["content-length"] == str(len(CONTENT))
    with ThreadPoolExecutor(8) as pool:
        replies = list(pool.map(lambda _: get(), range(8)))
    (reply,) = [one for one in replies if one.status == 200]
    assert reply.body == CONTENT
    assert reply.headers["content-disposition"] == "attachment; filename*=UTF-8''big%20%3Cb%3E.bin"
    refusal = "This link has expired or was used before. Create another one."
    for one in replies:
        if one is not reply:
            assert_error(one, 404, refusal)
    assert get("HEAD").status == 404
    assert server.ask("POST", f"/v1/files/{file.id}/download_link", key=None).status == 401
    assert server.ask("POST", "/v1/files/file-none/download_link").status == 404
    deleted = server.ask("POST", f"/v1/files/{file.id}/download_link").json
    client.files.delete(file.id)
    assert server.ask("GET", urlsplit(deleted["url"]).path, key=None).status == 404


def test_a_link_downloads_an_export_once(server):
    created = server.ask("POST", "/v1/exports", {"metadata": {"nobody": "has this"}}).json
    path = f"/v1/exports/{created['id']}"
    eventually(lambda: server.ask("GET", path).json["status"] == "completed")
    link = server.ask("POST", f"{path}/download_link").json
    assert (link["object"], link["export_id"]) == ("export.download_link", created["id"])
    first, second = (server.ask("GET", urlsplit(link["url"]).path, key=None) for _ in range(2))
    assert (first.status, second.status) == (200, 404)
    assert first.body == server.ask("GET", f"{path}/content").body
    assert first.headers["content-disposition"] == f"attachment; filename*=UTF-8''{created['id']}.zip"
    unknown = server.ask("POST", "/v1/exports/export_none/download_link")
    assert_error(unknown, 404, "No export found with id 'export_none'.")
