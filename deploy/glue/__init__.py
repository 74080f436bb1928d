"""The AWS Glue job: what Glue brings, what it is started with, and the tool that packages the rest."""
