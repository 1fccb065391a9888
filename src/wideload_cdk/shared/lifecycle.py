"""How long objects are kept, and in which storage class."""

from __future__ import annotations

from aws_cdk import Duration
from aws_cdk import aws_s3 as s3

from wideload_cdk.shared.checks import check_days

# Days. S3 refuses less before, and bills less after:
# https://docs.aws.amazon.com/AmazonS3/latest/userguide/lifecycle-transition-general-considerations.html
LEAST_BEFORE_INFREQUENT_ACCESS = 30
LEAST_IN_INFREQUENT_ACCESS = 30
# A century; nobody means more.
MOST_DAYS = 36_499


def add_lifecycle(
    bucket: s3.Bucket,
    id: str,
    prefix: str,
    *,
    infrequent_access_after: Duration | None,
    glacier_after: Duration | None,
) -> None:
    """Add the rule that moves what lies under `prefix`, unless it stays where it is.

    No rule lets it expire: an object goes with the record that names it, whose end was set when
    it was written; a rule would apply a new setting to old objects too (docs/adr/0039).
    """
    transitions = [
        s3.Transition(storage_class=storage_class, transition_after=after)
        for storage_class, after in (
            (s3.StorageClass.INFREQUENT_ACCESS, infrequent_access_after),
            # The other classes of Glacier take minutes to hours to give an object out.
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
    """Raise ValueError if S3 would refuse these times, or one could never come.

    Each comes with the name that its caller knows it by. Times known only at deployment are
    left out.
    """
    infrequent_name, infrequent = infrequent_access_after[0], _days(*infrequent_access_after)
    glacier_name, glacier = glacier_after[0], _days(*glacier_after)
    end_name, end = expiration[0], _days(*expiration)
    if infrequent is not None:
        if infrequent < LEAST_BEFORE_INFREQUENT_ACCESS:
            raise ValueError(
                f"{infrequent_name} is {infrequent} days; "
                f"S3 wants at least {LEAST_BEFORE_INFREQUENT_ACCESS}."
            )
        if glacier is not None and glacier < infrequent + LEAST_IN_INFREQUENT_ACCESS:
            raise ValueError(
                f"{glacier_name} is {glacier} days; give at least "
                f"{LEAST_IN_INFREQUENT_ACCESS} more than {infrequent_name}, which "
                f"is {infrequent}, for S3 bills that many in any case; or leave the latter out."
            )
    for name, value in ((infrequent_name, infrequent), (glacier_name, glacier)):
        if value is not None and end is not None and value >= end:
            raise ValueError(
                f"{name} is {value} days, but {end_name} is {end}, so it would never come; "
                "give less, or leave it out."
            )


def _days(name: str, value: Duration | None) -> int | None:
    if value is None or value.is_unresolved():
        return None
    check_days(name, value, most=MOST_DAYS)
    return int(value.to_days())
