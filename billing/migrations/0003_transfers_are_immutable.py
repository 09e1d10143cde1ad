"""The database itself refuses to change or remove a transfer.

SQLite: INSERT OR REPLACE would slip past the delete trigger of a connection without recursive_triggers, so a
known id, place in the chain or rowid is refused before the insert. An unset rowid reads as -1 there, so no row
may really have it. PostgreSQL: TRUNCATE fires only a statement trigger.
"""

from django.db import migrations

SQLITE = [
    """CREATE TRIGGER billing_transfer_no_update BEFORE UPDATE ON billing_transfer
       BEGIN SELECT RAISE(ABORT, 'transfers are never changed'); END""",
    """CREATE TRIGGER billing_transfer_no_delete BEFORE DELETE ON billing_transfer
       BEGIN SELECT RAISE(ABORT, 'transfers are never deleted'); END""",
    """CREATE TRIGGER billing_transfer_no_replace BEFORE INSERT ON billing_transfer
       WHEN EXISTS (SELECT 1 FROM billing_transfer WHERE id = NEW.id)
         OR EXISTS (SELECT 1 FROM billing_transfer WHERE writer_id = NEW.writer_id AND seq = NEW.seq)
         OR EXISTS (SELECT 1 FROM billing_transfer WHERE pending_id = NEW.pending_id AND kind = NEW.kind)
         OR EXISTS (SELECT 1 FROM billing_transfer WHERE rowid = NEW.rowid)
       BEGIN SELECT RAISE(ABORT, 'a transfer with this id exists'); END""",
    """CREATE TRIGGER billing_transfer_real_rowid AFTER INSERT ON billing_transfer WHEN NEW.rowid < 1
       BEGIN SELECT RAISE(ABORT, 'a transfer has a rowid above 0'); END""",
]
POSTGRESQL = [
    """CREATE FUNCTION billing_transfer_refuse() RETURNS trigger LANGUAGE plpgsql AS $$
       BEGIN RAISE EXCEPTION 'transfers are never changed or deleted' USING ERRCODE = 'restrict_violation'; END $$""",
    """CREATE TRIGGER billing_transfer_immutable BEFORE UPDATE OR DELETE ON billing_transfer
       FOR EACH ROW EXECUTE FUNCTION billing_transfer_refuse()""",
    """CREATE TRIGGER billing_transfer_no_truncate BEFORE TRUNCATE ON billing_transfer
       FOR EACH STATEMENT EXECUTE FUNCTION billing_transfer_refuse()""",
]
UNDO = {
    "sqlite": [f"DROP TRIGGER billing_transfer_{name}" for name in ("no_update", "no_delete", "no_replace", "real_rowid")],
    "postgresql": ["DROP FUNCTION billing_transfer_refuse CASCADE"],
}


def add_guards(apps, schema_editor):
    for statement in SQLITE if schema_editor.connection.vendor == "sqlite" else POSTGRESQL:
        schema_editor.execute(statement)


def drop_guards(apps, schema_editor):
    for statement in UNDO[schema_editor.connection.vendor]:
        schema_editor.execute(statement)


class Migration(migrations.Migration):
    dependencies = [("billing", "0002_platform_accounts")]
    operations = [migrations.RunPython(add_guards, drop_guards)]
