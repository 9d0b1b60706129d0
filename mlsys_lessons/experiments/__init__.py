"""What claims and lessons both stand on: runs as data, rewritten pasts, pipelines, statistics.

arms.py               one run to be made, as data, and its summary
fault_by_fault.py     what each fault costs the naive and the resilient system
notebook_promises.py  what the notebook says it will earn
open_labels.py        a world whose frauds are all known in two days
pasts.py              a history under a fault or with other labels, and systems trained on it
pipelines.py          the features of a run's rows, computed by other pipelines
training_tables.py    other training tables of one history
snapshot.py           the frozen history that the notebook models are trained on
statistics.py, shapley.py    pure arithmetic
"""
