"""Real processes broken on purpose: an exchange of its own (engines, Redis, PostgreSQL, database writer) under load
from clients who write down every answer, while faults strike; then an audit of what everybody was told.

It stands at the top of the layers, beside the launcher, because it looks at everything below: it starts processes as
the launcher does, speaks to the engine as any client does, and reads journal and database as an auditor would."""
