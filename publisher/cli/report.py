"""`publisher report`."""

from __future__ import annotations

from pathlib import Path

import click

from publisher.cli import options
from publisher.cli.connect import connect, require_extra
from publisher.cli.output import Output, fields_text
from publisher.errors import UsageError
from publisher.settings import parse_day


@click.command()
@click.pass_obj
@options.writing
@options.REPORT_OUTPUT
@options.PUBLISH_REPORT
@options.SINCE
@options.LIMIT.but(default=400)
def report(
    output: Output,
    to: str,
    endpoint_url: str | None,
    output_path: Path | None,
    publish_report: bool,
    since: str | None,
    limit: int,
) -> None:
    """Write a page about the newest runs: ids, changes, sizes, refusals, overrules, holds, and what is active.

    One HTML file with charts and tables, without scripts and without anything from another address. It is written
    whatever there is to show, and says so where that is nothing. Never a part of `publish`: run it after that, whatever
    that ended with.
    """
    if output_path is None and not publish_report:
        raise UsageError(
            "Nobody said where the page is to go.", "Give --output report.html, --publish-report, or both."
        )
    for package in ("altair", "vl_convert"):
        require_extra(package, "report", "report")
    destination, store = connect(to, endpoint_url, output)
    from publisher.disk.drafts import require_writable, write_file
    from publisher.report.making import make_report, put_report

    if output_path is not None:
        require_writable(output_path)
    figures, page = make_report(store, destination, limit, parse_day(since) if since else None)
    if output_path is not None:
        write_file(output_path, page)
    key = put_report(store, destination, page) if publish_report else None
    fields = {
        "status": "written",
        "output": str(output_path) if output_path else None,
        "url": destination.url(key) if key else None,
        "bytes": len(page),
        "runs": len(figures.runs),
        "promotions": len(figures.promotions),
        "refusals": len(figures.refusals),
        "unreadable": figures.unreadable,
        "is_whole": figures.is_whole,
    }
    shown = {name.replace("_", " "): value for name, value in fields.items() if name not in ("status", "output", "url")}
    places = [str(place) for place in (fields["output"], fields["url"]) if place]
    output.answer(fields, fields_text(f"written {' and '.join(places)}", shown), is_done=True)
