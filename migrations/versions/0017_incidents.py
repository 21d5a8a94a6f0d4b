"""Mass incidents: their councils and homes, the alarms that belong to them, and what homes have in common."""

import sqlalchemy as sa
from alembic import op

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None

KINDS = "'postcode_sector', 'exchange', 'mobile_network', 'firmware', 'council'"


def _moment(name: str, *, nullable: bool = True, comment: str | None = None) -> sa.Column[sa.DateTime]:
    return sa.Column(name, sa.DateTime(timezone=True), nullable=nullable, comment=comment)


def upgrade() -> None:
    op.add_column(
        "premises",
        sa.Column("exchange", sa.String(), nullable=True, comment="the telephone exchange that serves it"),
    )
    op.add_column("hub", sa.Column("mobile_network", sa.String(), nullable=True, comment="of its SIM"))
    op.create_table(
        "incident",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("key", sa.String(), nullable=False),
        sa.Column("size", sa.Integer(), nullable=False, comment="homes of the group when it opened"),
        sa.Column("state", sa.String(), server_default="open", nullable=False),
        _moment("opened_at", nullable=False),
        _moment("last_joined_at", nullable=False),
        _moment("last_moved_at", nullable=False, comment="when a home last joined or returned"),
        _moment("closed_at"),
        sa.CheckConstraint(f"kind IN ({KINDS})", name=op.f("ck_incident_kind")),
        sa.CheckConstraint("state IN ('open', 'closed')", name=op.f("ck_incident_state")),
        sa.CheckConstraint("(state = 'closed') = (closed_at IS NOT NULL)", name=op.f("ck_incident_closed")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_incident")),
    )
    op.create_index(
        "uq_incident_open", "incident", ["kind", "key"], unique=True, postgresql_where=sa.text("state = 'open'")
    )
    op.create_table(
        "incident_council",
        sa.Column("incident_id", sa.Uuid(), nullable=False),
        sa.Column("council_id", sa.String(length=9), nullable=False),
        sa.Column("alarm_id", sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(["incident_id"], ["incident.id"], name=op.f("fk_incident_council_incident_id")),
        sa.ForeignKeyConstraint(["council_id"], ["council.code"], name=op.f("fk_incident_council_council_id")),
        sa.ForeignKeyConstraint(["alarm_id"], ["alarm.id"], name=op.f("fk_incident_council_alarm_id")),
        sa.PrimaryKeyConstraint("incident_id", "council_id", name=op.f("pk_incident_council")),
    )
    op.create_index("ix_incident_council_council_id", "incident_council", ["council_id"])
    op.create_index("ix_incident_council_alarm_id", "incident_council", ["alarm_id"])
    op.create_table(
        "incident_member",
        sa.Column("incident_id", sa.Uuid(), nullable=False),
        sa.Column("hub_id", sa.String(), nullable=False),
        sa.Column("council_id", sa.String(length=9), nullable=False),
        sa.Column("person_id", sa.Uuid(), nullable=True),
        sa.Column("premises_id", sa.Uuid(), nullable=True),
        sa.Column("state", sa.String(), server_default="joined", nullable=False),
        _moment("joined_at", nullable=False),
        _moment("returned_at"),
        _moment("offline_since"),
        _moment("mains_lost_at"),
        _moment("path_lost_at"),
        _moment("battery_until", comment="when it is empty, as far as somebody knows"),
        _moment("overdue_told_at", comment="when humans were told that they are past it"),
        sa.CheckConstraint("state IN ('joined', 'returned', 'stayed')", name=op.f("ck_incident_member_state")),
        sa.CheckConstraint(
            "(state = 'returned') = (returned_at IS NOT NULL)", name=op.f("ck_incident_member_returned")
        ),
        sa.ForeignKeyConstraint(["incident_id"], ["incident.id"], name=op.f("fk_incident_member_incident_id")),
        sa.ForeignKeyConstraint(["hub_id"], ["hub.hub_id"], name=op.f("fk_incident_member_hub_id"), ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["council_id"], ["council.code"], name=op.f("fk_incident_member_council_id")),
        sa.ForeignKeyConstraint(["person_id"], ["person.id"], name=op.f("fk_incident_member_person_id")),
        sa.ForeignKeyConstraint(["premises_id"], ["premises.id"], name=op.f("fk_incident_member_premises_id")),
        sa.PrimaryKeyConstraint("incident_id", "hub_id", name=op.f("pk_incident_member")),
    )
    op.create_index(
        "ix_incident_member_joined",
        "incident_member",
        ["hub_id"],
        unique=True,
        postgresql_where=sa.text("state = 'joined'"),
    )
    op.create_index("ix_incident_member_council_id", "incident_member", ["council_id"])
    op.add_column(
        "alarm",
        sa.Column(
            "incident_id",
            sa.Uuid(),
            nullable=True,
            comment="the incident with which it is told: a technical one of its homes",
        ),
    )
    op.create_check_constraint("life_safety_stands_alone", "alarm", "incident_id IS NULL OR class <> 'L'")
    op.create_index(
        "ix_alarm_incident_id", "alarm", ["incident_id"], postgresql_where=sa.text("incident_id IS NOT NULL")
    )


def downgrade() -> None:
    op.drop_column("alarm", "incident_id")
    for table in ("incident_member", "incident_council", "incident"):
        op.drop_table(table)
    op.drop_column("hub", "mobile_network")
    op.drop_column("premises", "exchange")
