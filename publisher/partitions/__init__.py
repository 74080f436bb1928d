"""Which partition is the newest, and may it be read.

`rule` chooses by names, with the words and regular expressions of the macros in macros/partitions/ (a test holds them
equal); `dates` and `date_forms` read the dates that names hold, `limits` judges their age, `narrowing` asks a catalog
for fewer names where that cannot change the answer, `listing` and `readiness` ask. Never reads data. May import
`lake.glue`, the Protocol of the store, and below.
"""
