"""`IFileTransfer`: file transfer as another stack sees it, made by the same app or imported."""

from __future__ import annotations

from typing import ClassVar

from aws_cdk import aws_cognito as cognito
from aws_cdk import aws_dynamodb as dynamodb
from aws_cdk import aws_events as events
from aws_cdk import aws_iam as iam
from aws_cdk import aws_s3 as s3
from constructs import Construct

from wideload_cdk.files.events import SOURCE, FilesEvents
from wideload_cdk.files.functions import FILES_PREFIX
from wideload_cdk.files.metrics import FilesMetrics
from wideload_cdk.shared import grants
from wideload_cdk.shared.reference import ImportedService


class IFileTransfer(FilesMetrics, FilesEvents):
    """A `FileTransfer`, or a reference by `FileTransfer.from_file_transfer_attributes`."""

    _service: ClassVar[str] = "files"
    _event_source: ClassVar[str] = SOURCE

    bucket: s3.IBucket
    """The bucket for files, under `files/`."""
    files_table: dynamodb.ITable
    """Records of files, uploads and their owners."""
    user_pool: cognito.IUserPool | None
    """The people, unless another issuer signs them in."""

    def grant_read_files(self, grantee: iam.IGrantable) -> iam.Grant:
        """Let a function or role read the files of all people, with their names and owners.

        Grants `s3:GetObject` on `files/*`, `dynamodb:GetItem` and `Query` on the files table, and
        the use of the keys of both. An item `FILE#<file_id>` of an owner has the object's `key`,
        `size` and `sha256`, the file's `name` and `folder_id` ("top", or that of the item
        `DIR#<folder_id>`), and `object_id`; `OBJECT#<object_id>` says whether it is `verified` or
        `corrupt`. Several files may have one object. With a scanner its `scan_state` is `clean`,
        `malware`, `not_scanned`, or `scanning` until there is a result; the grant includes
        quarantined objects. Files that an earlier version wrote have no `object_id`, and hold all
        of that themselves, until their owner's next request.
        """
        if self.bucket.encryption_key is not None:
            self.bucket.encryption_key.grant(grantee, "kms:Decrypt")
        objects = grants.grant_objects(self.bucket, grantee, FILES_PREFIX, "s3:GetObject")
        items = grants.grant_items(self.files_table, grantee, "dynamodb:GetItem", "dynamodb:Query")
        return objects.combine(items)

    def grant_manage_users(self, grantee: iam.IGrantable) -> iam.Grant:
        """Let a role create, invite, list, disable and enable people, as `wideload-users` does.

        Grants `cognito-idp:AdminCreateUser`, `ListUsers`, `AdminGetUser`, `AdminDisableUser`,
        `AdminEnableUser` and `AdminUserGlobalSignOut` on the user pool. With them a role can sign
        in as a person that it creates. It can't delete people.

        Raises:
            ValueError: People sign in at another issuer.
        """
        if self.user_pool is None:
            raise ValueError(
                f"{self.node.path} has no user pool, since an issuer was given to it; "
                "manage people there."
            )
        return self.user_pool.grant(
            grantee,
            "cognito-idp:AdminCreateUser",
            "cognito-idp:ListUsers",
            "cognito-idp:AdminGetUser",
            "cognito-idp:AdminDisableUser",
            "cognito-idp:AdminEnableUser",
            "cognito-idp:AdminUserGlobalSignOut",
        )


class ImportedFileTransfer(IFileTransfer, ImportedService):
    """A deployment of another app; `FileTransfer.from_file_transfer_attributes` makes it."""

    _imported_by: ClassVar[str] = "from_file_transfer_attributes"

    def __init__(
        self,
        scope: Construct,
        id: str,
        *,
        environment_name: str,
        bucket: s3.IBucket | None,
        files_table: dynamodb.ITable | None,
        user_pool: cognito.IUserPool | None,
        event_bus: events.IEventBus | None,
    ) -> None:
        super().__init__(scope, id, environment_name=environment_name, event_bus=event_bus)
        if bucket is not None:
            self.bucket = bucket
        if files_table is not None:
            self.files_table = files_table
        if user_pool is not None:
            self.user_pool = user_pool
