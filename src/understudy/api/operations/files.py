"""Files and uploads."""

from typing import Final

from understudy.api.operations.operation import Operation, Schema
from understudy.wire import files, uploads

_FILE = "/files/{file_id}"
_UPLOAD = "/uploads/{upload_id}"
_BYTES: Schema = {"type": "string", "format": "binary"}

OPERATIONS: Final = (
    Operation(
        "listFiles",
        "GET",
        "/files",
        "A page of the files.",
        files.ListFilesResponse,
        query=files.ListFilesQuery,
        tag="Files",
    ),
    Operation(
        "createFile",
        "POST",
        "/files",
        "Upload a file.",
        files.FileObject,
        files.CreateFileRequest,
        form=True,
        tag="Files",
    ),
    Operation("retrieveFile", "GET", _FILE, "One file.", files.FileObject, tag="Files"),
    Operation(
        "deleteFile",
        "DELETE",
        _FILE,
        "Remove a file, from all vector stores too.",
        files.DeleteFileResponse,
        tag="Files",
    ),
    Operation(
        "downloadFile",
        "GET",
        f"{_FILE}/content",
        "The bytes of a file, or a range of them.",
        _BYTES,
        binary=True,
        tag="Files",
    ),
    Operation(
        "createUpload",
        "POST",
        "/uploads",
        "Begin to upload a large file in parts.",
        uploads.Upload,
        uploads.CreateUploadRequest,
        tag="Uploads",
    ),
    Operation(
        "addUploadPart",
        "POST",
        f"{_UPLOAD}/parts",
        "Send a part of the file; in any order, several at once.",
        uploads.UploadPart,
        uploads.AddUploadPartRequest,
        form=True,
        tag="Uploads",
    ),
    Operation(
        "completeUpload",
        "POST",
        f"{_UPLOAD}/complete",
        "Make the file of the parts, in the order given.",
        uploads.Upload,
        uploads.CompleteUploadRequest,
        tag="Uploads",
    ),
    Operation("cancelUpload", "POST", f"{_UPLOAD}/cancel", "Give an upload up.", uploads.Upload, tag="Uploads"),
)
