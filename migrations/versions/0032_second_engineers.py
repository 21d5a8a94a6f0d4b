"""A visit of two names both engineers; of what is booked, the second is the one whom the plan had sent along."""

import sqlalchemy as sa
from alembic import op

revision = "0032"
down_revision = "0031"
branch_labels = None
depends_on = None

FROM_PLANS = """
    UPDATE visit v SET second_engineer_id = c.second_id, second_engineer = c.name
      FROM (SELECT DISTINCT ON (b.id) b.id, u.id AS second_id, u.display_name AS name
              FROM visit b
              JOIN switchover_plan p ON p.council_id = b.council_id AND p.result IS NOT NULL
             CROSS JOIN LATERAL jsonb_array_elements(p.result -> 'appointments') a
              JOIN app_user u ON u.id::text = a -> 'crew' ->> 1 AND u.id <> b.engineer_id
             WHERE b.over_at IS NULL AND b.state IN ('booked', 'confirmed')
               AND b.old_hub_id = a ->> 'hub_id' AND b.engineer_id::text = a -> 'crew' ->> 0
               AND (b.starts_at AT TIME ZONE 'Europe/London')::date::text = a ->> 'day'
             ORDER BY b.id, p.made_at DESC) c
     WHERE v.id = c.id
"""


def upgrade() -> None:
    comment = "who comes along, of a visit with two"
    op.add_column("visit", sa.Column("second_engineer_id", sa.Uuid(), nullable=True, comment=comment))
    op.add_column("visit", sa.Column("second_engineer", sa.String(), nullable=True, comment="their name"))
    op.create_foreign_key(op.f("fk_visit_second_engineer_id"), "visit", "app_user", ["second_engineer_id"], ["id"])
    op.create_check_constraint("second_engineer", "visit", "num_nulls(second_engineer_id, second_engineer) IN (0, 2)")
    op.create_check_constraint(
        "pair",
        "visit",
        "second_engineer_id IS NULL OR (engineer_id IS NOT NULL AND second_engineer_id <> engineer_id)",
    )
    op.create_index(
        "ix_visit_second_engineer",
        "visit",
        ["second_engineer_id", "starts_at"],
        postgresql_where=sa.text("second_engineer_id IS NOT NULL"),
    )
    op.execute(FROM_PLANS)


def downgrade() -> None:
    op.drop_index("ix_visit_second_engineer", "visit")
    op.drop_constraint("pair", "visit", type_="check")
    op.drop_constraint("second_engineer", "visit", type_="check")
    op.drop_constraint(op.f("fk_visit_second_engineer_id"), "visit", type_="foreignkey")
    op.drop_column("visit", "second_engineer")
    op.drop_column("visit", "second_engineer_id")
