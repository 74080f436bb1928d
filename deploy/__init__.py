"""What a deployment takes: policies, the Glue job, templates. Nothing of it is installed with the package."""
