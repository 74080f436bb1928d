"""What reads the lake: S3 and the Glue catalog are set up when the first table asks for them."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

from publisher.lake.files import Files, LocalFiles

if TYPE_CHECKING:
    from publisher.aws.clients import Deadline
    from publisher.lake.glue import GlueCatalog
    from publisher.lake.s3_files import S3Files


class LakeAccess:
    """Opens files here and in S3, and tables of the Glue catalog. What a table does not need is not set up."""

    def __init__(
        self, deadline: Deadline | None = None, *, s3: S3Files | None = None, glue: GlueCatalog | None = None
    ) -> None:
        """Prepares; nothing is sent yet.

        Args:
            deadline: Ends all requests.
            s3: Reads `s3://` addresses, instead of what boto3 finds.
            glue: The catalog, instead of what boto3 finds.
        """
        self._deadline = deadline
        if s3 is not None:
            self.s3 = s3
        if glue is not None:
            self.glue = glue

    def files(self, location: str) -> Files:
        """Returns what reads the files at a location.

        Raises:
            UsageError: S3 cannot be set up.
            StoreFailed: Likewise.
        """
        return self.s3 if location.startswith("s3://") else LocalFiles()

    @cached_property
    def s3(self) -> S3Files:
        """What reads objects.

        Raises:
            UsageError: S3 cannot be set up.
            StoreFailed: Likewise.
        """
        from publisher.lake.s3_files import S3Files

        return S3Files(deadline=self._deadline)

    @cached_property
    def glue(self) -> GlueCatalog:
        """What reads the Glue Data Catalog.

        Raises:
            UsageError: Glue cannot be set up.
            StoreFailed: Likewise.
        """
        from publisher.lake.glue import GlueCatalog

        return GlueCatalog(deadline=self._deadline)
