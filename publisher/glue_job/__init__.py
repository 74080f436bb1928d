"""The whole run inside one AWS Glue ETL job: dbt builds on the job's own Spark, then the file is published.

Glue starts deploy/glue/job.py, which calls `main`. The settings are those of the command line, given as the job's
arguments: `--PUBLISHER_TO s3://…` is the variable PUBLISHER_TO. A job ends well by returning and badly by raising: Glue
takes any SystemExit for a failure, and keeps the exception's text as the run's error message. Here lives what differs
from a command line, and nothing of what is built or published; it may import the commands, and nothing may import it.
"""

from publisher.glue_job.job import JobFailed, main

__all__ = ["JobFailed", "main"]
