"""The data owner's side: private tables at rest, what is public of them, and what was released.

schema, table           the public description; rows in canonical form and scaled for a trainer
source, csv_source, array_source, arrow_source     reading what the owner brings
draft, bounds           suggesting a schema for it
mock, commitments, registration           all that becomes public
files, keyfile, layout, store             encrypted on disk
backup, backup_file                       copies of all that, the second under a password
journal, ledger, outbox the owner's own refusal, and what it let out
"""

from tilth.vault.array_source import read_evaluation as read_evaluation
from tilth.vault.array_source import read_npy as read_npy
from tilth.vault.array_source import read_npz as read_npz
from tilth.vault.backup_file import unpack_backup as unpack_backup
from tilth.vault.backup_file import write_backup as write_backup
from tilth.vault.csv_source import read_csv as read_csv
from tilth.vault.csv_source import table_from_csv as table_from_csv
from tilth.vault.draft import Draft as Draft
from tilth.vault.draft import Limits as Limits
from tilth.vault.draft import Roles as Roles
from tilth.vault.errors import DamagedError as DamagedError
from tilth.vault.errors import KeyFileError as KeyFileError
from tilth.vault.errors import LedgerDamagedError as LedgerDamagedError
from tilth.vault.errors import LedgerRefuses as LedgerRefuses
from tilth.vault.errors import SchemaError as SchemaError
from tilth.vault.errors import TableError as TableError
from tilth.vault.errors import TakenError as TakenError
from tilth.vault.errors import UnknownTableError as UnknownTableError
from tilth.vault.errors import VaultError as VaultError
from tilth.vault.errors import WrongKeyError as WrongKeyError
from tilth.vault.keyfile import keep_key as keep_key
from tilth.vault.keyfile import read_key as read_key
from tilth.vault.ledger import Budget as Budget
from tilth.vault.ledger import EpsilonCap as EpsilonCap
from tilth.vault.ledger import Ledger as Ledger
from tilth.vault.ledger import OrderCaps as OrderCaps
from tilth.vault.ledger import Spent as Spent
from tilth.vault.mock import mock_table as mock_table
from tilth.vault.outbox import Outbox as Outbox
from tilth.vault.registration import Registration as Registration
from tilth.vault.schema import Categorical as Categorical
from tilth.vault.schema import Numeric as Numeric
from tilth.vault.schema import Schema as Schema
from tilth.vault.source import parse_source as parse_source
from tilth.vault.source import read_file as read_file
from tilth.vault.store import Entry as Entry
from tilth.vault.store import Opening as Opening
from tilth.vault.store import Vault as Vault
from tilth.vault.table import PrivateTable as PrivateTable
from tilth.vault.table import Table as Table
from tilth.vault.table import csv_bytes as csv_bytes
