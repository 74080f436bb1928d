"""Publishes a table of ids as one file that other systems can trust.

The folders are the way of the data: `table` is read, `file` is written, `store` is where it goes; `lake` and
`partitions` are below them, `guards` may stop it, `cli` is what a person types. The modules beside them are the flows,
one a command (`publish`, `rollback`, `pull`, …), and what everybody uses: `values`, `errors`, `aws`, `threads`,
`seekable`. Arrows point down only; pyproject.toml holds them.
"""

__version__ = "0.1.0"
