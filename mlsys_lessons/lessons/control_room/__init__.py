"""The control room: the drill's face with buttons, for a learner, a team, a projector.

It is no game of its own: every button says a command to `drill.Incident`, as the text and the
command line do. The picture is wall.py, the words on it words.py, the buttons room.py, and what a
game master sees master.py.
"""

from mlsys_lessons.lessons.control_room.master import Master
from mlsys_lessons.lessons.control_room.room import Room

__all__ = ["Master", "Room"]
