"""The daemon: puts the rooms together, one session and one core for each PBX, one store and one delivery for all."""
