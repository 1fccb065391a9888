"""Lifecycle rules: storage classes of objects, and checks of the times at which they change."""

from __future__ import annotations

from aws_cdk import Duration
from aws_cdk import aws_s3 as s3

from wideload_cdk.shared.checks import check_limit
from wideload_cdk.shared.limits import (
    GLACIER_DAYS,
    INFREQUENT_ACCESS_DAYS,
    LEAST_DAYS_IN_INFREQUENT_ACCESS,
    RETENTION_DAYS,
    Limit,
)


def add_lifecycle(
    bucket: s3.Bucket,
    id: str,
    prefix: str,
    *,
    infrequent_access_after: Duration | None,
    glacier_after: Duration | None,
) -> None:
    """Add a rule that moves objects under `prefix` to other storage classes, if any is given.

    No rule expires them: an object is deleted with its record, whose expiry was set when it was
    written. A rule would apply a new setting to old objects too (docs/adr/0039).
    """
    transitions = [
        s3.Transition(storage_class=storage_class, transition_after=after)
        for storage_class, after in (
            (s3.StorageClass.INFREQUENT_ACCESS, infrequent_access_after),
            # Retrieval from the other classes of Glacier takes minutes to hours.
            (s3.StorageClass.GLACIER_INSTANT_RETRIEVAL, glacier_after),
        )
        if after is not None
    ]
    if transitions:
        bucket.add_lifecycle_rule(id=id, prefix=prefix, transitions=transitions)


def check_lifecycle(
    *,
    expiration: tuple[str, Duration | None],
    infrequent_access_after: tuple[str, Duration | None],
    glacier_after: tuple[str, Duration | None],
) -> None:
    """Raise ValueError if S3 would refuse these times, or if one would never be reached.

    Each time comes with the name of the caller's argument. Times that are known only at deployment
    are not checked.
    """
    infrequent_name, glacier_name, end_name = (
        name for name, _ in (infrequent_access_after, glacier_after, expiration)
    )
    infrequent = _days(*infrequent_access_after, INFREQUENT_ACCESS_DAYS)
    glacier = _days(*glacier_after, GLACIER_DAYS)
    end = _days(*expiration, RETENTION_DAYS)
    if (
        infrequent is not None
        and glacier is not None
        and glacier < infrequent + LEAST_DAYS_IN_INFREQUENT_ACCESS
    ):
        raise ValueError(
            f"{glacier_name} is {glacier} days; give at least "
            f"{LEAST_DAYS_IN_INFREQUENT_ACCESS} more than {infrequent_name}, which "
            f"is {infrequent}, for S3 bills that many in any case; or leave the latter out."
        )
    for name, value in ((infrequent_name, infrequent), (glacier_name, glacier)):
        if value is not None and end is not None and value >= end:
            raise ValueError(
                f"{name} is {value} days, but {end_name} is {end}, so it would never come; "
                "give less, or leave it out."
            )


def _days(name: str, value: Duration | None, limit: Limit) -> int | None:
    if value is None or value.is_unresolved():
        return None
    check_limit(name, value, limit)
    return int(value.to_days())
