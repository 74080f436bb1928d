"""The page about the runs of a destination: read the records once, make tables of them, draw some, write one page.

Lives here: what is read and shown (`figures`), the tables (`tables`), the charts, which alone know Altair and
vl-convert (`charts`), the page (`page`, `page.css`), and the flow that makes and publishes it (`making`). Lives
elsewhere: what a record is (`records`), what is active (`status`), and where the page is written here (`cli`). May
import what `history` and `status` may, and those two.
"""
