"""What the targets share inside dbt: errors without data in them, and a folder that one run has for itself.

dbt imports this package with every target, because its name begins with `dbt_`; so nothing is imported here.
"""
