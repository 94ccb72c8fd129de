"""`python -m tilth.rpc.jsonrpc`: the OpenRPC document, as docs/reference/openrpc.json has it."""

import json
import sys

from tilth.rpc.jsonrpc.openrpc import document
from tilth.rpc.jsonrpc.table import method_table

json.dump(document(method_table()), sys.stdout, indent=1, ensure_ascii=False)
print()
