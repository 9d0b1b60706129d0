"""The workshop: the learner's folder of lessons, the JupyterLab that opens it, and the doctor.

Each of the three is a file of its own; the command line in cli.py is their only user.
"""
