"""How Iceberg is read: `metadata` (one snapshot), `plan` (its files and deleted rows), `table` (a raw table).

Only here may pyiceberg be known, which reads metadata and manifests; data files are read by whoever asked for the plan.
"""
