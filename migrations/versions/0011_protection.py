"""Protection: where each person stands, where they stood, and whose service has ended."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None

STATES = "'protected', 'degraded', 'unprotected', 'unknown'"
TIERS = "'A', 'B', 'C', 'D'"


def upgrade() -> None:
    op.add_column(
        "person",
        sa.Column(
            "service_ended_on",
            sa.Date(),
            nullable=True,
            comment="from then on nobody misses a unit where there is none",
        ),
    )
    op.create_table(
        "person_protection",
        sa.Column("person_id", sa.Uuid(), nullable=False),
        sa.Column("council_id", sa.String(length=9), nullable=False),
        sa.Column("tier", sa.String(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("rank", sa.SmallInteger(), nullable=False, comment="where it stands on a list, the worst first"),
        sa.Column("reasons", postgresql.ARRAY(sa.Text()), nullable=False),
        sa.Column("why", sa.String(), nullable=False, comment="in words"),
        sa.Column(
            "since",
            sa.DateTime(timezone=True),
            nullable=False,
            comment="when the state began, not when somebody looked",
        ),
        sa.Column(
            "began_at", sa.DateTime(timezone=True), nullable=False, comment="when it began to be so for these reasons"
        ),
        sa.Column(
            "good_until",
            sa.DateTime(timezone=True),
            nullable=True,
            comment="when they were last proven to be protected",
        ),
        sa.Column("hub_id", sa.String(), nullable=True, comment="the unit on which it hangs"),
        sa.Column("away_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("look_at", sa.DateTime(timezone=True), nullable=True, comment="when time alone changes it"),
        sa.Column("looked_at", sa.DateTime(timezone=True), nullable=True, comment="empty: not yet"),
        sa.Column("mark", sa.BigInteger(), nullable=False, comment="of the facts from which it follows"),
        sa.CheckConstraint(f"state IN ({STATES})", name=op.f("ck_person_protection_state")),
        sa.CheckConstraint(f"tier IN ({TIERS})", name=op.f("ck_person_protection_tier")),
        sa.CheckConstraint("began_at >= since", name=op.f("ck_person_protection_began_at")),
        sa.ForeignKeyConstraint(["council_id"], ["council.code"], name=op.f("fk_person_protection_council_id")),
        sa.ForeignKeyConstraint(
            ["person_id"], ["person.id"], name=op.f("fk_person_protection_person_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("person_id", name=op.f("pk_person_protection")),
        postgresql_with={"fillfactor": 80},
    )
    op.create_index("ix_person_protection_worst", "person_protection", ["rank", "tier", "since", "person_id"])
    op.create_table(
        "protection_period",
        sa.Column("person_id", sa.Uuid(), nullable=False),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("council_id", sa.String(length=9), nullable=False),
        sa.Column("tier", sa.String(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("reasons", postgresql.ARRAY(sa.Text()), nullable=False),
        sa.Column("why", sa.String(), nullable=False),
        sa.Column("hub_id", sa.String(), nullable=True),
        sa.Column("good_until", sa.DateTime(timezone=True), nullable=True, comment="lost protection counts from here"),
        sa.CheckConstraint(f"state IN ({STATES})", name=op.f("ck_protection_period_state")),
        sa.CheckConstraint(f"tier IN ({TIERS})", name=op.f("ck_protection_period_tier")),
        sa.CheckConstraint("ended_at >= started_at", name=op.f("ck_protection_period_ended_at")),
        sa.ForeignKeyConstraint(["council_id"], ["council.code"], name=op.f("fk_protection_period_council_id")),
        sa.ForeignKeyConstraint(
            ["person_id"], ["person.id"], name=op.f("fk_protection_period_person_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("person_id", "started_at", name=op.f("pk_protection_period")),
    )
    op.create_index(
        "uq_protection_period_open",
        "protection_period",
        ["person_id"],
        unique=True,
        postgresql_where=sa.text("ended_at IS NULL"),
    )
    op.create_index(
        "ix_protection_period_lost",
        "protection_period",
        ["ended_at"],
        postgresql_where=sa.text("state = 'unprotected'"),
    )


def downgrade() -> None:
    op.drop_table("protection_period")
    op.drop_table("person_protection")
    op.drop_column("person", "service_ended_on")
