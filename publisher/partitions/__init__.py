"""Which partition is the newest: the rule by names, the dates that names hold, narrowed listings, readiness."""
