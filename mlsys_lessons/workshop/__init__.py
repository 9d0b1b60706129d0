"""The workshop: what the command line hands its work to.

The learner's folder of lessons (desk), the JupyterLab that opens it (lab), the doctor, and a run
from the shell (by_name, trial). cli.py is their only user.
"""
