"""An unmodified async-substrate-interface goes on over an upgrade of the runtime."""
# pyright: reportMissingImports=false

import asyncio
import json
import sys

from async_substrate_interface import AsyncSubstrateInterface


async def main(url: str) -> None:
    async with AsyncSubstrateInterface(url) as chain:
        before = (await chain.init_runtime()).runtime_version
        print("ready", flush=True)
        now = before
        for _ in range(200):
            now = (await chain.init_runtime(await chain.get_chain_head())).runtime_version
            if now != before:
                break
            await asyncio.sleep(0.05)
        call = await chain.compose_call("Greeter", "greet", {})
        genesis = await chain.get_block_hash(0)
        then = await chain.get_metadata_call_function("Greeter", "greet", genesis)
        print(
            json.dumps({"before": before, "now": now, "call": str(call), "then": then is not None})
        )


asyncio.run(main(*sys.argv[1:]))
