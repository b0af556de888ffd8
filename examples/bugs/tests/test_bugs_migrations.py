"""The migrations make the tables that the models describe."""

from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from bugs.models import Base

from mailproc.testing import PostOffice


def test_migrations_and_models_agree(tracker: PostOffice) -> None:
    """What a fresh installation has is what the program expects."""
    ours = {"include_name": lambda name, kind, parents: kind != "table" or name in Base.metadata.tables}
    with tracker.session() as session:
        context = MigrationContext.configure(session.connection(), opts={**ours, "compare_type": True})
        assert compare_metadata(context, Base.metadata) == []
