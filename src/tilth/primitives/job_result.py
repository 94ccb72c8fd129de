"""What binds a sealed result to the job it answers."""


def result_info(genesis_hash: bytes, job: int, spec_hash: bytes) -> bytes:
    """HPKE's `info`: the same bytes to seal and to open, on one chain, for one job and spec."""
    return b"tilth/result/1" + genesis_hash + job.to_bytes(8, "little") + spec_hash
