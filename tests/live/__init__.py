"""A real Asterisk, scripted SIP phones, and what they really did.

    python -m tests.live --list                   # the scenarios, and what happens in each
    python -m tests.live 22 'queue_*' --out=HERE  # plays some: captures of the manager's stream, truths beside them
    python -m tests.live.show CAPTURE             # the events of a capture that say something
    python -m tests.live.chance 22 --folder HERE  # composes stories by chance, plays and judges them
    python -m tests.live 22 --story FILE          # plays one of these again, action for action

Needed are root, `pip install pjsua2-python` and, to make the folders of the Asterisks, mmdebstrap. All is on loopback.

A scenario is a function in `scenarios`, played in a `scene` of the `lab`; the `player` keeps what the recorder heard,
and compares the truth with the phones' ears. NOTES.md tells what came out.

In `chance` nobody writes a story: the `composer` makes one of a seed, `acting` plays what can be played of it, and the
`truth` is what the phones heard (`ears`, on the `wire`).
"""
