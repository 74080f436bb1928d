"""What all AWS clients share: how they are set up, and the one translation of what goes wrong into what to do.

Here live the clients (`clients`), their credentials (`credentials`), a look at an object (`objects`), and what an
answer or an exception means for a person (`causes`, and `failures`, which makes the sentence of it). What a request is
for is the business of those who send it: the store, and the lake. May import botocore, boto3 and the values below, and
nothing else of ours.
"""
