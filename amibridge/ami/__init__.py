"""Asterisk's manager interface: bytes to packets to events, the session, and capture files."""
