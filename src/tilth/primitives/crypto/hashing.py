"""The hash functions of a Substrate chain, and the hashers of its storage keys."""

from hashlib import blake2b, sha256

from xxhash import xxh64_digest


def blake2_128(data: bytes) -> bytes:
    return blake2b(data, digest_size=16).digest()


def blake2_256(data: bytes) -> bytes:
    return blake2b(data, digest_size=32).digest()


def blake2_512(data: bytes) -> bytes:
    return blake2b(data).digest()


def sha2_256(data: bytes) -> bytes:
    return sha256(data).digest()


def keccak_256(data: bytes) -> bytes:
    """Ethereum's hash: Keccak before the padding of SHA-3, so `hashlib.sha3_256` differs."""
    from Crypto.Hash import keccak  # 60 ms, and few chains ever need it

    return keccak.new(digest_bits=256, data=data).digest()


# sp_crypto_hashing: twox_N is N/64 XXH64 sums with seeds 0, 1, …, each little-endian
def twox_64(data: bytes) -> bytes:
    return xxh64_digest(data, 0)[::-1]


def twox_128(data: bytes) -> bytes:
    return xxh64_digest(data, 0)[::-1] + xxh64_digest(data, 1)[::-1]


def twox_256(data: bytes) -> bytes:
    return b"".join(xxh64_digest(data, seed)[::-1] for seed in range(4))


def blake2_128_concat(key: bytes) -> bytes:
    """For keys that outsiders choose: collisions cannot be made, and the key can be read back."""
    return blake2b(key, digest_size=16).digest() + key


def twox_64_concat(key: bytes) -> bytes:
    """For keys that only the chain chooses: collisions can be made, the key can be read back."""
    return xxh64_digest(key, 0)[::-1] + key


def identity(key: bytes) -> bytes:
    """For keys that are hashes themselves."""
    return key
