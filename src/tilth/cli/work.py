"""A node's work on private tables, begun where the options ask for it."""

from collections.abc import Callable

from tilth.cli.loading import CannotStart
from tilth.cli.secret_uri import NoSecret, secret_uri
from tilth.cli.work_options import WorkOptions
from tilth.node.service import Node


def works_of(
    node: Node, options: WorkOptions, *, default_key: str | None = None
) -> list[Callable[[], object]]:
    """What ends the work, if there is any; raises CannotStart.

    Vault and engine are loaded where there is a vault.
    """
    if options.vault is None:
        if options.compute is not None:
            raise CannotStart("--compute says where the jobs of a --vault run: there is none")
        return []
    from tilth.cli.owner import employ
    from tilth.cli.vault import NotNow
    from tilth.engine import NotConfined
    from tilth.primitives.crypto.keypair import InvalidSecret
    from tilth.runtime.executor import ClusterUnfit
    from tilth.vault import VaultError

    named = options.worker_key or default_key
    if named is None:
        raise CannotStart("--vault needs --worker-key: the account that works for these tables")
    try:
        key = secret_uri(named, "--worker-key")
        shift = employ(
            node,
            options.vault,
            key=key,
            unconfined_ok=options.unconfined_ok,
            compute=options.compute,
        )
        return [shift.end]
    except NotConfined as error:
        raise CannotStart(f"{error}; --unconfined-ok takes jobs all the same") from error
    except (ClusterUnfit, NotNow, VaultError, NoSecret, InvalidSecret) as error:
        raise CannotStart(str(error)) from error
