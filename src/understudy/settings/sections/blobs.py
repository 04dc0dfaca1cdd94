"""The table `[blobs]`."""

from typing import Annotated, Literal

from msgspec import Meta, Struct

from understudy.settings.text import Text


class BlobSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where the contents of files are stored."""

    kind: Annotated[
        Literal["directory", "s3"],
        Meta(
            description="`directory` is inside the data directory; `s3` is any S3-compatible store. The database"
            " knows the id of the store, and a start with another one fails; when you move it, copy all of it."
        ),
    ] = "directory"
    shared: Annotated[
        bool,
        Meta(
            description="Whether the directory `blobs` of the data directory is one mount of all nodes; required"
            " for `directory` with a `broker`."
        ),
    ] = False
    bucket: Annotated[Text | None, Meta(description="Bucket, which must exist.")] = None
    prefix: Annotated[Text | None, Meta(description="Prefix of all object keys, like `understudy/`.")] = None
    endpoint: Annotated[
        Text | None,
        Meta(description="Endpoint URL, like `http://127.0.0.1:9000`; when unset, AWS."),
    ] = None
    region: Annotated[Text | None, Meta(description="Region of the bucket.")] = None
    access_key: Annotated[
        Text | None,
        Meta(description="Access key id; when unset, from the AWS configuration or role."),
    ] = None
    secret_key: Annotated[Text | None, Meta(description="Secret access key.")] = None
