"""How Iceberg is read: `metadata` (one snapshot), `plan` (its files and deleted rows), `table` (a raw table).

And how its tags are set, which is all that is ever written to a table: `tags` (what the metadata says of them) and
`commit` (by which step other metadata becomes current). These two and `file_system` do without pyiceberg, known
here alone, which reads metadata and manifests. Data files are read by whoever asked for the plan.
"""
