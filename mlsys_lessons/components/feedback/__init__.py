"""Feedback: labels that come late, selected and sometimes wrong; reviews; when to learn again.

Fifth stage: the world -> feedback -> features, monitoring and the next model. labels.py, reviews.py
and retraining.py are one story, told in the order it happens.
"""
