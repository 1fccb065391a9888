"""Find the built Lambda code that travels beside this module."""

from pathlib import Path

from aws_cdk import aws_lambda as lambda_

_BUILT = Path(__file__).parents[1] / "_lambda"


def built_code(architecture: lambda_.Architecture) -> lambda_.AssetCode:
    """The runtime with its dependencies, built for `architecture`.

    Raises:
        FileNotFoundError: The code has not been built.
    """
    archive = _BUILT / f"{architecture.name}.zip"
    if not archive.is_file():
        raise FileNotFoundError(
            f"There is no built Lambda code: {archive} is missing. "
            "In a checkout, run `make build`; an installed wheel brings it along, "
            "so there reinstall wideload-cdk. Or pass `code=`."
        )
    return lambda_.Code.from_asset(str(archive))
