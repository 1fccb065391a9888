"""How long archived documents are kept, and in which storage class."""

from __future__ import annotations

from aws_cdk import Duration
from aws_cdk import aws_s3 as s3

from wideload_cdk._checks import check_days

# Days. S3 refuses less before, and bills less after:
# https://docs.aws.amazon.com/AmazonS3/latest/userguide/lifecycle-transition-general-considerations.html
LEAST_BEFORE_INFREQUENT_ACCESS = 30
LEAST_IN_INFREQUENT_ACCESS = 30
# A day is added to it; S3 takes up to 2,147,483,647, which nobody means.
MOST_DAYS = 36_499


def keep_archive(
    bucket: s3.Bucket,
    prefix: str,
    *,
    retention: Duration | None,
    infrequent_access_after: Duration | None,
    glacier_after: Duration | None,
) -> None:
    """Add the rule for what lies under `prefix`, unless it stays as it is for ever."""
    transitions = [
        s3.Transition(storage_class=storage_class, transition_after=after)
        for storage_class, after in (
            (s3.StorageClass.INFREQUENT_ACCESS, infrequent_access_after),
            # The other classes of Glacier take minutes to hours to give an object out.
            (s3.StorageClass.GLACIER_INSTANT_RETRIEVAL, glacier_after),
        )
        if after is not None
    ]
    if retention is not None or transitions:
        bucket.add_lifecycle_rule(
            id="Archive",
            prefix=prefix,
            expiration=_expiration(retention) if retention else None,
            transitions=transitions or None,
        )


def _expiration(retention: Duration) -> Duration:
    # A document is written before its record, so it would go first; a day more, and no record
    # within its retention names a document that's gone.
    return retention if retention.is_unresolved() else retention.plus(Duration.days(1))


def check_archive(
    *,
    retention: Duration | None,
    infrequent_access_after: Duration | None,
    glacier_after: Duration | None,
) -> None:
    """Raise ValueError if S3 would refuse these times, or one could never come.

    Times known only at deployment are left out.
    """
    days = {
        name: _days(name, value)
        for name, value in {
            "archive_infrequent_access_after": infrequent_access_after,
            "archive_glacier_after": glacier_after,
            "retention": retention,
        }.items()
        if value is not None and not value.is_unresolved()
    }
    infrequent = days.get("archive_infrequent_access_after")
    if infrequent is not None:
        if infrequent < LEAST_BEFORE_INFREQUENT_ACCESS:
            raise ValueError(
                f"archive_infrequent_access_after is {infrequent} days; "
                f"S3 wants at least {LEAST_BEFORE_INFREQUENT_ACCESS}."
            )
        glacier = days.get("archive_glacier_after")
        if glacier is not None and glacier < infrequent + LEAST_IN_INFREQUENT_ACCESS:
            raise ValueError(
                f"archive_glacier_after is {glacier} days; give at least "
                f"{LEAST_IN_INFREQUENT_ACCESS} more than archive_infrequent_access_after, which "
                f"is {infrequent}, for S3 bills that many in any case; or leave the latter out."
            )
    end = days.pop("retention", None)
    for name, value in days.items():
        if end is not None and value >= end:
            raise ValueError(
                f"{name} is {value} days, but retention is {end}, so it would never come; "
                "give less, or leave it out."
            )


def _days(name: str, value: Duration) -> int:
    check_days(name, value, most=MOST_DAYS)
    return int(value.to_days())
