"""`publisher project-dir`."""

from __future__ import annotations

import shlex
from importlib.util import find_spec
from pathlib import Path

import click

from publisher.cli import options
from publisher.cli.output import Output
from publisher.errors import SourceNotReady


@click.command("project-dir")
@click.pass_obj
@options.DEBUG
@options.LOG_FORMAT
@options.JSON
@options.SHELL
def project_dir(output: Output, shell: bool) -> None:
    """Print where the dbt project is that was installed with the publisher.

    From any folder: eval "$(publisher project-dir --shell)", then dbt build && publisher publish. They write there.
    """
    folder = find_project()
    settings = {
        "DBT_PROJECT_DIR": folder,
        "DBT_PROFILES_DIR": folder,
        # dbt and the models would write beside the project, into the installation, if they were not told where.
        "DBT_TARGET_PATH": Path.cwd() / "target",
        "DBT_LOG_PATH": Path.cwd() / "logs",
        "MATCHED_IDS_LOCAL_DIR": Path.cwd() / ".matched-ids",
        # They try the SQL, on rows of their own: that of an installed package was tried before it was released.
        "DBT_EXCLUDE_RESOURCE_TYPES": "unit_test",
    }
    exports = "\n".join(f"export {name}={shlex.quote(str(value))}" for name, value in settings.items())
    output.answer(
        {
            "status": "found",
            "project_dir": str(folder),
            "environment": {name: str(to) for name, to in settings.items()},
        },
        exports if shell else str(folder),
    )


def find_project() -> Path:
    """Returns the folder of the dbt project: inside the installed package, or the checkout that it was installed from.

    Raises:
        SourceNotReady: There is none.
    """
    found = find_spec("dbt_matched_ids")
    package = Path(found.origin).parent if found and found.origin else None
    for folder in (package / "project", package.parent) if package else ():
        if (folder / "dbt_project.yml").is_file() and (folder / "models").is_dir():
            return folder
    raise SourceNotReady(
        "The dbt project is not beside the installed package.", "Install it again: pip install --force-reinstall."
    )
