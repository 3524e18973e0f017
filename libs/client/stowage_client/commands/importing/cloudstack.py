"""stowage import cloudstack."""

import typer

from stowage_client.client import Client
from stowage_client.commands.importing import options
from stowage_client.commands.importing.ordering import How, Order, Where
from stowage_client.commands.importing.wishes import KeyOptions, StoreOptions
from stowage_client.commands.shell import Shell
from stowage_client.importing.source import Rules


def import_cloudstack(  # noqa: PLR0913 - each is an option of the command
    context: typer.Context,
    dsn: options.DsnText,
    password: options.Password = None,
    dry_run: options.DryRun = False,
    db_properties: options.Properties = None,
    key: options.Key = None,
    db_secret: options.DbSecret = None,
    plain_secrets: options.PlainSecrets = False,
    store_secret: options.StoreSecret = None,
    store_at: options.StoreAt = None,
    store_set: options.StoreSet = None,
    leave_out: options.LeaveOut = None,
    read_only: options.ReadOnly = False,
    sizes: options.Sizes = True,
    checksums: options.Checksums = True,
    tag: options.Tag = None,
    wait: options.Wait = False,
    report_to: options.ReportTo = None,
    deadline: options.Deadline = 300,
) -> None:
    """Take over a CloudStack's stores, templates, ISOs, volumes and snapshots.

    Its database is only read, the images stay where they are; run again it changes nothing.
    """
    shell: Shell = context.obj
    said = (store_at or (), store_set or (), store_secret or (), leave_out or (), read_only)
    order = Order(
        Where(dsn, password, deadline),
        KeyOptions(db_properties, key, db_secret, plain_secrets),
        StoreOptions(*said),
        Rules(sizes, checksums, tuple(tag or ())),
        How(dry_run, wait, report_to),
    )

    async def work(client: Client) -> None:
        await order.work(client, shell)

    shell.run(work)
