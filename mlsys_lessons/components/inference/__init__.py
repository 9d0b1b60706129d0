"""Inference: who answers, in time, and what happens when nobody does.

Third stage of the loop: features -> inference -> decisions. stages.py is the two levels; registry,
breaker and service are files of their own. models.py is what can be put in service, calibrated.py
a model whose scores were brought back to probabilities. Behind the bar: tree_tables.py. (No names
are imported here: who wants a breaker gets no model with it.)
"""
