"""`understudy health`: whether a server is ready, for health checks of containers, which then need no other program."""

from typing import Final

import click

_TIMEOUT_SECONDS: Final = 3.0


class NotReady(click.ClickException):
    exit_code = 3


@click.command()
@click.option("--base-url", metavar="URL", help="The server's address.  [default: as for other commands]")
@click.option("--live", is_flag=True, help="Check only that the process serves, even without its database.")
def health(base_url: str | None, *, live: bool) -> None:
    """Check whether a server is ready; needs no key. The exit code is 3 if it is not."""
    import os
    import urllib.error
    import urllib.request

    from understudy_toolkit.address import address

    try:
        root = address(base_url, None, os.environ).root
    except ValueError as error:
        raise click.UsageError(str(error)) from None
    url = f"{root}/health/{'live' if live else 'ready'}"
    try:
        # Without the proxies of the environment, which do not reach this machine's own address.
        with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(url, timeout=_TIMEOUT_SECONDS):
            pass
    except urllib.error.HTTPError as error:
        raise NotReady(f"{url} returned {error.code}.") from None
    except OSError as error:
        reason = getattr(error, "reason", None) or error
        raise NotReady(f"{url} is unavailable: {getattr(reason, 'strerror', None) or reason}.") from None
    click.echo("live" if live else "ready")
