"""Uploads from the browser: progress, parts of large files, and the server's errors."""

import pytest

UPLOAD = """async ({ uploadFile }, { size, purpose }) => {
  const progress = [];
  try {
    const file = await uploadFile(new File([new Uint8Array(size)], "data.bin"), purpose, { onProgress: (part) => progress.push(part) });
    return { file, last: progress.at(-1), isRising: progress.every((one, at) => at === 0 || one >= progress[at - 1]) };
  } catch (error) {
    return { status: error.status, param: error.param, message: error.message };
  }
}"""


@pytest.fixture
def upload(console):
    console.open("settings")
    return lambda size, purpose="user_data": console.call_module(
        "api/upload.js", UPLOAD, {"size": size, "purpose": purpose}
    )


@pytest.mark.parametrize("size", [10, 33 * 1024 * 1024], ids=["small", "in parts"])
def test_a_file_is_stored_and_its_progress_rises_to_the_end(upload, server, size):
    done = upload(size)
    assert done["file"]["bytes"] == size
    assert (done["last"], done["isRising"]) == (1, True)
    assert server.client.files.retrieve(done["file"]["id"]).filename == "data.bin"


def test_the_error_of_the_server_is_the_error_of_the_upload(upload):
    refused = upload(10, "no-purpose")
    assert (refused["status"], refused["param"]) == (400, "purpose")
