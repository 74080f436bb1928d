"""What others are told of a run: metrics, notices, lineage. It never stops what it is about.

A `Run` is what is told of; `metrics`, `notices` and `lineage` make values of it and know no service; `channels` is
where to; `sending` alone asks CloudWatch, SNS and webhooks, and ends in a few seconds whatever they do. Of an error its
message and its hint are told, which are safe to tell by rule, and of a file its counts and digests: never an id, a
document or a credential. Loaded only where somebody asked to be told. May import the flows and all below them; `cli`
fills a `Run`, prints what could not be sent, and decides when.
"""
