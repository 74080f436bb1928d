"""What reads the lake: S3 and the Glue catalog are set up when the first table asks for them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from publisher.lake.files import Files, LocalFiles

if TYPE_CHECKING:
    from publisher.aws import Deadline
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
        self._s3 = s3
        self._glue = glue

    def files(self, location: str) -> Files:
        """Returns what reads the files at a location.

        Raises:
            UsageError: S3 cannot be set up.
            StoreFailed: Likewise.
        """
        return self.s3 if location.startswith("s3://") else LocalFiles()

    @property
    def s3(self) -> S3Files:
        """What reads objects.

        Raises:
            UsageError: S3 cannot be set up.
            StoreFailed: Likewise.
        """
        if self._s3 is None:
            from publisher.lake.s3_files import S3Files

            self._s3 = S3Files(deadline=self._deadline)
        return self._s3

    @property
    def glue(self) -> GlueCatalog:
        """What reads the Glue Data Catalog.

        Raises:
            UsageError: Glue cannot be set up.
            StoreFailed: Likewise.
        """
        if self._glue is None:
            from publisher.lake.glue import GlueCatalog

            self._glue = GlueCatalog(deadline=self._deadline)
        return self._glue
