"""Containers, and the files in them."""

from typing import Final

from understudy.api.operations.operation import Operation, Schema
from understudy.wire import containers, queries

_CONTAINER = "/containers/{container_id}"
_FILES = f"{_CONTAINER}/files"
_FILE = f"{_FILES}/{{file_id}}"
_BYTES: Schema = {"type": "string", "format": "binary"}
_TAG = "Containers"

OPERATIONS: Final = (
    Operation(
        "ListContainers",
        "GET",
        "/containers",
        "A page of the containers, those of threads among them.",
        containers.ContainerListResource,
        query=containers.ListContainersQuery,
        tag=_TAG,
    ),
    Operation(
        "CreateContainer",
        "POST",
        "/containers",
        "Make a container for code to run in.",
        containers.ContainerResource,
        containers.CreateContainerBody,
        tag=_TAG,
    ),
    Operation("RetrieveContainer", "GET", _CONTAINER, "One container.", containers.ContainerResource, tag=_TAG),
    Operation(
        "DeleteContainer",
        "DELETE",
        _CONTAINER,
        "End a container with everything in it.",
        containers.DeletedContainerResource,
        tag=_TAG,
    ),
    Operation(
        "ListContainerFiles",
        "GET",
        _FILES,
        "A page of the files in a container.",
        containers.ContainerFileListResource,
        query=queries.ListQuery,
        tag=_TAG,
    ),
    Operation(
        "CreateContainerFile",
        "POST",
        _FILES,
        "Put a File of the project into a container, or bytes that come with the request.",
        containers.ContainerFileResource,
        containers.CreateContainerFileBody,
        or_form=containers.UploadContainerFileBody,
        tag=_TAG,
    ),
    Operation(
        "RetrieveContainerFile", "GET", _FILE, "One file of a container.", containers.ContainerFileResource, tag=_TAG
    ),
    Operation(
        "DeleteContainerFile",
        "DELETE",
        _FILE,
        "Remove a file from a container.",
        containers.DeletedContainerFileResource,
        tag=_TAG,
    ),
    Operation(
        "RetrieveContainerFileContent",
        "GET",
        f"{_FILE}/content",
        "The bytes of a file in a container.",
        _BYTES,
        binary=True,
        tag=_TAG,
    ),
)
