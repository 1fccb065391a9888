"""Find the built Lambda code that travels beside this module."""

from pathlib import Path

from aws_cdk import IgnoreMode
from aws_cdk import aws_lambda as lambda_

_BUILT = Path(__file__).parents[1] / "_lambda"
_ROOT_PACKAGE = "wideload_runtime"


def built_code(architecture: lambda_.Architecture) -> lambda_.AssetCode:
    """The runtime with its dependencies, built for `architecture`.

    Raises:
        FileNotFoundError: The code has not been built.
    """
    folder = _BUILT / architecture.name
    if not (folder / _ROOT_PACKAGE).is_dir():
        raise FileNotFoundError(
            f"There is no built Lambda code in {folder} (no {_ROOT_PACKAGE}/ in it). "
            "In a checkout, run `make build`; an installed wheel brings it along, "
            "so there reinstall wideload-cdk. Or pass `code=`."
        )
    # When pip installs a wheel, it compiles these modules too. Bytecode of the installing
    # interpreter is useless in Lambda and would change the asset's hash.
    return lambda_.Code.from_asset(
        str(folder), exclude=["__pycache__/", "*.pyc"], ignore_mode=IgnoreMode.GIT
    )
