"""The tables, and how an older database becomes a present one.

`PRAGMA user_version` says how many of the migrations a database has been through. A migration that was released is
never changed: what is new comes as a further one at the end.
"""

from collections.abc import Sequence

from amibridge.store.connection import Connection

Migration = Sequence[str]

APPLICATION_ID = 0x616D6962
"""`amib`, in the header of every database of ours: `file` shows it, and a foreign file is not taken for ours."""

MIGRATIONS: Sequence[Migration] = (
    (
        f"PRAGMA application_id = {APPLICATION_ID}",
        # A call is live while it has no `ended`. `how_ended` is one of `calls.End`, `record` the output contract's
        # object, `trail` the evidence: [[wall, extension or null, text], …].
        """
        CREATE TABLE call (
            call_id TEXT PRIMARY KEY,
            pbx TEXT NOT NULL,
            began REAL NOT NULL,
            client TEXT,
            client_raw TEXT,
            did TEXT,
            outbound INTEGER NOT NULL DEFAULT 0,
            announced INTEGER NOT NULL DEFAULT 0,
            ended REAL,
            how_ended TEXT,
            record TEXT,
            trail TEXT
        ) STRICT
        """,
        "CREATE INDEX call_live ON call (pbx) WHERE ended IS NULL",
        "CREATE INDEX call_began ON call (began)",
        "CREATE INDEX call_ended ON call (ended) WHERE ended IS NOT NULL",
        # The channels that have stood for a call's client; the newest row is the client's present one.
        """
        CREATE TABLE call_channel (
            pbx TEXT NOT NULL,
            uniqueid TEXT NOT NULL,
            call_id TEXT NOT NULL REFERENCES call ON DELETE CASCADE,
            PRIMARY KEY (pbx, uniqueid)
        ) STRICT
        """,
        "CREATE INDEX call_channel_call ON call_channel (call_id)",
        # At most one card for a call and an extension: the primary key. It is open while `openings` > `closings`.
        """
        CREATE TABLE card (
            call_id TEXT NOT NULL REFERENCES call ON DELETE CASCADE,
            extension TEXT NOT NULL,
            openings INTEGER NOT NULL DEFAULT 0,
            closings INTEGER NOT NULL DEFAULT 0,
            opened_at REAL,
            closed_at REAL,
            PRIMARY KEY (call_id, extension)
        ) STRICT, WITHOUT ROWID
        """,
        # `wall` is since when the finding has been this one.
        """
        CREATE TABLE verdict (
            call_id TEXT NOT NULL REFERENCES call ON DELETE CASCADE,
            extension TEXT NOT NULL,
            finding TEXT NOT NULL,
            because TEXT NOT NULL,
            wall REAL NOT NULL,
            PRIMARY KEY (call_id, extension)
        ) STRICT
        """,
        # `at` and `wall` are the event's, on the PBX's clocks; `created_at` and `expires_at` are the host's.
        """
        CREATE TABLE command (
            seq INTEGER PRIMARY KEY AUTOINCREMENT,
            key TEXT NOT NULL UNIQUE,
            call_id TEXT NOT NULL REFERENCES call ON DELETE CASCADE,
            extension TEXT,
            type TEXT NOT NULL,
            payload TEXT NOT NULL,
            at REAL NOT NULL,
            wall REAL NOT NULL,
            created_at REAL NOT NULL,
            expires_at REAL
        ) STRICT
        """,
        "CREATE INDEX command_call ON command (call_id)",
        # `call_id`, `urgency` and `expires_at` repeat the command's, for the indexes below.
        """
        CREATE TABLE delivery (
            seq INTEGER NOT NULL REFERENCES command ON DELETE CASCADE,
            crm TEXT NOT NULL,
            call_id TEXT NOT NULL,
            urgency INTEGER NOT NULL,
            state TEXT NOT NULL DEFAULT 'pending',
            attempts INTEGER NOT NULL DEFAULT 0,
            not_before REAL NOT NULL DEFAULT 0,
            expires_at REAL,
            error TEXT,
            changed_at REAL NOT NULL,
            PRIMARY KEY (seq, crm)
        ) STRICT, WITHOUT ROWID
        """,
        "CREATE INDEX delivery_urgent ON delivery (crm, urgency, seq, call_id) WHERE state = 'pending'",
        "CREATE INDEX delivery_lane ON delivery (crm, call_id, seq) WHERE state = 'pending'",
        "CREATE INDEX delivery_resting ON delivery (crm, not_before) WHERE state = 'pending' AND not_before > 0",
        "CREATE INDEX delivery_expiring ON delivery (crm, expires_at) WHERE state = 'pending' AND expires_at > 0",
        "CREATE INDEX delivery_sending ON delivery (seq) WHERE state = 'sending'",
        "CREATE INDEX delivery_refused ON delivery (seq) WHERE state = 'refused'",
        "CREATE INDEX delivery_unclear ON delivery (seq) WHERE state = 'unclear'",
        # What a CRM has told us about a call.
        """
        CREATE TABLE memory (
            call_id TEXT NOT NULL REFERENCES call ON DELETE CASCADE,
            crm TEXT NOT NULL,
            json TEXT NOT NULL,
            PRIMARY KEY (call_id, crm)
        ) STRICT, WITHOUT ROWID
        """,
    ),
    (
        # `up` or not since `since`; `why` and `remedy` are of a link that is not.
        """
        CREATE TABLE link (
            pbx TEXT PRIMARY KEY,
            up INTEGER NOT NULL,
            since REAL NOT NULL,
            why TEXT,
            remedy TEXT
        ) STRICT, WITHOUT ROWID
        """,
    ),
    (
        # What is written when there is nothing to write: one row, with the host's time of it.
        "CREATE TABLE heart (one INTEGER PRIMARY KEY CHECK (one = 1), beat REAL NOT NULL) STRICT",
        "INSERT INTO heart (one, beat) VALUES (1, 0)",
    ),
    (
        # What an adapter has found, about a PBX for instance, and not got over since.
        """
        CREATE TABLE concern (
            crm TEXT NOT NULL,
            about TEXT NOT NULL,
            since REAL NOT NULL,
            what TEXT NOT NULL,
            PRIMARY KEY (crm, about)
        ) STRICT, WITHOUT ROWID
        """,
    ),
    (
        # Why what was found gives no card; NULL where it gives one, or nothing that cards open for.
        "ALTER TABLE verdict ADD COLUMN no_card TEXT",
    ),
)


async def migrate(connection: Connection, migrations: Sequence[Migration] = MIGRATIONS) -> None:
    """Brings the database up to the last of the migrations, each in a transaction of its own."""
    ((done,),) = await connection.fetch("PRAGMA user_version")
    for number, migration in enumerate(migrations[done:], start=done + 1):
        await connection.run("BEGIN IMMEDIATE")
        try:
            for statement in migration:
                await connection.run(statement)
            await connection.run(f"PRAGMA user_version = {number}")
            await connection.run("COMMIT")
        except BaseException:
            if connection.in_transaction:
                await connection.run("ROLLBACK")
            raise
