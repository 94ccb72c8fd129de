"""Content on the chain: who stored which bytes where, and how they are found again."""

from tilth.pallets.transaction_storage.api import ContentApi as ContentApi
from tilth.pallets.transaction_storage.cid import RAW as RAW
from tilth.pallets.transaction_storage.cid import CidConfig as CidConfig
from tilth.pallets.transaction_storage.cid import HashingAlgorithm as HashingAlgorithm
from tilth.pallets.transaction_storage.cid import cid_of as cid_of
from tilth.pallets.transaction_storage.cid import digest as digest
from tilth.pallets.transaction_storage.errors import Error as Error
from tilth.pallets.transaction_storage.events import ProofChecked as ProofChecked
from tilth.pallets.transaction_storage.events import Renewed as Renewed
from tilth.pallets.transaction_storage.events import Stored as Stored
from tilth.pallets.transaction_storage.pallet import POT as POT
from tilth.pallets.transaction_storage.pallet import TransactionStorage as TransactionStorage
from tilth.pallets.transaction_storage.types import AuthorizationExtent as AuthorizationExtent
from tilth.pallets.transaction_storage.types import Challenge as Challenge
from tilth.pallets.transaction_storage.types import ContentLocation as ContentLocation
from tilth.pallets.transaction_storage.types import ForAccount as ForAccount
from tilth.pallets.transaction_storage.types import ForPreimage as ForPreimage
from tilth.pallets.transaction_storage.types import TransactionInfo as TransactionInfo
