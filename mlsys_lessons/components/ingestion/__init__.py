"""Ingestion: what may enter, what has been here before, what is late, what is put aside.

First stage of the loop: producers -> ingestion -> features. stages.py is the two levels, contract/
what a field promises. Behind the bar: usual_amounts.py and idempotency.py.
"""
